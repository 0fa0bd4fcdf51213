"""The last seconds of one camera, picture after picture, and the clips chosen from them. Pure."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from sensors import condition
from sensors.memory import Memory, Seen
from sensors.signal import Appearance, ClockKind, Encoded, Quality, Sample, Window

NEAR = 0.75  # periods: a picture further from a stated time only stands in for the missing one
MIN_COVERAGE = 0.5


@dataclass(slots=True, eq=False)
class Picture:
    """One picture of a ring, with its pixels or still encoded."""

    time_ns: int
    received_ns: int
    seq: int
    pixels: NDArray[np.uint8] | None
    encoded: Encoded | None  # until its pixels are there
    appearance: Appearance | None  # of its pixels; None until somebody looks
    late_ns: int
    drift_ppm: float
    seen: Seen  # whether its content had come already
    is_asked: bool = False  # somebody is decoding it
    is_looked_at: bool = False  # by a network, in advance


class ClipRing:
    """The newest `capacity` pictures, in the order of their times.

    Pictures may come encoded. `wanted` says which of them a clip needs; whoever decodes them marks
    them as asked for and tells `develop`, and then the clip can be cut.
    """

    def __init__(self, rate_hz: float, capacity: int, count: Callable[[str], None]) -> None:
        self._period_ns = 1e9 / rate_hz
        self._pictures: deque[Picture] = deque(maxlen=capacity)
        self._count = count
        self._clock: ClockKind = "envelope"
        self._memory = Memory()

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        """Take a picture exposed at `time_ns`."""
        encoded, pixels = None, None
        if isinstance(sample.data, Encoded):
            encoded, content = sample.data, sample.data.data
        else:
            pixels, content = sample.data.view(np.uint8), sample.data.tobytes()
        last = self._pictures[-1] if self._pictures else None
        if last is not None:
            if sample.seq <= last.seq and (sample.seq == last.seq or time_ns <= last.time_ns):
                self._count("repeat" if sample.seq == last.seq else "out_of_order")
                return
            skipped = sample.seq - last.seq - 1
            if skipped:
                self._count("gap" if skipped > 0 else "restart")
            elif time_ns <= last.time_ns:  # the mapping fell: the past is further back, too
                self._reanchor(round(time_ns - last.time_ns - self._period_ns))
        seen = self._memory.knows(content, sample.received_ns)
        self._pictures.append(
            Picture(
                time_ns,
                sample.received_ns,
                sample.seq,
                pixels,
                encoded,
                sample.appearance,
                sample.late_ns,
                sample.drift_ppm,
                seen,
            )
        )
        self._clock = clock

    def newest(self) -> Picture | None:
        """The last picture."""
        return self._pictures[-1] if self._pictures else None

    def come(self, times_ns: list[int]) -> int:
        """How many of these times have their picture."""
        if not self._pictures:
            return 0
        come_ns = self._pictures[-1].time_ns + self._period_ns / 2
        return sum(time <= come_ns for time in times_ns)

    def wanted(self, times_ns: list[int]) -> list[Picture]:
        """What has come of the pictures that a clip at these (rising) times needs."""
        come = times_ns[: self.come(times_ns)]
        return self._nearest(self._pictures, come) if come else []

    def develop(
        self,
        picture: Picture,
        pixels: NDArray[np.uint8] | None,
        appearance: Appearance | None = None,
    ) -> None:
        """The pixels of a picture; None: it cannot be decoded, and there is no such picture."""
        picture.pixels, picture.encoded, picture.appearance = pixels, None, appearance
        if pixels is None and picture in self._pictures:
            self._pictures.remove(picture)

    def cut(self, sensor: str, times_ns: list[int], now_ns: int, *, partial: bool) -> Window | None:
        """The picture nearest to each time; None while a nearer one may come, or too few."""
        pictures: Sequence[Picture] = self._pictures
        if partial:
            pictures = [one for one in pictures if one.pixels is not None]
        if not pictures:
            return None
        if not partial and pictures[-1].time_ns < times_ns[-1] - self._period_ns / 2:
            return None
        chosen = self._nearest(pictures, times_ns)
        shown = [one.pixels for one in chosen if one.pixels is not None]
        if len(shown) < len(chosen):
            return None  # being decoded
        reach = NEAR * self._period_ns
        is_near = [abs(p.time_ns - t) <= reach for p, t in zip(chosen, times_ns, strict=True)]
        coverage = sum(is_near) / len(is_near)
        if coverage < MIN_COVERAGE:
            return None
        data = np.stack(shown)
        looks = [_appearance(one) for one in chosen]
        seen = condition.of_clip(looks)
        drift_ppm = max((one.drift_ppm for one in chosen), key=abs)
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
                clipped=seen.white,
                repeated=_repeated(chosen, data) / len(chosen),
                replayed=sum(one.seen == "before" for one in chosen) / len(chosen),
                is_flat=bool(data.max() == data.min()),
                skew_ms=round(min(one.late_ns for one in chosen) / 1e6, 3),
                drift_ppm=round(drift_ppm, 1),
                appearance=seen,
            ),
        )

    @staticmethod
    def _nearest(pictures: Sequence[Picture], times_ns: list[int]) -> list[Picture]:
        chosen: list[Picture] = []
        wanted = list(times_ns)
        later = pictures[-1]
        for earlier in reversed(pictures):  # from the newest: parts are mostly recent
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
        for picture in self._pictures:
            picture.time_ns += by_ns


def _appearance(picture: Picture) -> Appearance:
    """Nearly always known since it was decoded, off the loop."""
    if picture.appearance is None:
        assert picture.pixels is not None
        picture.appearance = condition.appearance(picture.pixels)
    return picture.appearance


def _repeated(chosen: Sequence[Picture], data: NDArray[np.uint8]) -> int:
    """Pictures that show what the one before showed; cameras may write a frozen one anew."""
    middle = data.shape[1] // 2
    is_same = [False] + [
        bool(np.array_equal(one[middle], other[middle]) and np.array_equal(one, other))
        for one, other in pairwise(data)
    ]
    return sum(p.seen == "just now" or same for p, same in zip(chosen, is_same, strict=True))
