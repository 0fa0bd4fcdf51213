"""One engine in one precision, tried on one detector: does it answer right, and how fast.

What a library says it can do proves nothing: a candidate counts once it has compiled this very
network, given the golden answers again and led to the same decisions.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from edge.build.decisions import changed
from edge.bundle import Bundle
from edge.errors import BundleError, ConfigError
from edge.inference.detector import Detector
from edge.inference.golden import Golden
from edge.inference.pictures import PictureByPicture
from edge.inference.runner import Candidate, Opener, RunFailed, Runner, opener

WARM_UP = 20  # runs before any is timed: caches, clocks, the engine's own first allocations
RUNS = 300  # timed: enough for a p99 with three above it
MOST = 8  # windows of the largest batch that is tried
BATCH_RUNS = 50  # timed of each size, at most
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Speed:
    """How long one window takes, ms, in a hot loop; a line with pauses sees more."""

    load_ms: float  # compile, the first time
    first_ms: float  # first run
    p50_ms: float  # from the last sample on: what was looked at in advance is not counted
    p99_ms: float
    whole_p50_ms: float  # everything that one window costs
    runs: int
    memory_mib: float  # of the process, by loading and running it
    batches_ms: dict[int, float] = field(default_factory=dict)  # p50 of a run, by its windows


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a candidate. `refused` says why it may not be taken, "" when it may."""

    candidate: Candidate
    name: str  # engine, version and device, once it ran
    runs_in: str  # what it really calculates in
    error: float | None  # largest difference from the golden logits, as a share of their span
    decisions: int  # golden parts whose decision it changes
    speed: Speed | None
    refused: str


def attempt(
    bundle: Bundle,
    detector: str,
    candidate: Candidate,
    parts: Mapping[str, Golden],
    *,
    threads: int,
    runs: int = RUNS,
    tick: Callable[[], None] = lambda: None,
) -> Tried:
    """Compile, prove, time. Blocks for seconds; `tick` is called at every timed run."""
    try:
        return _attempt(bundle, detector, candidate, parts, threads, runs, tick)
    except (ConfigError, BundleError, RunFailed, ImportError) as error:
        why = str(error).strip().splitlines()
        return Tried(candidate, "", "", None, 0, None, why[0] if why else type(error).__name__)


def _attempt(
    bundle: Bundle,
    name: str,
    candidate: Candidate,
    parts: Mapping[str, Golden],
    threads: int,
    runs: int,
    tick: Callable[[], None],
) -> Tried:
    before = psutil.Process().memory_info().rss
    start_s = time.perf_counter()
    runner = _open(opener(candidate.engine), bundle, name, candidate, threads)
    loaded_s = time.perf_counter()
    inputs, expected = parts[name].inputs, parts[name].logits
    runner.run(inputs[0])
    first_s = time.perf_counter()
    Detector(bundle, name, runner).warm_up()
    logits = np.stack([runner.run(one)[bundle.manifest.detectors[name].logits] for one in inputs])
    error = float(np.abs(logits - expected).max() / np.ptp(expected))
    otherwise = changed(bundle, parts, name, logits)
    limits, refused = bundle.manifest.comparison, ""
    if not np.isfinite(logits).all():
        refused = "answers what is no number"
    elif error > limits.logits:
        refused = f"misses the golden logits by {error:.1%} of their span ({limits.logits:.0%})"
    elif otherwise > limits.changed:
        refused = f"decides otherwise on {otherwise} of {len(inputs)} golden parts"
    speed = None
    if not refused:
        last, whole = timed(runner, inputs[0], runs, tick)
        grown_mib = round((psutil.Process().memory_info().rss - before) / MIB, 1)
        batches_ms = _batches(bundle, name, candidate, inputs, threads, runs)
        speed = Speed(
            load_ms=_ms(loaded_s - start_s),
            first_ms=_ms(first_s - loaded_s),
            p50_ms=round(float(np.percentile(last, 50)), 3),
            p99_ms=round(float(np.percentile(last, 99)), 3),
            whole_p50_ms=round(float(np.percentile(whole, 50)), 3),
            runs=runs,
            memory_mib=grown_mib,
            batches_ms=batches_ms,
        )
        candidate = replace(candidate, most=paying(batches_ms))
    return Tried(candidate, runner.name, runner.precision, error, otherwise, speed, refused)


def paying(batches_ms: Mapping[int, float]) -> int:
    """Windows of the largest batch that brings answers sooner, on the average window.

    One after the other, of n windows the last waits n runs, the average one (n + 1) / 2; as one
    batch all wait for one run of n. Every smaller batch has to pay, too: any number may wait.
    """
    alone, most = batches_ms.get(1), 1
    for size in sorted(batches_ms):
        if alone is None or (size > 1 and batches_ms[size] >= (size + 1) / 2 * alone):
            break
        most = size
    return most


def _batches(
    bundle: Bundle,
    name: str,
    candidate: Candidate,
    inputs: NDArray[np.generic],
    threads: int,
    runs: int,
) -> dict[int, float]:
    """Milliseconds of a run, p50, by its number of windows; {} where the batch is fixed."""
    wanted = replace(candidate, most=MOST)
    runner = _open(opener(candidate.engine), bundle, name, wanted, threads)
    found: dict[int, float] = {}
    size = 1
    while size <= runner.most and runner.most > 1:
        windows = [inputs[i % len(inputs)] for i in range(size)]
        times = []
        for number in range(WARM_UP + min(runs, BATCH_RUNS)):
            start_s = time.perf_counter()
            runner.start(windows).wait()
            if number >= WARM_UP:
                times.append((time.perf_counter() - start_s) * 1e3)
        found[size] = round(float(np.median(times)), 3)
        size *= 2
    return found


def timed(
    runner: Runner, window: NDArray[np.generic], runs: int, tick: Callable[[], None]
) -> tuple[list[float], list[float]]:
    """Milliseconds of each run: from the last sample on, and of everything.

    A network that looks at each picture as it comes has seen all but the last by then. Every
    picture is a new one: an answer to one it knows would cost nothing.
    """
    last, whole = [], []
    for number in range(WARM_UP + runs):
        fresh = _varied(window, number)
        start_s = time.perf_counter()
        if isinstance(runner, PictureByPicture):
            for picture in fresh[:-1]:
                runner.look(picture)
        looked_s = time.perf_counter()
        runner.run(fresh)
        end_s = time.perf_counter()
        if number >= WARM_UP:
            last.append((end_s - looked_s) * 1e3)
            whole.append((end_s - start_s) * 1e3)
            tick()
    return last, whole


def _varied(window: NDArray[np.generic], number: int) -> NDArray[np.generic]:
    if window.dtype != np.uint8:
        return window
    fresh = window.copy()
    fresh[:, 0, :2] = divmod(number, 256)
    return fresh


def _open(
    open_runner: Opener, bundle: Bundle, name: str, wanted: Candidate, threads: int
) -> Runner:
    passport = bundle.manifest.detectors[name]
    file: Path = bundle.folder / passport.file
    return open_runner(
        file, passport.input, threads=threads, precision=wanted.precision, most=wanted.most
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 2)


def best(tried: Mapping[str, list[Tried]]) -> dict[str, Tried | None]:
    """By detector: the one that answers soonest of those that may be taken."""
    found: dict[str, Tried | None] = {}
    for name, rows in tried.items():
        taken = [row for row in rows if row.speed is not None and not row.refused]
        found[name] = min(
            taken, key=lambda row: row.speed.p50_ms if row.speed else 0.0, default=None
        )
    return found
