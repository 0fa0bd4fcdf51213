"""One source's stamps on the box's monotonic clock. Pure: time comes in as an argument."""

from typing import Literal

from sensors.signal import ClockKind, Count


class SourceClock:
    """Maps the stamps of one device; one for each sensor, one for each PLC."""

    def __init__(
        self,
        name: str,
        trust: Literal["free", "synchronised", "arrival"],
        count: Count,
        *,
        stamp: Literal["first", "last"] = "first",
        stamp_offset_ms: float = 0.0,
    ) -> None:
        raise NotImplementedError

    @property
    def kind(self) -> ClockKind:
        """What a verdict may say of times mapped just now."""
        raise NotImplementedError

    def observe(
        self,
        seq: int,
        stamp_ns: int,
        *,
        duration_ns: int,
        period_ns: int,
        arrival_ns: int,
        wall_anchor_ns: int,
    ) -> int:
        """Take a block's stamp; the box time of its first sample (of the exposure).

        `duration_ns` from first sample to one period past the last (0 for a picture), `period_ns`
        from this block's stamp to the next one's, `wall_anchor_ns` is epoch minus monotonic time.
        """
        raise NotImplementedError

    def observe_reading(self, stamp_ns: int, *, arrival_ns: int, wall_anchor_ns: int) -> None:
        """Take a reading of the clock alone, as a PLC gives it."""
        raise NotImplementedError

    def to_box(self, stamp_ns: int, *, arrival_ns: int, wall_anchor_ns: int) -> int:
        """A stamp on the box's clock, learning nothing; never after `arrival_ns`."""
        raise NotImplementedError
