"""The last seconds of one waveform, sample after sample, and the windows cut out of it. Pure.

Blocks are placed by counting samples, which has no jitter; the mapped time of each block only
pulls the whole line slowly into place. Missing blocks leave a stretch that is bridged by a line
and remembered as a gap.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.memory import Memory
from sensors.signal import Anchor, ClockKind, Quality, Sample, Window

JITTER_NS = 2_000_000  # within this of the mapped time, the count is followed nearly alone
DOUBT_NS = 20_000_000  # within this, the line is pulled faster; beyond, time was lost or wrong
SEQ_DOUBT_NS = 50_000_000  # a jump of the count that the times do not confirm to this is no gap
SLOW_PULL = 0.01  # of the disagreement, each block: 50 us behind a drift of 50 ppm
FAST_PULL = 0.1
MIN_COVERAGE = 0.5  # less than half a window is no window


class _Arrival(NamedTuple):
    end: int  # index past the block's last sample
    received_ns: int
    late_ns: int
    misplaced_ns: int  # its mapped time against the count of samples
    drift_ppm: float


class _Stretch(NamedTuple):
    start: int
    end: int  # exclusive


class SeriesRing:
    """`capacity` samples a channel; sample `i` was taken at `_end_ns - (_end - i) / rate`."""

    def __init__(
        self, channels: int, rate_hz: float, capacity: int, count: Callable[[str], None]
    ) -> None:
        self._ring = np.zeros((channels, capacity), np.float32)
        self._capacity = capacity
        self._period_ns = 1e9 / rate_hz
        self._count = count
        self._start = 0  # index of the oldest sample kept
        self._end = 0  # index of the next sample
        self._end_ns = 0.0  # its time
        self._seq = -1
        self._last: NDArray[np.float32] | None = None  # newest block
        self._arrivals: deque[_Arrival] = deque()
        self._gaps: deque[_Stretch] = deque()
        self._repeats: deque[_Stretch] = deque()
        self._replays: deque[_Stretch] = deque()
        self._clock: ClockKind = "envelope"
        self._memory = Memory()

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        """Take a block whose first sample was taken at `time_ns`."""
        data: NDArray[np.float32] = sample.data  # type: ignore[assignment]
        length = data.shape[1]
        if length > self._capacity:
            self._count("oversized")
            return
        early_ns = self._end_ns - time_ns  # before the place that the count gives it
        error_ns = 0.0
        if self._last is None:
            self._end_ns = time_ns
        elif sample.seq <= self._seq and (sample.seq == self._seq or early_ns > DOUBT_NS):
            self._count("repeat" if sample.seq == self._seq else "out_of_order")
            return
        else:
            error_ns = self._place(sample.seq - self._seq - 1, length, -early_ns, data)
        self._append(data, sample, round(abs(error_ns)))
        self._seq = sample.seq
        self._clock = clock

    def cut(
        self, sensor: str, start_ns: int, length: int, now_ns: int, *, partial: bool
    ) -> Window | None:
        """`length` samples from `start_ns` on; None while they are not all there, or too few.

        How they look is not yet said: see `condition.assessed`.
        """
        if self._last is None:
            return None
        first = self._end + round((start_ns - self._end_ns) / self._period_ns)
        if first + length > self._end and not partial:
            return None
        here = _Stretch(max(first, self._start), min(first + length, self._end))
        if here.end <= here.start:
            return None
        missing = list(_within(self._gaps, here))
        covered = max(0, here.end - here.start) - sum(g.end - g.start for g in missing)
        if covered < MIN_COVERAGE * length:
            return None
        came = self._came(here)
        data = self._read(here)
        if here.end - here.start < length:
            data = _padded(data, here.start - first, length)
        drift_ppm = max((one.drift_ppm for one in came), key=abs)
        return Window(
            sensor=sensor,
            data=data,
            start_ns=start_ns,
            end_ns=start_ns + round(length * self._period_ns),
            received_ns=came[-1].received_ns,
            ready_ns=now_ns,
            clock=self._clock,
            quality=Quality(
                coverage=covered / length,
                gaps=len(missing) + (here.start > first) + (here.end < first + length),
                skew_ms=_skew_ms(came),
                drift_ppm=round(drift_ppm, 1),
                repeated=_total(self._repeats, here) / length,
                replayed=_total(self._replays, here) / length,
            ),
            anchor=Anchor(self._seq, round(self._end_ns - self._last.shape[1] * self._period_ns)),
        )

    def _place(self, skipped: int, length: int, late_ns: float, data: NDArray[np.float32]) -> float:
        """Move the end to where the next block begins: over a gap, or by a pull of the line.

        How far its mapped time was from there, ns.
        """
        by_time = round(late_ns / self._period_ns)
        by_count = skipped * length
        agree = abs(by_time - by_count) * self._period_ns <= SEQ_DOUBT_NS
        if skipped < 0:
            self._count("restart")
            missing = max(0, by_time)
        elif skipped and agree:
            missing = by_count
        else:
            missing = by_time if late_ns > DOUBT_NS else 0
        if missing:
            self._count("gap")
            self._bridge(missing, data)
        error = late_ns - missing * self._period_ns
        if error < -DOUBT_NS:
            self._count("reanchored")
            self._end_ns += error
        else:
            self._end_ns += error * (SLOW_PULL if abs(error) <= JITTER_NS else FAST_PULL)
        return error

    def _bridge(self, missing: int, following: NDArray[np.float32]) -> None:
        """What lies before the gap, mirrored, fading into what follows it, mirrored.

        So it keeps the level and the spectrum of its surroundings, and has no step at its ends.
        """
        gap = _Stretch(self._end, self._end + missing)
        shown = min(missing, self._capacity)
        before = self._read(_Stretch(max(self._start, self._end - shown), self._end))
        bridge = _mirrored(before[:, ::-1], shown)
        faded = min(shown, following.shape[1])
        angle = np.linspace(0.0, np.pi / 2.0, faded, dtype=np.float32)
        bridge[:, shown - faded :] *= np.cos(angle)  # squares add up to one: it is mostly noise
        bridge[:, shown - faded :] += np.sin(angle) * following[:, :faded][:, ::-1]
        self._end += missing - shown
        self._end_ns += (missing - shown) * self._period_ns
        self._write(bridge)
        self._gaps.append(gap)

    def _append(self, data: NDArray[np.float32], sample: Sample, misplaced_ns: int) -> None:
        start = self._end
        self._write(data)
        seen = self._memory.knows(data.tobytes(), sample.received_ns)
        if seen:
            kept = self._repeats if seen == "just now" else self._replays
            kept.append(_Stretch(start, self._end))
        self._last = data
        self._arrivals.append(
            _Arrival(self._end, sample.received_ns, sample.late_ns, misplaced_ns, sample.drift_ppm)
        )
        oldest = self._start
        while self._arrivals[0].end <= oldest:
            self._arrivals.popleft()
        for stretches in (self._gaps, self._repeats, self._replays):
            while stretches and stretches[0].end <= oldest:
                stretches.popleft()

    def _write(self, data: NDArray[np.float32]) -> None:
        length, capacity = data.shape[1], self._capacity
        at = self._end % capacity
        if (room := capacity - at) >= length:
            self._ring[:, at : at + length] = data
        else:
            self._ring[:, at:] = data[:, :room]
            self._ring[:, : length - room] = data[:, room:]
        self._end += length
        self._end_ns += length * self._period_ns
        self._start = max(self._start, self._end - capacity)

    def _read(self, here: _Stretch) -> NDArray[np.float32]:
        at, length = here.start % self._capacity, here.end - here.start
        room = self._capacity - at
        if room >= length:
            return self._ring[:, at : at + length].copy()
        return np.concatenate((self._ring[:, at:], self._ring[:, : length - room]), axis=1)

    def _came(self, here: _Stretch) -> list[_Arrival]:
        """The blocks of a stretch, to the one that holds its last sample."""
        came: list[_Arrival] = []
        for arrival in reversed(self._arrivals):
            if arrival.end <= here.start:
                break
            if arrival.end >= here.end:
                came.clear()  # a later one is not needed
            came.append(arrival)
        return came[::-1]


def _within(stretches: deque[_Stretch], here: _Stretch) -> Iterator[_Stretch]:
    for one in stretches:
        if one.start < here.end and one.end > here.start:
            yield _Stretch(max(one.start, here.start), min(one.end, here.end))


def _skew_ms(came: Sequence[_Arrival]) -> float:
    """As late as the most punctual block, or as far as the past was moved; to the microsecond.

    A verdict says it as it was judged by, so that a replay judges by the same.
    """
    moved_ns = max(one.misplaced_ns for one in came)
    return round(max(min(one.late_ns for one in came), moved_ns) / 1e6, 3)


def _total(stretches: deque[_Stretch], here: _Stretch) -> int:
    return sum(one.end - one.start for one in _within(stretches, here))


def _padded(data: NDArray[np.float32], before: int, length: int) -> NDArray[np.float32]:
    """What is missing at the ends is what there is, mirrored: no step, no silence."""
    padded = np.empty((data.shape[0], length), data.dtype)
    end = before + data.shape[1]
    padded[:, before:end] = data
    padded[:, :before] = _mirrored(data, before)[:, ::-1]
    padded[:, end:] = _mirrored(data[:, ::-1], length - end)
    return padded


def _mirrored(data: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """`length` samples: forth, back, and so on, from the first on."""
    there = data.shape[1]
    turn = np.arange(length) % (2 * there)
    return data[:, np.where(turn < there, turn, 2 * there - 1 - turn)]
