"""Cuts, for one part, one window out of each sensor's stream. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sensors.signal import ClockKind, Count, Sample, Window


@dataclass(frozen=True, slots=True)
class Need:
    """What the detector behind one sensor needs of a part, in plain numbers."""

    sensor: str
    kind: Literal["series", "clip"]
    rate_hz: float  # of the camera before the stride
    offset_ns: int = 0  # from the trigger's edge to the window's start
    channels: int = 1  # of a series
    length: int = 0  # samples of a series
    frames: int = 0  # of a clip
    stride: int = 1
    height: int = 0
    width: int = 0
    max_delay_ns: int = 5_000_000_000  # how late a trigger may come and still find its data


class Windower:
    """The rings of one station."""

    def __init__(self, needs: Iterable[Need], count: Count) -> None:
        raise NotImplementedError

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        """Take a block; `time_ns` is the box time of its first sample."""
        raise NotImplementedError

    def end_ns(self, sensor: str, edge_ns: int) -> int:
        """Acquisition of the last needed sample of a part."""
        raise NotImplementedError

    def cut(self, sensor: str, edge_ns: int, now_ns: int) -> Window | None:
        """The whole window, or None while it is not complete. Cheap when it is not."""
        raise NotImplementedError

    def cut_partial(self, sensor: str, edge_ns: int, now_ns: int) -> Window | None:
        """What there is at the deadline, its coverage stated; None when that is too little."""
        raise NotImplementedError
