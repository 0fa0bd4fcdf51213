"""Is the memory of a running network flat: its share of the process over many inferences."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
from numpy.typing import NDArray

from edge.inference.cuda.run import GpuRunner
from edge.inference.runner import Runner

SAMPLES = 200  # of memory, over the whole run
WINDOWS = 4  # by turns: the pictures of more clips would not all be remembered
SETTLED = 0.1  # share of the run in which allocators find their size
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Soak:
    """Resident memory of the process while one network ran, after the first tenth; MiB."""

    inferences: int
    first_mib: float
    last_mib: float
    growth_mib: float  # of the fitted line from its begin to its end
    curve_mib: list[float]  # of the whole run, evenly spaced
    gpu_growth_mib: float | None  # of the GPU's memory, over the same; None: it runs on none


def soak(
    runner: Runner,
    windows: NDArray[np.generic],
    inferences: int,
    tick: Callable[[], None] = lambda: None,
) -> Soak:
    """Run the windows over and over. Of a clip one picture is new each time, as on a line where the
    others have been looked at when its last one comes.

    Raises:
        RunFailed: the engine broke off.
    """
    process, every = psutil.Process(), max(inferences // SAMPLES, 1)
    gpu = runner if isinstance(runner, GpuRunner) else None
    curve: list[float] = []
    free: list[int] = []  # bytes of the GPU
    fresh = windows[:WINDOWS].copy()
    for number in range(inferences):
        window = fresh[number % len(fresh)]
        if window.dtype == np.uint8:
            window[number % len(window), 0, :3] = (*divmod(number >> 8, 256), number & 0xFF)
        runner.run(window)
        if number % every == every - 1:
            curve.append(process.memory_info().rss / MIB)
            free += [gpu.free_bytes()] if gpu else []
        tick()
    settled = np.array(curve[int(len(curve) * SETTLED) :])
    slope = float(np.polyfit(np.arange(len(settled)), settled, 1)[0]) if len(settled) > 1 else 0.0
    return Soak(
        inferences=inferences,
        first_mib=round(float(settled[0]), 2),
        last_mib=round(float(settled[-1]), 2),
        growth_mib=round(slope * (len(settled) - 1), 2),
        curve_mib=[round(one, 2) for one in curve],
        gpu_growth_mib=round((free[int(len(free) * SETTLED)] - free[-1]) / MIB, 2)
        if free
        else None,
    )
