"""The networks of one part at once, host to host, on bare runners: no queue, no worker, no score.

From handing in the windows to the last answer on the host. On a GPU one thread can start them all,
each on a stream of its own and as one CUDA graph where it can be captured, and then wait; a library
that blocks (a CPU) runs them one after the other then, and needs a thread for each.
"""

import gc
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.gauge.together import WARM_UP, look_ahead, window_of
from edge.inference.cuda.run import GpuRunner
from edge.inference.detector import Detector
from edge.inference.golden import Golden
from edge.inference.runner import Runner

Given = list[tuple[Runner, NDArray[np.generic]]]  # each runner with its window
ONE_THREAD, THREAD_EACH = "one thread starts all, then waits", "a thread each"


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Of all rounds, ms."""

    way: str
    engines: dict[str, str]  # by detector; "..., CUDA graph" where all of it is one
    rounds: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


def measure(
    detectors: Mapping[str, Detector],
    parts: Mapping[str, Golden],
    *,
    rounds: int,
    tick: Callable[[], None] = lambda: None,
) -> list[AtOnce]:
    """Both ways, one after the other. Blocks.

    Raises:
        RunFailed: an engine broke off.
    """
    runners = {name: detector.runner for name, detector in detectors.items()}
    engines = {name: label(runner) for name, runner in runners.items()}
    found = []
    gc.collect()
    gc.freeze()  # as the daemon does
    try:
        with Threads(list(runners.values())) as threads:
            for way, run in ((ONE_THREAD, started), (THREAD_EACH, threads.run)):
                times_s = []
                for number in range(WARM_UP + rounds):
                    given: Given = []
                    for name, detector in detectors.items():
                        window = window_of(parts[name], name, number)
                        look_ahead(detector, window)
                        given.append((runners[name], window.data))
                    start_s = time.perf_counter()
                    run(given)
                    times_s.append(time.perf_counter() - start_s)
                    tick()
                found.append(_summary(way, engines, times_s[WARM_UP:]))
    finally:
        gc.unfreeze()
    return found


def label(runner: Runner) -> str:
    """The engine, what it calculates in, and whether a run is one captured graph."""
    is_graph = isinstance(runner, GpuRunner) and runner.is_graph
    return f"{runner.name} {runner.precision}{', CUDA graph' if is_graph else ''}"


def started(given: Given) -> list[Any]:
    """The answers of all, in their order, by the thread that calls.

    Raises:
        RunFailed: an engine broke off.
    """
    pending = [runner.start([window]) for runner, window in given]
    return [one.wait()[0] for one in pending]


class Threads:
    """One for each runner. Leaving ends them."""

    def __init__(self, runners: Sequence[Runner]) -> None:
        self._asked = {runner: queue.SimpleQueue[Any]() for runner in runners}
        self._answered: queue.SimpleQueue[tuple[Runner, Any]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(runner,), daemon=True) for runner in runners
        ]

    def __enter__(self) -> "Threads":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for asked in self._asked.values():
            asked.put(None)
        for thread in self._threads:
            thread.join()

    def run(self, given: Given) -> list[Any]:
        """The answers of all, in their order.

        Raises:
            RunFailed: an engine broke off.
        """
        for runner, window in given:
            self._asked[runner].put(window)
        answers = dict(self._answered.get() for _ in given)
        for answer in answers.values():
            if isinstance(answer, Exception):
                raise answer
        return [answers[runner] for runner, _ in given]

    def _work(self, runner: Runner) -> None:
        while (window := self._asked[runner].get()) is not None:
            try:
                answer: Any = runner.run(window)
            except Exception as error:  # noqa: BLE001 - the caller's thread raises it
                answer = error
            self._answered.put((runner, answer))


def _summary(way: str, engines: dict[str, str], times_s: Sequence[float]) -> AtOnce:
    p50, p90, p99 = np.percentile(times_s, [50, 90, 99]) * 1e3
    return AtOnce(
        way,
        engines,
        len(times_s),
        p50_ms=round(float(p50), 3),
        p90_ms=round(float(p90), 3),
        p99_ms=round(float(p99), 3),
        max_ms=round(max(times_s) * 1e3, 3),
    )
