"""What stands before the sensors of a station, and when: parts at their edges, idle between.

A part is on show a little before its edge and after its window, where the plan leaves room for it;
parts that follow each other without a gap change over half-way between one window's end and the
next edge.
"""

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.plan import Plan, SimulatedStation
from sensors.simulator.pool import Pool, Sense, Wave
from sensors.simulator.timepiece import Timepiece


class WaveShow:
    """A continuous waveform, counted in samples of one device from its first.

    Sample `j` is taken when the device's clock shows `first_ns + j / rate`; the recording's edge
    is the first sample at or after the part's. Streams go forward only.
    """

    def __init__(
        self, plan: Plan, station: SimulatedStation, pool: Pool, *, sense: Sense, clock: Timepiece
    ) -> None:
        self._plan = plan
        self._station = station
        self._parts = [part.waves[sense.name] for part in pool.parts]
        self._idle = pool.idle.waves[sense.name].data
        self._rate_hz = sense.rate_hz
        self._clock = clock
        self._first_ns = 0
        self._index = -1  # part on show, or last on show
        self._until = 0  # sample at which the next part comes on

    def start(self, first_ns: int) -> None:
        """Sample 0 is the one the device's clock stamps `first_ns`."""
        self._first_ns = first_ns
        since_start = self._clock.instant(first_ns) - self._plan.edge_ns(self._station, 0)
        self._index = max(-1, int(since_start // (self._plan.period_s * 1e9)) - 1)
        self._until = self._comes_on(self._index + 1)

    def cut(self, first: int, count: int) -> NDArray[np.float32]:
        """(channel, sample): samples `first` to `first + count`."""
        end, pieces = first + count, []
        while first < end:
            while first >= self._until:
                self._index += 1
                self._until = self._comes_on(self._index + 1)
            piece = self._piece(first, min(end, self._until))
            pieces.append(piece)
            first += piece.shape[1]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)

    def edge(self, index: int) -> int:
        """Sample of a part's edge."""
        after_ns = self._clock.stamp(self._plan.edge_ns(self._station, index)) - self._first_ns
        return -(-after_ns * self._rate_hz // 1_000_000_000)

    def _piece(self, first: int, end: int) -> NDArray[np.float32]:
        """From `first`, up to `end` at most, of one recording."""
        if self._index >= 0:
            wave = self._wave(self._index)
            at = first - self.edge(self._index) + wave.lead
            if 0 <= at < wave.data.shape[1]:
                return wave.data[:, at : at + end - first]
        return self._idle.take(np.arange(first, end), axis=1, mode="wrap")

    def _comes_on(self, index: int) -> int:
        """First sample of part `index` on show."""
        if 0 < self._plan.parts <= index:
            return 1 << 62
        lead = self._wave(index).lead
        if index == 0:
            return self.edge(0) - lead
        before = self._wave(index - 1)
        window = int(before.data.shape[1]) - 2 * before.lead
        gap = self.edge(index) - self.edge(index - 1) - window
        return self.edge(index) - min(max(gap // 2, 0), lead)

    def _wave(self, index: int) -> Wave:
        return self._parts[index % len(self._parts)]


class FrameShow:
    """A free-running camera's pictures, by the machine's monotonic time."""

    def __init__(self, plan: Plan, station: SimulatedStation, pool: Pool) -> None:
        self._plan = plan
        self._station = station
        self._pool = pool
        times_ns = pool.parts[0].frames.times_ns
        self._half_ns = (times_ns[1] - times_ns[0]) // 2  # a frame stands for the time around it
        lead_ns = self._half_ns - times_ns[0]
        window_ns = times_ns[-1] + self._half_ns - lead_ns
        gap_ns = round(plan.period_s * 1e9) - window_ns
        self._lead_ns = min(max(gap_ns // 2, 0), lead_ns)

    def picture(self, now_ns: int, count: int) -> bytes:
        """What the camera sees now; of an empty fixture, picture `count` in turn."""
        period_ns = self._plan.period_s * 1e9
        first_ns = self._plan.edge_ns(self._station, 0)
        index = int((now_ns + self._lead_ns - first_ns) // period_ns)
        if index >= 0 and not 0 < self._plan.parts <= index:
            frames = self._pool.parts[index % len(self._pool.parts)].frames
            since_ns = now_ns - self._plan.edge_ns(self._station, index)
            if since_ns <= frames.times_ns[-1] + self._half_ns:
                return frames.pictures[frames.nearest(since_ns)]
        pictures = self._pool.idle.frames.pictures
        return pictures[count % len(pictures)]
