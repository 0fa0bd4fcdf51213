"""A device's own clock, as a function of the machine's monotonic one."""

import time
from datetime import UTC, datetime, timedelta

from sensors.simulator.plan import DeviceClock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READINGS = 20


def epoch_at(monotonic_ns: int) -> int:
    """What the machine's wall clock shows, or showed, at a monotonic time."""
    readings = []
    for _ in range(_READINGS):
        before_ns = time.monotonic_ns()
        epoch_ns = time.time_ns()
        after_ns = time.monotonic_ns()
        readings.append((after_ns - before_ns, epoch_ns - (before_ns + after_ns) // 2))
    return min(readings)[1] + monotonic_ns  # the reading with the least between the two clocks


def as_datetime(stamp_ns: int) -> datetime:
    """An epoch stamp as OPC UA sends it, to the microsecond."""
    return _EPOCH + timedelta(microseconds=stamp_ns // 1000)


class Timepiece:
    """A free-running clock: right at `start_ns` but for its offset, and wrong by its drift since.

    A step of the machine's wall clock after `start_epoch_ns` was read does not move it.
    """

    def __init__(self, clock: DeviceClock, start_ns: int, start_epoch_ns: int) -> None:
        self._start_ns = start_ns
        self._drift = clock.drift_ppm * 1e-6
        zero_ns = (
            round(clock.uptime_s * 1e9 * (1 + self._drift))
            if clock.counts_from_power_on
            else start_epoch_ns
        )
        self._at_start_ns = zero_ns + round(clock.offset_s * 1e9)

    def stamp(self, now_ns: int) -> int:
        """What this clock shows at a monotonic time."""
        elapsed = now_ns - self._start_ns
        return self._at_start_ns + elapsed + round(elapsed * self._drift)

    def instant(self, stamp_ns: int) -> int:
        """The monotonic time at which this clock shows `stamp_ns`."""
        shown = stamp_ns - self._at_start_ns
        return self._start_ns + shown - round(shown * self._drift / (1 + self._drift))
