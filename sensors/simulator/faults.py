"""Faults of one sensor, as pure functions of time."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.plan import Fault, FaultKind, Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SensorFaults:
    """What goes wrong with one sensor; every time is monotonic."""

    start_ns: int  # the plan's
    rows: tuple[Fault, ...]
    lottery: int = 0  # seeds which blocks are lost
    kinds: frozenset[FaultKind] = field(default=frozenset())

    def active(self, kind: FaultKind, now_ns: int) -> Fault | None:
        if kind not in self.kinds:
            return None
        return next((f for f in self.rows if f.kind == kind and self._covers(f, now_ns)), None)

    def is_lost(self, seq: int, now_ns: int) -> bool:
        """True when block `seq` never reaches the wire."""
        if self.active("silent", now_ns):
            return True
        gaps = self.active("gaps", now_ns)
        return gaps is not None and _draw(self.lottery, seq) < gaps.amount

    def delay_ns(self, now_ns: int) -> int:
        late = self.active("late", now_ns)
        return round(late.amount * 1e9) if late else 0

    def clock_error_ns(self, now_ns: int) -> int:
        """What the faults add to the stamp of a sample taken now.

        A step ends with its fault; what a drift has gathered stays.
        """
        error = 0.0
        for fault in self.rows:
            if fault.kind == "clock_step" and self._covers(fault, now_ns):
                error += fault.amount * 1e9
            elif fault.kind == "clock_drift":
                since_ns = now_ns - self.start_ns - fault.start_s * 1e9
                error += fault.amount * 1e-6 * min(max(since_ns, 0.0), fault.duration_s * 1e9)
        return round(error)

    def _covers(self, fault: Fault, now_ns: int) -> bool:
        since_s = (now_ns - self.start_ns) * 1e-9 - fault.start_s
        return 0.0 <= since_s < fault.duration_s


class Past(Generic[T]):
    """What a device shows again when it is stuck (the last block) or loops (the last stretch)."""

    def __init__(self, faults: SensorFaults) -> None:
        self._faults = faults
        # a little less: clocks drift, and the first block again would be one too many
        lengths = [0.99e9 * f.amount for f in faults.rows if f.kind == "looped"]
        self._kept_ns = max(lengths, default=0.0)
        self._taken: deque[tuple[int, T]] = deque()  # (when, what)
        self._shown = 0  # of the loop

    def again(self, now_ns: int) -> T | None:
        """None: nothing is wrong, or nothing was shown before."""
        if not self._faults.kinds & {"stuck", "looped"} or not self._taken:
            return None
        if self._faults.active("stuck", now_ns):
            return self._taken[-1][1]
        if self._faults.active("looped", now_ns):
            self._shown += 1
            return self._taken[(self._shown - 1) % len(self._taken)][1]
        return None

    def keep(self, content: T, now_ns: int) -> None:
        """Remember what was shown, for as long as a loop is; one block at least."""
        self._taken.append((now_ns, content))
        while len(self._taken) > 1 and self._taken[0][0] <= now_ns - self._kept_ns:
            self._taken.popleft()
        self._shown = 0


def faults_of(plan: Plan, sensor: str) -> SensorFaults:
    rows = tuple(f for f in plan.faults if f.sensor == sensor)
    lottery = crc32(f"{plan.seed}/{sensor}/lost".encode())
    return SensorFaults(plan.start_ns, rows, lottery, frozenset(f.kind for f in rows))


def unknown_sensors(plan: Plan, faults: Iterable[Fault]) -> set[str]:
    """Sensors that faults name and no station has."""
    known = {sensor.id for station in plan.stations for sensor in station.sensors}
    return {fault.sensor for fault in faults} - known


def clipped(data: NDArray[np.float32], share: float, peak: float) -> NDArray[np.float32]:
    """A waveform whose amplifier ends at `share` of the range the sensor would need."""
    limit = np.float32(share * peak)
    return np.clip(data, -limit, limit)


def _draw(lottery: int, seq: int) -> float:
    """A number in [0, 1) that depends on its arguments alone (SplitMix64, Steele et al. 2014)."""
    z = (lottery * 0x9E3779B97F4A7C15 + (seq + 1) * 0x9E3779B97F4A7C15) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return (z ^ (z >> 31)) / 2**64
