"""What OpenVINO's own benchmark_app says of a network, beside one call of ours, by turns.

Both run the file whole, one request, the same threads, hint and precision; the tool fills its input
once and leaves its outputs where they are, ours copies a new window in and the answers out.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import BundleError
from edge.inference.runner import opener
from edge.manifest import ClipInput, SeriesInput

PROGRAM = "from openvino.tools.benchmark.main import main; main()"
TIMEOUT_S = 120.0
TURNS = 3
WARM_UP = 20
UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_MEDIAN = re.compile(r"Median:\s+([\d.]+) (us|ms|s)\b")


@dataclass(frozen=True, slots=True)
class Beside:
    """Medians of both, ms, and what ours takes of the tool's."""

    command: str
    tool_p50_ms: float
    ours_p50_ms: float  # the window copied in, the answers copied out
    library_p50_ms: float  # of that, what the library says itself, as the tool prints it

    @property
    def ratio(self) -> float:
        return round(self.ours_p50_ms / self.tool_p50_ms, 3)

    @property
    def library_ratio(self) -> float:
        """Like with like: the library's own time in our call and in the tool."""
        return round(self.library_p50_ms / self.tool_p50_ms, 3)

    @property
    def around_us(self) -> float:
        """Copying, Python and the binding, a call."""
        return round((self.ours_p50_ms - self.library_p50_ms) * 1e3, 1)


def beside(
    file: Path,
    wanted: SeriesInput | ClipInput,
    window: NDArray[np.generic],
    *,
    threads: int,
    runs: int,
    tick: Callable[[], None] = lambda: None,
) -> Beside:
    """By turns, so that what else the machine does falls on both; blocks for seconds.

    Raises:
        BundleError: the tool gave no figure.
    """
    if isinstance(wanted, ClipInput):
        wanted = wanted.model_copy(update={"pictures": None, "seen": None})
    from edge.inference.openvino import OpenVinoRunner  # noqa: PLC0415 - may not be here

    runner = opener("openvino")(file, wanted, threads=threads)
    assert isinstance(runner, OpenVinoRunner)
    command = _command(file, wanted, threads, runs)
    ours, library, theirs = list[float](), list[float](), list[float]()
    for _ in range(TURNS):
        for number in range(WARM_UP + runs):
            start_s = time.perf_counter()
            runner.run(window)
            if number >= WARM_UP:
                ours.append((time.perf_counter() - start_s) * 1e3)
                library.append(runner.latency_ms)
        theirs.append(_told(command))
        tick()
    return Beside(
        " ".join(["benchmark_app", *command[3:]]),
        round(float(np.median(theirs)), 4),
        round(float(np.median(ours)), 4),
        round(float(np.median(library)), 4),
    )


def _command(file: Path, wanted: SeriesInput | ClipInput, threads: int, runs: int) -> list[str]:
    shape = ",".join(str(size) for size in (1, *wanted.shape))
    return [
        *(sys.executable, "-c", PROGRAM),
        *("-m", str(file), "-d", "CPU", "-api", "sync", "-hint", "none"),
        *("-nstreams", "1", "-nthreads", str(threads), "-niter", str(runs), "-pin", "NO"),
        *("-infer_precision", "f32", "-shape", f"{wanted.name}[{shape}]"),
    ]


def _told(command: list[str]) -> float:
    """The median that the tool prints, ms."""
    try:
        ended = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"benchmark_app: gave no figure in {TIMEOUT_S:g} s") from error
    found = _MEDIAN.search(ended.stdout)
    if found is None:
        said = (ended.stdout + ended.stderr).strip().splitlines()
        raise BundleError(f"benchmark_app: gave no figure: {said[-1] if said else 'it is silent'}")
    return float(found[1]) * UNITS_MS[found[2]]
