"""How long a machine takes to start a plant: remembered, so that the next one need not wait long.

The plan's first part has its instant before anything runs. Where that was too soon, the plant
starts again with more time.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

SETTLE_S = 1.0  # of streams before the first part
UNKNOWN_S = 10.0  # from starting the plant to its first part, on a machine not yet known
TRIES_S = (25.0, 60.0)  # after a first try that was too short
SLACK = 1.5  # of the time it took before


class Pace:
    """Kept in one file, in seconds."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def leads_s(self) -> Iterator[float]:
        """From starting the plant to its first part; the next one when that was too short."""
        yield min(UNKNOWN_S, SLACK * self._read_s() + SETTLE_S)
        yield from TRIES_S

    def learn(self, took_s: float) -> None:
        """From starting the plant to all being ready."""
        with contextlib.suppress(OSError):  # the next plant then waits longer than it must
            self._file.write_text(f"{took_s:.2f}\n")

    def _read_s(self) -> float:
        try:
            return max(0.0, float(self._file.read_text()))
        except (OSError, ValueError):
            return UNKNOWN_S
