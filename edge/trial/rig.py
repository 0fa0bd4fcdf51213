"""A bare path for the floor: which block completes which part, and networks on bare threads."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.config import Line
from edge.inference.proved import load
from edge.inference.runner import Runner, opener
from edge.trial.extent import Extent, reader
from sensors.simulator.plan import Plan, SimulatedSensor
from sensors.simulator.timepiece import Timepiece, epoch_at

TOLERANCE_NS = 50_000  # clocks are told in whole nanoseconds, samples lie between them
Part = tuple[str, int]  # station, index
Networks = dict[str, tuple[Runner, NDArray[Any]]]  # by detector, with an input


@dataclass(slots=True)
class Needed:
    """What one sensor still owes, window by window, and its device's true clock."""

    sensor: SimulatedSensor
    clock: Timepiece
    detector: str
    pending: deque[tuple[int, Part]]  # monotonic time that a block must reach, part

    def reached(self, block: Extent) -> list[Part]:
        """Parts of which this block completes a window."""
        samples = 0 if self.sensor.sense == "camera" else block.samples
        duration_ns = round(samples * 1e9 / block.rate_hz)
        end_ns = self.clock.instant(block.t0_ns + duration_ns)
        done: list[Part] = []
        while self.pending and self.pending[0][0] <= end_ns:
            done.append(self.pending.popleft()[1])
        return done


@dataclass(slots=True)
class Timing:
    """Of one part."""

    end_ns: int  # true window end
    owed: int
    arrived_ns: int = 0
    answered_ns: int = 0
    running_ns: int = 0


class Rig:
    """Blocks in, timings out; the networks run on as many threads as the daemon's workers."""

    def __init__(
        self,
        timings: dict[Part, Timing],
        needs: dict[str, Needed],
        networks: Networks,
        on_done: Callable[[], None],  # called on one of those threads
        workers: int = 1,
    ) -> None:
        self.timings = timings
        self.needs = needs  # by topic or node
        self._readers = {source: reader(needed.sensor) for source, needed in needs.items()}
        self._networks = networks
        self._on_done = on_done
        self._work: queue.SimpleQueue[tuple[Part, str, int] | None] = queue.SimpleQueue()
        self._left = sum(timing.owed for timing in timings.values())
        self._counting = threading.Lock()
        self._locks = {name: threading.Lock() for name in networks}  # one call at a time
        self._threads = [
            threading.Thread(target=self._run, name="networks", daemon=True) for _ in range(workers)
        ]

    def __enter__(self) -> "Rig":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def arrived(self, source: str, payload: Any, beside: Any = None) -> None:
        """A block, on whichever thread heard it, and what the wire says beside it."""
        received_ns, needed = time.monotonic_ns(), self.needs[source]
        for part in needed.reached(self._readers[source](payload, beside)):
            self._work.put((part, needed.detector, received_ns))

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            part, detector, received_ns = job
            runner, golden = self._networks[detector]
            with self._locks[detector]:
                if golden.dtype == np.uint8:  # what a network makes of a picture may be remembered
                    golden[-1, 0, :1] += 1
                before_ns = time.monotonic_ns()
                runner.run(golden)
                now_ns = time.monotonic_ns()
            with self._counting:
                timing = self.timings[part]
                timing.arrived_ns = max(timing.arrived_ns, received_ns)
                timing.answered_ns = max(timing.answered_ns, now_ns)
                timing.running_ns += now_ns - before_ns
                timing.owed -= 1
                self._left -= 1
                if not self._left:
                    self._on_done()


def owed(
    plan: Plan, line: Line, one: Bundle, parts: int
) -> tuple[dict[Part, Timing], dict[str, Needed]]:
    """The first `parts` parts of every station, and what each sensor owes of them."""
    timings: dict[Part, Timing] = {}
    needs: dict[str, Needed] = {}
    start_epoch_ns = epoch_at(plan.start_ns)
    for station in plan.stations:
        for index in range(parts):
            owed_windows = sum(len(line.sensors[one.id].offsets) for one in station.sensors)
            timings[station.id, index] = Timing(end_ns=0, owed=owed_windows)
        for sensor in station.sensors:
            wired = line.sensors[sensor.id]
            wanted = one.manifest.detectors[wired.input].input
            after_ns = [round(at * 1e9) + wanted.duration_ns for at in wired.offsets]
            # any picture within half a period of the stated time is the nearest one
            early_ns = round(0.5e9 / wanted.rate_hz) if sensor.sense == "camera" else 0
            pending: list[tuple[int, Part]] = []
            for index, end_after_ns in product(range(parts), after_ns):
                end_ns = plan.edge_ns(station, index) + end_after_ns
                timing = timings[station.id, index]
                timing.end_ns = max(timing.end_ns, end_ns)
                pending.append((end_ns - early_ns - TOLERANCE_NS, (station.id, index)))
            clock = Timepiece(sensor.clock, plan.start_ns, start_epoch_ns)
            source = sensor.topic or sensor.node or ""
            needs[source] = Needed(sensor, clock, wired.input, deque(sorted(pending)))
    return timings, needs


def networks(line: Line, one: Bundle) -> Networks:
    """Each network as the daemon opens it, and an input that it was proved on."""
    opened: Networks = {}
    for name, passport in one.manifest.detectors.items():
        detector = load(one, name, opener(line.engine.name), threads=line.engine.threads)
        data = np.zeros(passport.input.shape, np.uint8)
        if one.manifest.golden:
            with np.load(one.folder / one.manifest.golden) as golden:
                data = golden[f"{name}.input"].reshape(-1, *passport.input.shape)[0]
        opened[name] = detector.runner, data
    return opened


def report(timings: dict[Part, Timing]) -> dict[str, Any]:
    """The ms of every part that was answered whole."""
    whole = [timing for timing in timings.values() if not timing.owed]
    return {
        "ingest_ms": [(t.arrived_ns - t.end_ns) / 1e6 for t in whole],
        "engines_ms": [t.running_ns / 1e6 for t in whole],
        "floor_ms": [(t.answered_ns - t.end_ns) / 1e6 for t in whole],
        "lost": len(timings) - len(whole),
    }
