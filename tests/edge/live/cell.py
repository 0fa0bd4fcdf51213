"""A station with one accelerometer on a real store, engine, disk and outbox, and the live line."""

import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from inference.networks import reference, series, write_vibration
from numpy.typing import NDArray

from edge import config
from edge.build.beside import Choices
from edge.config import Line
from edge.decode import DecodeThread
from edge.disk import Disk
from edge.fit import check_bundles
from edge.inference.engine import Engine
from edge.inference.openvino import open_runner
from edge.inference.runner import Done, Input, Outputs, RunFailed, Runner
from edge.journal import Journal
from edge.live.line import LiveLine
from edge.live.post import Post
from edge.metrics import Metrics
from edge.pipeline import StationPipeline
from edge.publish.outbox import Outbox
from edge.publish.plc import Echoes
from edge.statefile import NAME
from edge.store import keys, signature
from edge.store.arrival import SIGNATURE
from edge.store.choice import chosen, stored
from edge.store.state import Place, Ref, State
from edge.store.store import Store
from sensors.signal import Sample, Trigger

MS = 1_000_000
PLACE = Place("st1", "*")
BLOCK = 8  # ms
MANIFEST = """
format = 1
name = "felt"
version = "{version}"
hypotheses = ["ok", "imbalance", "rub"]
golden = "golden.npz"
files = {{"vibration.onnx" = "{network}", "golden.npz" = "{golden}"}}
origin = {{command = "test", data = "random weights", created = "2026-11-26"}}
[[thresholds]]
ok_belief = 0.9
defect_belief = 0.8
conflict = 0.3
[detectors.vibration]
sense = "vibration"
file = "vibration.onnx"
classes = [
    {{name = "good", hypotheses = ["ok"], prior = 0.4}},
    {{name = "imbalance", hypotheses = ["imbalance"], prior = 0.3}},
    {{name = "rub", hypotheses = ["rub"], prior = 0.3}},
]
[detectors.vibration.input]
kind = "series"
name = "acceleration"
unit = "m/s2"
channels = 3
rate_hz = 1000.0
length = {length}
"""


class Shop:
    """Makes signed bundles and installs them where the line looks for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "bundles")
        (folder / "keys").mkdir()
        public = keys.write_pair(folder / "maker")
        shutil.copy(folder / "maker.pub", folder / "keys")
        self.trusted = {public.id: public}

    def install(self, version: str, *, seed: int = 0, off: float = 0.0, length: int = 64) -> Ref:
        """One version; `off` is how wrong its golden logits are."""
        model = self.folder / "made" / version
        model.mkdir(parents=True)
        file = write_vibration(model / "vibration.onnx", seed=seed)
        inputs = series()[:2]
        logits = np.stack([reference(file, one)["logits"] for one in inputs]) + np.float32(off)
        golden = {"vibration.input": inputs, "vibration.logits": logits}
        np.savez(model / "golden.npz", **golden)  # type: ignore[arg-type]
        network, known = (
            hashlib.sha256((model / name).read_bytes()).hexdigest()
            for name in ("vibration.onnx", "golden.npz")
        )
        text = MANIFEST.format(version=version, network=network, golden=known, length=length)
        (model / "manifest.toml").write_text(text)
        key = keys.read_secret(self.folder / "maker.key", lambda: "")
        made = signature.sign((model / "manifest.toml").read_bytes(), key, "test")
        (model / SIGNATURE).write_text(made.text())
        self.store.install(model, self.trusted, None)
        return self.store.ref("felt", version, self.trusted)

    def promote(self, version: str) -> None:
        self.store.promote("felt", version, [PLACE], self.trusted)

    def shadow(self, version: str) -> None:
        self.store.shadow("felt", version, [PLACE], self.trusted)

    @property
    def state(self) -> State:
        found = self.store.state(PLACE)
        assert found is not None
        return found

    def logits(self, version: str, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """What onnx's own reference makes of a window."""
        file = self.store.folder_of("felt", version) / "vibration.onnx"
        return reference(file, data)["logits"]

    def line(self, *, engine: str = "openvino", **rules: Any) -> Line:
        station = {
            "id": "st1",
            "bundles": {"*": "store:felt"},
            "rules": {"*": rules} if rules else {},
            "trigger": {"link": "l", "topic": "trigger", "max_delay_s": 30.0},
            "sensors": [{"id": "vib", "link": "l", "topic": "vib", "input": "vibration"}],
        }
        said: dict[str, Any] = {
            "site": "s",
            "line": "l",
            "links": {"l": {"kind": "mqtt"}},
            "stations": [station],
            "engine": {"name": engine},
        }
        said["budget"] = {"deadline_ms": 1000.0}  # on a busy machine, too
        return config.rebase(Line.model_validate(said), self.folder)


class Faulty:
    """A real network that fails when told to."""

    def __init__(self, runner: Runner, is_broken: Callable[[], bool]) -> None:
        self._runner = runner
        self._is_broken = is_broken
        self.name, self.precision, self.most = runner.name, runner.precision, runner.most

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        return Done([self.run(one) for one in windows])

    def run(self, data: NDArray[np.generic]) -> Outputs:
        if self._is_broken():
            raise RunFailed("the driver gave up")
        return self._runner.run(data)


class Cell:
    """What a test does to the line, and sees of it."""

    def __init__(
        self, live: LiveLine, pipeline: StationPipeline, engine: Engine, journal: Journal,
        outbox: Outbox,
    ) -> None:  # fmt: skip
        self.live = live
        self.pipeline = pipeline
        self.engine = engine
        self.journal = journal
        self.feed = outbox.feed("mqtt")
        self.broken: set[str] = set()  # versions whose network fails
        self.felt: dict[int, NDArray[np.float32]] = {}  # by sequence, its window
        self._edges: dict[int, int] = {}
        self._begin_ns = time.monotonic_ns() - 4_000 * MS

    @property
    def changes(self) -> Any:
        return self.live._changes

    @property
    def post(self) -> Post:
        found: Post = self.changes.posts[PLACE]
        return found

    async def open(self, sequence: int, edge_ns: int | None = None) -> None:
        """Its trigger; the window of 64 ms is a while ago, unless told otherwise."""
        if edge_ns is None:
            edge_ns = self._begin_ns + sequence * 80 * MS
        edge_ns -= edge_ns % (BLOCK * MS)  # on the grid of all samples
        told = Trigger("st1", sequence, f"A{sequence}", "x", 0, edge_ns, time.monotonic_ns())
        accepted = await self.journal.accept(told)
        assert accepted is not None
        self._edges[sequence] = edge_ns
        self.pipeline.open(accepted)

    def feel(self, sequence: int) -> None:
        """All its samples arrive; block by block, from before its edge to after its end."""
        edge_ns = self._edges[sequence]
        rng = np.random.default_rng(sequence)
        data = rng.normal(size=(3, 64)).astype(np.float32)
        padded = np.concatenate([data, np.zeros((3, BLOCK), np.float32)], axis=1)
        for k in range(0, 64 + BLOCK, BLOCK):
            at_ns = edge_ns + k * MS
            self.pipeline.add(
                Sample("vib", at_ns // (BLOCK * MS), at_ns, time.monotonic_ns(), 1000.0,
                       padded[:, k : k + BLOCK]),
                at_ns, "envelope",
            )  # fmt: skip
        self.felt[sequence] = data

    async def verdict(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            one = await self.feed.next()
        said: dict[str, Any] = json.loads(one.body)
        return said

    async def over(self, sequence: int) -> None:
        """Wait until its window has ended."""
        end_ns = self._edges[sequence] + 80 * MS
        await asyncio.sleep(max(0.0, (end_ns - time.monotonic_ns()) / 1e9))

    async def judge(self, sequence: int) -> dict[str, Any]:
        await self.open(sequence)
        self.feel(sequence)
        return await self.verdict()

    async def until(self, is_so: Callable[[], bool], within_s: float = 10.0) -> None:
        async with asyncio.timeout(within_s):
            while not is_so():  # noqa: ASYNC110 - whatever it is
                await asyncio.sleep(0.01)


@asynccontextmanager
async def cell(shop: Shop, line: Line, metrics: Metrics | None = None) -> AsyncIterator[Cell]:
    metrics = metrics or Metrics()
    ready, places = chosen(line), dict(stored(line))
    bundles = check_bundles(ready)
    made: list[Cell] = []

    def opener(file: Path, wanted: Input, **options: Any) -> Runner:
        runner = open_runner(file, wanted, **options)
        return Faulty(runner, lambda: bool(made) and file.parent.name in made[0].broken)

    async with (
        Disk(ready.storage.folder / NAME) as disk,
        Journal(disk) as journal,
        Outbox(disk, {"mqtt": None}, metrics.count) as outbox,
        DecodeThread(metrics.count) as decode,
        Engine(ready.engine, bundles.values(), metrics.count, open_runner=opener) as engine,
    ):
        pipeline = StationPipeline(
            ready.stations[0], ready, bundles, outbox, decode, engine, metrics, Echoes(), None,
            judged=lambda part, verdict: made[0].live.judged(part, verdict),  # noqa: PLW0108
        )  # fmt: skip
        choices = Choices(ready.engine, engine)
        opened = LiveLine.open(
            ready, places, bundles, {"st1": pipeline}, engine, disk, metrics, lambda _: None,
            choices.want,
        )  # fmt: skip
        async with opened as live, outbox.feed("mqtt"):
            made.append(Cell(live, pipeline, engine, journal, outbox))
            jobs = (pipeline.run(), live.run(), choices.run())
            work = [asyncio.create_task(one) for one in jobs]
            await made[0].until(lambda: made[0].post.state is not None)
            yield made[0]
            for task in work:
                assert not task.done(), task.exception()
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
