"""The least time that a network can take here: its operations over the measured peak of the
processor, its bytes over the measured bandwidth.

The peak is what the engines here reach on the convolution that suits them best, in the same
precision; the bandwidth is that of copying as many bytes as the network is made of, so that caches
count as they do for the network.
"""

import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import BundleError, ConfigError
from edge.gauge import probe
from edge.inference.operations import Operations
from edge.inference.runner import Candidate, Precision, RunFailed, opener

CHANNELS, LENGTH = 512, 256  # 0.4 billion operations on 0.8 MB of weights in eight bits
SMALLEST = 4  # channels and samples of a network that calculates nothing
REPEATS = 60  # a peak is the best of so many; a call without work is their median
COPIES = 20
FLOATING: tuple[Precision, ...] = ("fp32", "fp16")


@dataclass(frozen=True, slots=True)
class Limit:
    """Of one network; ms a window. Operations and bytes may overlap: the longer one counts."""

    compute_ms: float
    memory_ms: float

    @property
    def whole_ms(self) -> float:
        return max(self.compute_ms, self.memory_ms)


def peaks(candidates: Iterable[Candidate], threads: int) -> dict[str, float]:
    """Billion operations a second, by candidate; those that do not run are left out."""
    done = probe.operations(CHANNELS, LENGTH) / 1e9
    times = {str(one): _times_s(one, CHANNELS, LENGTH, threads) for one in candidates}
    return {name: round(done / min(rows), 1) for name, rows in times.items() if rows}


def overheads_us(candidates: Iterable[Candidate]) -> dict[str, float]:
    """Microseconds that a call takes in which there is nothing to calculate, by candidate."""
    times = {str(one): _times_s(one, SMALLEST, SMALLEST, 1) for one in candidates}
    return {name: round(float(np.median(rows)) * 1e6, 1) for name, rows in times.items() if rows}


def _times_s(one: Candidate, channels: int, length: int, threads: int) -> list[float]:
    """Of runs of the probe; none: it does not run here, or not in that precision."""
    with tempfile.TemporaryDirectory(prefix="edge-probe-") as folder:
        file, passport = Path(folder) / "probe.onnx", probe.passport(channels, length)
        probe.write(file, channels, length, is_int8=one.precision == "int8")
        times: list[float] = []
        try:
            open_runner = opener(one.engine)
            runner = open_runner(file, passport, threads=threads, precision=one.precision)
            if channels > SMALLEST and runner.precision != one.precision:
                return []
            data = np.random.default_rng(2).normal(size=passport.shape).astype(np.float32)
            for _ in range(REPEATS):
                start_s = time.perf_counter()
                runner.run(data)
                times.append(time.perf_counter() - start_s)
        except (ConfigError, BundleError, RunFailed, ImportError):
            return []
    return times[1:]


def bandwidth(size: int) -> float:
    """Bytes a second, read and written, of copying half of `size` bytes to the other half."""
    source = np.ones(max(size // 2, 1), np.uint8)
    target = np.empty_like(source)
    times = []
    for _ in range(COPIES):
        start_s = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - start_s)
    return 2 * source.size / float(np.median(times[1:]))


def limit(of: Operations, peaks_of: Mapping[str, float]) -> Limit | None:
    """With the best peak of any engine here; None where none was measured."""
    integer = _best(peaks_of, ("int8",))
    floating = _best(peaks_of, FLOATING)
    if not floating:
        return None
    size = of.weight_bytes + of.window_bytes
    compute_s = of.integer / (max(integer, floating) * 1e9) + of.floating / (floating * 1e9)
    return Limit(round(compute_s * 1e3, 4), round(size / bandwidth(size) * 1e3, 4))


def _best(peaks_of: Mapping[str, float], precisions: tuple[Precision, ...]) -> float:
    rows = [peak for name, peak in peaks_of.items() if name.split()[1] in precisions]
    return max(rows, default=0.0)
