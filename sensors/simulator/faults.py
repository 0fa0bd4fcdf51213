"""Faults of one sensor, as pure functions of time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.plan import Fault, FaultKind, Plan


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
