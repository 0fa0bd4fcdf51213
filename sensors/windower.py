"""Cuts, for one part, its windows out of each sensor's stream: one, or several. Pure.

Every sensor has a ring that reaches from its last window's end back to its first one's start, plus
the longest delay of a trigger, so that a part may be asked for seconds after it passed, and several
at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensors.clip import ClipRing, Picture
from sensors.condition import assessed
from sensors.series import SeriesRing
from sensors.signal import Appearance, ClockKind, Count, Sample, Window

SLACK_NS = 1_000_000_000  # kept beyond the longest delay: inference and disk take their time
MAX_RATE_ERROR = 2.0  # a camera may send this much faster than stated before pictures are lost


@dataclass(frozen=True, slots=True)
class Need:
    """What the detector behind one sensor needs of a part for one window, in plain numbers."""

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
    window: int = 0  # which of the sensor's windows of a part, from 0

    @property
    def duration_ns(self) -> int:
        """Of a series; of a clip from the first stated time to the last."""
        steps = self.length if self.kind == "series" else (self.frames - 1) * self.stride
        return round(steps * 1e9 / self.rate_hz)

    @property
    def end_ns(self) -> int:
        """From the trigger's edge to the window's end."""
        return self.offset_ns + self.duration_ns


class Windower:
    """The rings of one station.

    Counts, by sensor: `repeat`, `out_of_order` (refused), `gap`, `restart` (the count began
    anew), `reanchored` (the clock mapping moved the past) and `oversized` (a block longer than
    its ring).
    """

    def __init__(self, needs: Iterable[Need], count: Count) -> None:
        self._needs = {(need.sensor, need.window): need for need in needs}
        by_sensor: dict[str, list[Need]] = {}
        for need in self._needs.values():
            by_sensor.setdefault(need.sensor, []).append(need)
        self._rings = {
            sensor: _ring(windows, partial(count, sensor)) for sensor, windows in by_sensor.items()
        }

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        """Take a block; `time_ns` is the box time of its first sample."""
        self._rings[sample.sensor].add(sample, time_ns, clock)

    def wanted(self, sensor: str, edge_ns: int, window: int = 0) -> list[Picture]:
        """What has come of the pictures that a part's clip needs; of a waveform, nothing."""
        ring = self._rings[sensor]
        if not isinstance(ring, ClipRing):
            return []
        return ring.wanted(self._times(sensor, edge_ns, window))

    def come(self, sensor: str, edge_ns: int, window: int = 0) -> int:
        """How many pictures of a part's clip have come; 0 of a waveform."""
        ring = self._rings[sensor]
        return ring.come(self._times(sensor, edge_ns, window)) if isinstance(ring, ClipRing) else 0

    def newest(self, sensor: str) -> Picture | None:
        """A camera's last picture."""
        ring = self._rings[sensor]
        return ring.newest() if isinstance(ring, ClipRing) else None

    def develop(
        self,
        sensor: str,
        picture: Picture,
        pixels: NDArray[np.uint8] | None,
        appearance: Appearance | None = None,
    ) -> None:
        """The pixels of a picture, and how they look; None when it cannot be decoded."""
        ring = self._rings[sensor]
        assert isinstance(ring, ClipRing)
        ring.develop(picture, pixels, appearance)

    def end_ns(self, sensor: str, edge_ns: int, window: int = 0) -> int:
        """When a part's window is over, by the stated times."""
        return edge_ns + self._needs[sensor, window].end_ns

    def cut(self, sensor: str, edge_ns: int, now_ns: int, window: int = 0) -> Window | None:
        """The whole window, or None while it is not complete, or `wanted` is not developed yet.

        Cheap when it is not.
        """
        bare = self.cut_bare(sensor, edge_ns, now_ns, window)
        return None if bare is None else assessed(bare)

    def cut_bare(self, sensor: str, edge_ns: int, now_ns: int, window: int = 0) -> Window | None:
        """The same, and nothing said yet of how its samples look: a network need not wait for that.

        `condition.assessed` says it.
        """
        return self._cut(sensor, edge_ns, now_ns, window, partial=False)

    def cut_partial(self, sensor: str, edge_ns: int, now_ns: int, window: int = 0) -> Window | None:
        """What there is at the deadline, its coverage stated; None when that is too little."""
        bare = self._cut(sensor, edge_ns, now_ns, window, partial=True)
        return None if bare is None else assessed(bare)

    def _cut(
        self, sensor: str, edge_ns: int, now_ns: int, window: int, *, partial: bool
    ) -> Window | None:
        need, ring = self._needs[sensor, window], self._rings[sensor]
        if isinstance(ring, SeriesRing):
            start_ns = edge_ns + need.offset_ns
            return ring.cut(sensor, start_ns, need.length, now_ns, partial=partial)
        times_ns = self._times(sensor, edge_ns, window)
        return ring.cut(sensor, times_ns, now_ns, partial=partial)

    def _times(self, sensor: str, edge_ns: int, window: int) -> list[int]:
        """When a clip's pictures should have been taken."""
        need = self._needs[sensor, window]
        start_ns, step_ns = edge_ns + need.offset_ns, need.stride * 1e9 / need.rate_hz
        return [start_ns + round(k * step_ns) for k in range(need.frames)]


def kept_ns(windows: Sequence[Need]) -> int:
    """How far back the ring of one sensor reaches."""
    start_ns = min(need.offset_ns for need in windows)
    span_ns = max(need.end_ns for need in windows) - start_ns
    delay_ns = max(need.max_delay_ns for need in windows)
    return span_ns + delay_ns + max(0, -start_ns) + SLACK_NS


def _ring(windows: Sequence[Need], count: partial[None]) -> SeriesRing | ClipRing:
    need = windows[0]
    kept = kept_ns(windows) * need.rate_hz / 1e9
    if need.kind == "series":
        return SeriesRing(need.channels, need.rate_hz, round(kept), count)
    return ClipRing(need.rate_hz, round(kept * MAX_RATE_ERROR), count)
