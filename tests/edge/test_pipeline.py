"""One station's path: every accepted trigger gets one verdict in time, whatever the sensors do."""

import asyncio
import hashlib
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference.networks import write_vibration
from numpy.typing import NDArray

from edge import bundle
from edge.config import Line
from edge.decode import DecodeThread
from edge.disk import Disk
from edge.fit import check_bundles
from edge.inference.engine import Engine
from edge.inference.openvino import open_runner
from edge.inference.runner import Done, Input, Outputs, Runner
from edge.journal import Journal
from edge.metrics import Metrics
from edge.pipeline import StationPipeline
from edge.publish.outbox import Outbox
from edge.publish.plc import Echoes
from sensors.signal import Sample, Trigger

RATE_HZ, LENGTH, BLOCK = 1000.0, 64, 8  # the window is 64 ms, a block 8 ms
MS = 1_000_000
PARTS = 5
RESERVE_NS = 8 * MS  # the least that is kept back before a deadline (edge config schema)
MANIFEST = """
format = 1
name = "felt"
version = "1.0.0"
hypotheses = ["ok", "imbalance", "rub"]
files = {{"vibration.onnx" = "{digest}"}}
origin = {{command = "test", data = "random weights", created = "2026-11-21"}}
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
length = 64
"""


class Slow:
    """A real runner that takes its time."""

    def __init__(self, runner: Runner, delay_s: float) -> None:
        self._runner = runner
        self._delay_s = delay_s
        self.name, self.precision, self.most = runner.name, runner.precision, runner.most

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        return Done([self.run(one) for one in windows])

    def run(self, data: NDArray[np.generic]) -> Outputs:
        time.sleep(self._delay_s)
        return self._runner.run(data)


class Cell:
    """A station with two accelerometers, its real engine, disk, journal and outbox."""

    def __init__(self, pipeline: StationPipeline, journal: Journal, outbox: Outbox) -> None:
        self.pipeline = pipeline
        self.journal = journal
        self.feed = outbox.feed("mqtt")

    async def trigger(self, sequence: int, edge_ns: int, **more: Any) -> int:
        """How long the disk took, ns."""
        now_ns = time.monotonic_ns()
        told = Trigger("st1", sequence, f"A{sequence}", "motor", 0, edge_ns, now_ns)
        accepted = await self.journal.accept(replace(told, **more))
        took_ns = time.monotonic_ns() - now_ns
        assert accepted is not None
        self.pipeline.open(accepted)
        return took_ns

    def feel(self, sensor: str, start_ns: int, blocks: int) -> None:
        """Blocks of noise from `start_ns` on, all arriving now."""
        rng = np.random.default_rng(start_ns % 2**32)
        for k in range(blocks):
            at_ns = start_ns + round(k * BLOCK * 1e9 / RATE_HZ)
            data = rng.normal(size=(3, BLOCK)).astype(np.float32)
            seq = at_ns // (BLOCK * MS)
            sample = Sample(sensor, seq, at_ns, time.monotonic_ns(), RATE_HZ, data)
            self.pipeline.add(sample, at_ns, "envelope")

    async def verdict(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            one = await self.feed.next()
        said: dict[str, Any] = json.loads(one.body)
        return said


@asynccontextmanager
async def cell(
    folder: Path, metrics: Metrics, delay_s: float = 0.0, offsets_s: tuple[float, ...] = ()
) -> AsyncIterator[Cell]:
    model = folder / "bundle"
    model.mkdir(exist_ok=True)
    file = write_vibration(model / "vibration.onnx")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (model / bundle.MANIFEST).write_text(MANIFEST.format(digest=digest))
    sensors = [
        {"id": f"st1-{n}", "link": "l", "topic": n, "input": "vibration", "offsets_s": offsets_s}
        for n in ("left", "right")
    ]
    station = {
        "id": "st1",
        "bundles": {"motor": model},
        "trigger": {"link": "l", "topic": "trigger"},
        "sensors": sensors,
    }
    line = Line.model_validate(
        {
            "site": "s",
            "line": "l",
            "links": {"l": {"kind": "mqtt"}},
            "stations": [station],
            "engine": {"timeout_ms": 3000},
        }
    )

    def opener(file: Path, wanted: Input, **options: Any) -> Runner:
        runner = open_runner(file, wanted, **options)
        return Slow(runner, delay_s) if delay_s else runner

    bundles = check_bundles(line)
    async with (
        Disk(folder / "state.sqlite") as disk,
        Journal(disk) as journal,
        Outbox(disk, {"mqtt": None}, metrics.count) as outbox,
        DecodeThread(metrics.count) as decode,
        Engine(line.engine, bundles.values(), metrics.count, open_runner=opener) as engine,
    ):
        pipeline = StationPipeline(
            line.stations[0], line, bundles, outbox, decode, engine, metrics, Echoes(), None
        )
        async with outbox.feed("mqtt"):
            work = asyncio.create_task(pipeline.run())
            yield Cell(pipeline, journal, outbox)
            work.cancel()


class Bystander:
    """Wants each core every millisecond: how long this box, at its worst, lets anyone wait.

    A thread for each, since a host may take one core of a virtual machine away and leave the other.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._worst_ns = dict.fromkeys(os.sched_getaffinity(0), 0)
        self._threads = [
            threading.Thread(target=self._watch, args=(core,), daemon=True)
            for core in self._worst_ns
        ]

    def __enter__(self) -> "Bystander":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def worst_ns(self) -> int:
        return max(self._worst_ns.values())

    def _watch(self, core: int) -> None:
        os.sched_setaffinity(threading.get_native_id(), {core})
        before_ns = time.monotonic_ns()
        while not self._over.wait(0.001):
            now_ns = time.monotonic_ns()
            self._worst_ns[core] = max(self._worst_ns[core], now_ns - before_ns - MS)
            before_ns = now_ns


def check_late(said: dict[str, Any], stood_still_ns: int) -> bool:
    """Whether a part was late. It is not, unless disk and box stood still for longer than the
    reserve before its deadline; then by no more than they did, and it says so."""
    late_ns = said["clock"]["sealed_ns"] - said["clock"]["deadline_ns"]
    assert late_ns <= (stood_still_ns if stood_still_ns > RESERVE_NS else 0)
    assert said["late"] == (late_ns > 0)
    return bool(said["late"])


def counted(metrics: Metrics, source: str, cause: str) -> float:
    return metrics.registry.get_sample_value(
        "edge_drops_total", {"source": source, "cause": cause}
    ) or 0.0  # fmt: skip


async def test_complete_windows_are_judged_at_once(tmp_path: Path) -> None:
    took_s = []
    async with cell(tmp_path, Metrics()) as station:
        for sequence in range(1, PARTS + 1):
            with Bystander() as bystander:
                edge_ns = time.monotonic_ns() - 80 * MS  # the window has just ended
                disk_ns = await station.trigger(sequence, edge_ns)
                for name in ("st1-left", "st1-right"):
                    station.feel(name, edge_ns - 16 * MS, 12)
                start = time.monotonic()
                said = await station.verdict()
                took_s.append(time.monotonic() - start)
            assert said["part"] == f"A{sequence}"
            if not check_late(said, disk_ns + bystander.worst_ns):
                assert {s["status"] for s in said["sensors"].values()} == {"ok"}
    assert min(took_s) < 0.03  # the deadline would be 0.05


async def test_a_silent_sensor_ends_the_waiting_before_the_deadline(tmp_path: Path) -> None:
    late = []
    async with cell(tmp_path, Metrics()) as station:
        for sequence in range(1, PARTS + 1):
            with Bystander() as bystander:
                edge_ns = time.monotonic_ns() - 70 * MS
                disk_ns = await station.trigger(sequence, edge_ns)
                station.feel("st1-left", edge_ns - 16 * MS, 12)
                said = await station.verdict()
            assert said["sensors"]["st1-right"]["status"] == "silent"
            assert said["degraded"]
            assert said["decision"] != "ok"
            late.append(check_late(said, disk_ns + bystander.worst_ns))
            if not late[-1]:
                assert said["sensors"]["st1-left"]["status"] == "ok"
    assert not all(late)


async def test_several_windows_of_a_sensor_become_one_verdict_with_each_in_it(
    tmp_path: Path,
) -> None:
    async with cell(tmp_path, Metrics(), offsets_s=(0.0, 0.032, 0.2)) as station:
        edge_ns = time.monotonic_ns() - 280 * MS  # the last window, of 64 ms, has just ended
        await station.trigger(1, edge_ns)
        for name in ("st1-left", "st1-right"):
            station.feel(name, edge_ns - 16 * MS, 37)
        said = await station.verdict()
        assert said["clock"]["window_end_ns"] - said["clock"]["trigger_ns"] == 264 * MS
        for report in said["sensors"].values():
            assert [one["offset_s"] for one in report["windows"]] == [0.0, 0.032, 0.2]
            assert {one["status"] for one in report["windows"]} == {"ok"}
            shares = [tuple(one["probabilities"].values()) for one in report["windows"]]
            assert len(set(shares)) == 3  # each its own samples
            assert sum(report["mass"].values()) == pytest.approx(1.0, abs=1e-5)


async def test_early_windows_are_inferred_while_the_last_is_awaited(tmp_path: Path) -> None:
    """Their networks take 60 ms each, and have answered before the last window is over."""
    async with cell(tmp_path, Metrics(), delay_s=0.06, offsets_s=(0.0, 0.4)) as station:
        edge_ns = time.monotonic_ns() - 70 * MS
        await station.trigger(1, edge_ns)
        for name in ("st1-left", "st1-right"):
            station.feel(name, edge_ns - 16 * MS, 12)
        said = await station.verdict()
        for report in said["sensors"].values():
            assert [one["status"] for one in report["windows"]] == ["ok", "silent"]
            assert report["windows"][0]["probabilities"]
        assert said["decision"] != "ok"
        assert "window at 0.4 s: no data in the part's window" in said["degraded_reason"]
        assert 0 < said["clock"]["inferred_ns"] < said["clock"]["window_end_ns"]


async def test_a_window_whose_end_never_came_is_incomplete(tmp_path: Path) -> None:
    async with cell(tmp_path, Metrics()) as station:
        edge_ns = time.monotonic_ns() - 70 * MS
        await station.trigger(1, edge_ns)
        station.feel("st1-left", edge_ns, 9)
        station.feel("st1-right", edge_ns, 6)  # 48 of 64 ms
        said = await station.verdict()
        assert said["sensors"]["st1-right"]["status"] == "incomplete"
        assert "75%" in said["sensors"]["st1-right"]["reason"]


async def test_a_window_that_lacks_only_its_last_block_is_still_judged(tmp_path: Path) -> None:
    async with cell(tmp_path, Metrics()) as station:
        edge_ns = time.monotonic_ns() - 70 * MS
        with Bystander() as bystander:
            disk_ns = await station.trigger(1, edge_ns - 4 * MS)
            station.feel("st1-left", edge_ns, 9)
            station.feel("st1-right", edge_ns - 8 * MS, 8)  # 60 of 64 ms
            said = await station.verdict()
        assert said["sensors"]["st1-right"]["coverage"] == 0.9375
        assert said["sensors"]["st1-right"]["probabilities"]
        check_late(said, disk_ns + bystander.worst_ns)


async def test_a_hung_engine_is_a_missing_sensor_and_its_late_result_is_counted(
    tmp_path: Path,
) -> None:
    metrics = Metrics()
    async with cell(tmp_path, metrics, delay_s=0.6) as station:
        edge_ns = time.monotonic_ns() - 80 * MS
        with Bystander() as bystander:
            disk_ns = await station.trigger(1, edge_ns)
            for name in ("st1-left", "st1-right"):
                station.feel(name, edge_ns - 16 * MS, 12)
            start = time.monotonic()
            said = await station.verdict()
        assert time.monotonic() - start < 0.3  # the engine hangs for twice as long
        assert {s["status"] for s in said["sensors"].values()} == {"late"}
        check_late(said, disk_ns + bystander.worst_ns)
        await asyncio.sleep(1.5)
        late = counted(metrics, "st1-left", "late_result")
        assert late + counted(metrics, "st1-left", "inference_skipped") == 1


async def test_a_late_trigger_finds_its_window_in_the_past(tmp_path: Path) -> None:
    async with cell(tmp_path, Metrics()) as station:
        edge_ns = time.monotonic_ns() - 2_000 * MS
        for name in ("st1-left", "st1-right"):
            station.feel(name, edge_ns - 16 * MS, 200)
        await station.trigger(1, edge_ns)
        said = await station.verdict()
        assert {s["status"] for s in said["sensors"].values()} == {"ok"}
        assert said["trigger_age_ms"] >= 2000
        assert not said["late"]


async def test_verdicts_leave_in_the_order_of_their_triggers(tmp_path: Path) -> None:
    async with cell(tmp_path, Metrics()) as station:
        now_ns = time.monotonic_ns()
        await station.trigger(1, now_ns - 20 * MS)  # its window ends in 44 ms
        await station.trigger(2, now_ns - 500 * MS)
        for name in ("st1-left", "st1-right"):
            station.feel(name, now_ns - 600 * MS, 30)
        said = [(await station.verdict())["sequence"] for _ in range(2)]
        assert said == [1, 2]


async def test_a_recipe_without_bundle_gets_a_verdict_that_says_so(tmp_path: Path) -> None:
    async with cell(tmp_path, Metrics()) as station:
        await station.trigger(1, time.monotonic_ns(), recipe="gearbox")
        said = await station.verdict()
        assert said["decision"] == "uncertain"
        assert "no bundle for recipe 'gearbox'" in said["degraded_reason"]
        assert (said["bundle"], said["bundle_version"], said["bundle_sha256"]) == ("", "", "")


async def test_a_part_from_the_ring_after_an_absence_is_late_and_recovered(tmp_path: Path) -> None:
    async with cell(tmp_path, Metrics()) as station:
        await station.journal.meet("st1")
        await asyncio.sleep(2.1)  # what a ring shows at first contact is a baseline
        await station.trigger(5, time.monotonic_ns() - 4_000 * MS, recovered=True)
        said = await station.verdict()
        assert (said["decision"], said["late"]) == ("uncertain", True)


async def test_what_was_accepted_before_a_restart_gets_its_verdict_after_it(tmp_path: Path) -> None:
    async with cell(tmp_path, Metrics()) as station:
        told = Trigger("st1", 1, "A1", "motor", 0, time.monotonic_ns(), time.monotonic_ns())
        assert await station.journal.accept(told)  # and the process ends before it is judged
    async with cell(tmp_path, Metrics()) as station:
        for accepted in station.journal.pending():
            station.pipeline.open(accepted)
        said = await station.verdict()
        assert (said["sequence"], said["decision"], said["recovered"]) == (1, "uncertain", True)
        assert (said["late"], said["error_code"]) == (True, 4)


async def test_a_queued_trigger_without_a_time_is_not_judged_on_what_stands_there_now(
    tmp_path: Path,
) -> None:
    async with cell(tmp_path, Metrics()) as station:
        await station.journal.meet("st1")
        await asyncio.sleep(2.1)
        now_ns = time.monotonic_ns()
        for name in ("st1-left", "st1-right"):
            station.feel(name, now_ns - 100 * MS, 30)
        await station.trigger(5, now_ns, received_ns=now_ns, recovered=True)
        said = await station.verdict()
        assert (said["decision"], said["late"]) == ("uncertain", True)
        assert not any(s["probabilities"] for s in said["sensors"].values())


async def test_what_is_owed_after_a_stalled_disk_is_judged_however_much_it_is(
    tmp_path: Path,
) -> None:
    owed = 300
    async with cell(tmp_path, Metrics()) as station:
        for sequence in range(1, owed + 1):
            now_ns = time.monotonic_ns()
            told = Trigger("st1", sequence, f"A{sequence}", "motor", 0, now_ns, now_ns)
            assert await station.journal.accept(told)
    async with cell(tmp_path, Metrics()) as station:
        await station.pipeline.recover(station.journal.pending())
        said = [(await station.verdict())["sequence"] for _ in range(owed)]
        assert said == list(range(1, owed + 1))
