"""The least time that a network can take here: its operations over the measured peak of the
processor, its bytes over the measured bandwidth.

The peak is what one more layer takes that suits an engine best, in the same precision: what a chain
of large convolutions takes beyond a shorter one. So neither the call, nor the way of the data to a
GPU and back, nor the launch of a graph is counted, which on a GPU take longer than a network. The
bandwidth is that of copying as many bytes as the network is made of, so that caches count as they
do for the network.
"""

import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import BundleError, ConfigError
from edge.gauge import probe
from edge.inference.operations import Operations
from edge.inference.runner import ENGINES, Candidate, Precision, RunFailed, opener

REPEATS = 40  # a peak is from the best of so many; a call without work is their median
COPIES = 20
FLOATING: tuple[Precision, ...] = ("fp32", "fp16")
NOTHING = ((4, 4), 4)  # channels and samples of a network that calculates nothing
INTEGERS: dict[Precision, probe.Integers] = {"int8": "all", "fp16": "weights", "fp32": "none"}


@dataclass(frozen=True, slots=True)
class Chain:
    """Convolutions with few channels at both ends, so that little is carried there and back."""

    channels: int  # inside
    length: int
    short: int  # layers inside, of the shorter chain
    long: int
    outside: int = 8

    def sizes(self, layers: int) -> tuple[int, ...]:
        return (self.outside, *[self.channels] * (layers + 1), self.outside)

    @property
    def operations(self) -> int:
        """Of the longer one beyond the shorter one."""
        inside = (self.channels, self.channels)
        return (self.long - self.short) * probe.operations(inside, self.length)


ON_CPU = Chain(channels=512, length=256, short=2, long=4)  # 0.4 billion operations a layer
# 26 billion a layer: 512 tiles of 128 x 128, so that each of a large GPU's 132 processors has four
ON_GPU = Chain(channels=512, length=16384, short=2, long=10)


@dataclass(frozen=True, slots=True)
class Limit:
    """Of one network; ms a window. Operations and bytes may overlap: the longer one counts."""

    compute_ms: float
    memory_ms: float

    @property
    def whole_ms(self) -> float:
        return max(self.compute_ms, self.memory_ms)

    def share(self, took_ms: float) -> float | None:
        """Of the time that a network took, what is the least; None: it was quicker, so that this
        is no limit. The peak was measured too low then, or a library gets by with fewer operations
        than a textbook counts (Winograd's convolutions).
        """
        share = self.whole_ms / took_ms
        return share if share <= 1 else None


def peaks(candidates: Iterable[Candidate], threads: int) -> dict[str, float]:
    """Billion operations a second, by candidate; those that do not run are left out."""
    found: dict[str, float] = {}
    for one in candidates:
        chain = ON_GPU if _needs_gpu(one) else ON_CPU
        short = _times_s(one, chain.sizes(chain.short), chain.length, threads)
        long = _times_s(one, chain.sizes(chain.long), chain.length, threads)
        if short and long and min(long) > min(short):
            found[str(one)] = round(chain.operations / (min(long) - min(short)) / 1e9, 1)
    return found


def overheads_us(candidates: Iterable[Candidate]) -> dict[str, float]:
    """Microseconds that a call takes in which there is nothing to calculate, by candidate."""
    times = {str(one): _times_s(one, *NOTHING, 1) for one in candidates}
    return {name: round(float(np.median(rows)) * 1e6, 1) for name, rows in times.items() if rows}


def _needs_gpu(one: Candidate) -> bool:
    return any(row.name == one.engine and row.needs_gpu for row in ENGINES)


def _times_s(one: Candidate, channels: Sequence[int], length: int, threads: int) -> list[float]:
    """Of runs of the probe; none: it does not run here, or not in that precision."""
    with tempfile.TemporaryDirectory(prefix="edge-probe-") as folder:
        file, passport = Path(folder) / "probe.onnx", probe.passport(channels[0], length)
        probe.write(file, channels, length, INTEGERS[one.precision])
        times: list[float] = []
        try:
            open_runner = opener(one.engine)
            runner = open_runner(file, passport, threads=threads, precision=one.precision)
            if (channels, length) != NOTHING and runner.precision != one.precision:
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
