"""The networks of one part, all at once, against one after the other: on the daemon's own workers.

The reach is half the sum of what each takes by itself, on two cores; workers that have to wait for
a core, because other programs run, are told by the share of time that they waited (Linux).
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.inference.detector import Detector, Score
from edge.inference.golden import Golden
from edge.inference.jobs import Job, Jobs
from edge.inference.pictures import PictureByPicture
from edge.inference.worker import Worker
from sensors.signal import Quality, Window

WARM_UP = 20
CALM = 0.02  # a round is calm when its threads waited less than this share of it for a core
THREADS = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Together:
    """Of all rounds, and of those in which no other program was in the way; ms."""

    workers: int
    rounds: int
    alone_p50_ms: dict[str, float]  # by detector, from the last sample on
    together_p50_ms: float
    together_p99_ms: float
    ratio: float  # of together_p50_ms to half the sum of alone_p50_ms
    calm_rounds: int
    calm_ratio: float | None  # the same of calm rounds; None where they are too few
    waited_share: float  # of all rounds' time that threads waited for a core


def measure(
    detectors: Mapping[str, Detector],
    parts: Mapping[str, Golden],
    *,
    workers: int,
    rounds: int,
    tick: Callable[[], None] = lambda: None,
) -> Together:
    """Each by itself and all at once, by turns; from the hand-over to the last answer. Blocks."""
    alone: dict[str, list[float]] = {name: [] for name in detectors}
    together: list[float] = []
    waited: list[float] = []
    with _Crew(1) as solo, _Crew(workers) as crew:
        for number in range(WARM_UP + rounds):
            windows = {name: window_of(parts[name], name, number) for name in detectors}
            before_s, start_s = _waited_s(), time.perf_counter()
            for name, detector in detectors.items():
                look_ahead(detector, windows[name])
                (score,) = solo.run([(detector, windows[name])])
                alone[name].append(score.run_ns / 1e9)
            windows = {name: window_of(parts[name], name, -1 - number) for name in detectors}
            for name, detector in detectors.items():
                look_ahead(detector, windows[name])
            all_ns = time.monotonic_ns()
            scores = crew.run([(each, windows[name]) for name, each in detectors.items()])
            together.append((max(score.inferred_ns for score in scores) - all_ns) / 1e9)
            end_s = time.perf_counter()
            waited.append((_waited_s() - before_s) / (end_s - start_s))
            if number >= WARM_UP:
                tick()
    return _summary(workers, alone, together, waited)


def _summary(
    workers: int, alone: dict[str, list[float]], together: list[float], waited: list[float]
) -> Together:
    share = np.array(waited[WARM_UP:])
    at_once = np.array(together[WARM_UP:]) * 1e3
    single = {name: np.array(rows[WARM_UP:]) * 1e3 for name, rows in alone.items()}
    calm = share < CALM

    def ratio(rows: NDArray[np.bool_]) -> float:
        half = sum(float(np.median(one[rows])) for one in single.values()) / 2
        return round(float(np.median(at_once[rows])) / half, 3)

    every = np.ones(len(share), bool)
    return Together(
        workers=workers,
        rounds=len(share),
        alone_p50_ms={name: round(float(np.median(one)), 3) for name, one in single.items()},
        together_p50_ms=round(float(np.median(at_once)), 3),
        together_p99_ms=round(float(np.percentile(at_once, 99)), 3),
        ratio=ratio(every),
        calm_rounds=int(calm.sum()),
        calm_ratio=ratio(calm) if calm.sum() >= max(20, len(share) // 10) else None,
        waited_share=round(float(share.mean()), 4),
    )


class _Crew:
    """Workers as the daemon has them, and a caller that waits for all they were given."""

    def __init__(self, workers: int) -> None:
        self._jobs = Jobs()
        self._done: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._workers = [Worker(self._jobs, lambda _: None, lambda: None) for _ in range(workers)]

    def __enter__(self) -> "_Crew":
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._jobs.end()
        for worker in self._workers:
            worker.join()

    def run(self, given: list[tuple[Detector, Window]]) -> list[Score]:
        """All at once; in the order in which they are done.

        Raises:
            RunFailed: an engine broke off.
        """
        scores: list[Score] = []
        for detector, window in given:
            self._jobs.put(Job(window.sensor, self._report, detector, window))
        for _ in given:
            outcome = self._done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            assert isinstance(outcome, Score)
            scores.append(outcome)
        return scores

    def _report(self, _: Job, outcome: object) -> None:
        self._done.put(outcome)


def look_ahead(detector: Detector, window: Window) -> None:
    """What has been done of a clip when its last picture comes."""
    if isinstance(detector.runner, PictureByPicture):
        for picture in window.data[:-1]:
            detector.runner.look(picture)


def window_of(golden: Golden, sensor: str, number: int) -> Window:
    """A golden one; each clip is another in a pixel of every picture, so that none is known."""
    data = golden.inputs[number % len(golden.inputs)]
    if data.dtype == np.uint8:
        data = data.copy()
        data[:, 0, :3] = (number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF)
    return Window(sensor, data, 0, 1, 2, 3, "synchronised", Quality())


def _waited_s() -> float:
    """How long threads of this process have waited for a core; 0 where the system does not tell."""
    total = 0
    for thread in threading.enumerate():
        with suppress(OSError, IndexError):
            total += int((THREADS / str(thread.native_id) / "schedstat").read_text().split()[1])
    return total / 1e9
