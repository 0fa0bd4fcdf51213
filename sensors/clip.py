"""The last seconds of one camera, picture after picture, and the clips chosen from them. Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from sensors.signal import ClockKind, Quality, Sample, Window

NEAR = 0.75  # periods: a picture further from a stated time only stands in for the missing one
MIN_COVERAGE = 0.5
WHITE = 255


@dataclass(frozen=True, slots=True)
class _Picture:
    time_ns: int
    received_ns: int
    seq: int
    pixels: NDArray[np.uint8]
    is_repeat: bool


class ClipRing:
    """The newest `capacity` pictures, in the order of their times."""

    def __init__(self, rate_hz: float, capacity: int, count: Callable[[str], None]) -> None:
        self._period_ns = 1e9 / rate_hz
        self._pictures: deque[_Picture] = deque(maxlen=capacity)
        self._count = count
        self._clock: ClockKind = "envelope"

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        """Take a picture exposed at `time_ns`."""
        pixels: NDArray[np.uint8] = sample.data  # type: ignore[assignment]
        last = self._pictures[-1] if self._pictures else None
        is_repeat = False
        if last is not None:
            if sample.seq <= last.seq and (sample.seq == last.seq or time_ns <= last.time_ns):
                self._count("repeat" if sample.seq == last.seq else "out_of_order")
                return
            skipped = sample.seq - last.seq - 1
            if skipped:
                self._count("gap" if skipped > 0 else "restart")
            elif time_ns <= last.time_ns:  # the mapping fell: the past is further back, too
                self._reanchor(round(time_ns - last.time_ns - self._period_ns))
            middle = pixels.shape[0] // 2
            is_repeat = np.array_equal(pixels[middle], last.pixels[middle]) and np.array_equal(
                pixels, last.pixels
            )
        self._pictures.append(_Picture(time_ns, sample.received_ns, sample.seq, pixels, is_repeat))
        self._clock = clock

    def cut(self, sensor: str, times_ns: list[int], now_ns: int, *, partial: bool) -> Window | None:
        """The picture nearest to each time; None while a nearer one may come, or too few."""
        pictures = self._pictures
        if not pictures:
            return None
        if not partial and pictures[-1].time_ns < times_ns[-1] - self._period_ns / 2:
            return None
        chosen = self._nearest(times_ns)
        reach = NEAR * self._period_ns
        is_near = [abs(p.time_ns - t) <= reach for p, t in zip(chosen, times_ns, strict=True)]
        coverage = sum(is_near) / len(is_near)
        if coverage < MIN_COVERAGE:
            return None
        data = np.stack([p.pixels for p in chosen])
        return Window(
            sensor=sensor,
            data=data,
            start_ns=times_ns[0],
            end_ns=chosen[-1].time_ns,
            received_ns=max(p.received_ns for p in chosen),
            ready_ns=now_ns,
            clock=self._clock,
            quality=Quality(
                coverage=coverage,
                gaps=sum(not near for near, _ in groupby(is_near)),
                clipped=np.count_nonzero(data == WHITE) / data.size,
                repeated=sum(p.is_repeat for p in chosen) / len(chosen),
                is_flat=bool(data.max() == data.min()),
            ),
        )

    def _nearest(self, times_ns: list[int]) -> list[_Picture]:
        chosen: list[_Picture] = []
        wanted = list(times_ns)
        later = self._pictures[-1]
        for earlier in reversed(self._pictures):  # from the newest: parts are mostly recent
            while wanted and wanted[-1] - earlier.time_ns >= 0:
                time = wanted.pop()
                is_later = abs(later.time_ns - time) < time - earlier.time_ns
                chosen.append(later if is_later else earlier)
            if not wanted:
                break
            later = earlier
        chosen.extend(later for _ in wanted)
        return chosen[::-1]

    def _reanchor(self, by_ns: int) -> None:
        self._count("reanchored")
        self._pictures = deque(
            (replace(p, time_ns=p.time_ns + by_ns) for p in self._pictures),
            maxlen=self._pictures.maxlen,
        )
