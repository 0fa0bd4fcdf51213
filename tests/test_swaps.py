"""Bundles swapped under load, with broker, PLC, stations and daemon as processes of their own.

Few swaps, and every promise on each of them; `edge bench --swaps 20` is the long run.
"""

import asyncio
import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from upset import Bench, bench, sound

from edge import bundle, config
from edge.bundle import MANIFEST
from edge.errors import BundleError
from edge.live.asking import Daemon
from edge.rejudge import Judge
from edge.store.keys import read_trusted
from edge.store.state import Place
from edge.store.store import Store
from edge.trial.plant import beside, until_ready
from edge.trial.setup import Setup
from edge.trial.stock import versions_of
from sensors.recording import read_header, read_parts

pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.timeout(400)]
MOTOR = config.SHIPPED / "motor"
SETUP = Setup(
    parts=1200,
    stations=2,
    rate=4.0,
    recorded=6,
    broker="mosquitto",
    stored="motor",
    deadline_ms=2000.0,  # who judged is asked here, also on a busy machine; not how soon
)

SWAPS = 8
KILLS = 4  # by turns while networks are loaded, and between the state file and the switch


class Box:
    """What `edge bundle promote` does, without starting an interpreter each time."""

    def __init__(self, upset: Bench) -> None:
        folder = upset.plant.site.files.folder
        self.store = Store(folder / "bundles")
        self.trusted = read_trusted(folder / "keys")
        self.places = [Place(name, "*") for name in SETUP.station_ids()]
        self.daemon = Daemon(folder / "state")
        self.between: Callable[[], None] = lambda: None  # the promise and its fulfilment

    def promote(self, version: str) -> None:
        self.daemon.prepare(self.store.ref("motor", version, self.trusted), self.places)
        self.store.promote("motor", version, self.places, self.trusted)
        self.between()
        self.daemon.look()


async def test_swaps_under_load_lose_double_and_mix_no_part(tmp_path: Path) -> None:
    second = other_networks(tmp_path / "other")
    setup = replace(SETUP, swaps=SWAPS, second=second, is_recorded=True)
    (tmp_path / "trial").mkdir()
    over = asyncio.Event()
    async with bench(setup, tmp_path / "trial") as (upset, observer):
        box = Box(upset)

        async def swap() -> None:
            await upset.at(0.5)
            for version in versions_of(MOTOR, SWAPS)[1:]:
                await asyncio.to_thread(box.promote, version)
            over.set()

        async with beside(swap()):
            await observer.run(over)
        sound(observer.account, len(observer.account.announced))
        assert upset.plant.daemon.restarts == 0
        folder = upset.plant.site.files.folder
        verdicts = upset.verdicts
    named = Counter(one.bundle_version for one in verdicts.values())
    assert len(named) >= SWAPS - 2  # on a slow machine some follow each other between two parts
    for version, sha256 in {(v.bundle_version, v.bundle_sha256) for v in verdicts.values()}:
        assert box.store.ref("motor", version, box.trusted).sha256 == sha256
    for station in setup.station_ids():  # a version is never followed by a lower one
        ones = sorted((s, v.bundle_version) for (n, s), v in verdicts.items() if n == station)
        numbers = [int(version.split(".")[-1]) for _, version in ones]
        assert numbers == sorted(numbers)
    judged = {station: again(folder / "recordings" / station) for station in setup.station_ids()}
    assert sum(judged.values()) > len(verdicts) // 2


def again(recording: Path) -> int:
    """Every recorded part by the networks that its verdict names: the same masses; by the others
    not so, but for the odd part that both are sure of. How many parts there were."""
    sensors, count, apart = read_header(recording)["sensors"], 0, 0
    judges = [
        Judge(sensors, bundle.load(folder), "openvino")
        for folder in (MOTOR, recording.parents[2] / "other")
    ]
    first = int(judges[0].bundle.manifest.version.split(".")[-1])
    for part in read_parts(recording):
        by = [judge.again(part, None) for judge in judges]
        recorded = by[0].recorded
        if recorded is None or not any(r.reliability for r in recorded.sensors.values()):
            continue  # a busy machine lost all three
        own = (int(recorded.bundle_version.split(".")[-1]) - first) % 2
        assert by[own].differences == ()
        apart += bool(by[1 - own].differences)
        count += 1
    assert apart > 0.9 * count
    return count


async def test_a_daemon_killed_while_it_is_promoted_comes_back_with_one_of_the_two(
    tmp_path: Path,
) -> None:
    setup, over = replace(SETUP, rate=2.0, swaps=KILLS), asyncio.Event()
    async with bench(setup, tmp_path) as (upset, observer):
        box, child = Box(upset), upset.plant.daemon.child
        versions = versions_of(MOTOR, KILLS)

        async def kill_again_and_again() -> None:
            await upset.at(0.5)
            for number, version in enumerate(versions[1:]):
                before = box.store.state(box.places[0])
                assert before is not None
                box.between = child.kill if number % 2 else lambda: None
                promoting = asyncio.create_task(asyncio.to_thread(box.promote, version))
                if not number % 2:
                    await asyncio.sleep(0.2 * (number + 1))  # while networks are compiled or loaded
                    child.kill()
                with pytest.raises(BundleError, match="gave no answer"):
                    await promoting
                await asyncio.sleep(0.2)
                await until_ready(upset.plant.site.http)
                found = await asyncio.to_thread(box.daemon.status)
                for place, judging in zip(box.places, found, strict=True):
                    state = box.store.state(place)
                    assert state is not None
                    assert state.active.version in (before.active.version, version)
                    assert judging["active"] == state.active.model_dump()
            over.set()

        async with beside(kill_again_and_again()):
            await observer.run(over)
        sound(observer.account, len(observer.account.announced))
        assert upset.plant.daemon.restarts == KILLS


async def test_a_shadow_of_the_same_networks_agrees_on_every_part_and_publishes_none(
    tmp_path: Path,
) -> None:
    setup = replace(SETUP, parts=24, swaps=1)
    async with bench(setup, tmp_path) as (upset, observer):
        box = Box(upset)
        first, second = versions_of(MOTOR, 1)

        async def shadow() -> None:
            await upset.at(0.5)
            ref = box.store.ref("motor", second, box.trusted)
            await asyncio.to_thread(box.daemon.prepare, ref, box.places)
            box.store.shadow("motor", second, box.places, box.trusted)
            await asyncio.to_thread(box.daemon.look)

        async with beside(shadow()):
            await observer.run(asyncio.Event())
        sound(observer.account, 24)
        found = await asyncio.to_thread(box.daemon.status)
        assert {one.bundle_version for one in upset.verdicts.values()} == {first}
    for place in found:
        assert place["active"]["version"] == first
        assert place["shadow"]["version"] == second
        outcomes = place["compared"]["outcomes"]
        assert outcomes.keys() <= {"agrees", "skipped"}
        assert outcomes["agrees"] > 0


def other_networks(folder: Path) -> Path:
    """The shipped bundle with heads that answer otherwise, and golden data that say so."""
    shutil.copytree(MOTOR, folder)
    one = bundle.load(folder)
    path = folder / (one.manifest.golden or "")
    with np.load(path) as known:
        golden = {name: known[name] for name in known.files}
    for name, detector in one.manifest.detectors.items():
        classes = len(detector.classes)
        shift = np.linspace(1.0, 0.0, classes, dtype=np.float32)
        model = onnx.load(folder / detector.file)
        for node in model.graph.node:
            for at, output in enumerate(node.output):
                if output == detector.logits:
                    node.output[at] = "unshifted"
        model.graph.initializer.append(numpy_helper.from_array(shift, "shift"))
        model.graph.node.append(helper.make_node("Add", ["unshifted", "shift"], [detector.logits]))
        onnx.save(model, folder / detector.file)
        golden[f"{name}.logits"] = golden[f"{name}.logits"] + shift
    np.savez(path, **golden)  # type: ignore[arg-type]
    text = (folder / MANIFEST).read_text()
    for name in one.manifest.files:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        text = re.sub(rf'(?m)^"{re.escape(name)}" = ".*"$', f'"{name}" = "{digest}"', text)
    (folder / MANIFEST).write_text(text)
    return folder
