"""The lower envelope of arrival minus stamp: what a clock differs by when nothing is in the way.

Network and queues only ever add delay, so the smallest recent difference is the best (Moon, Skelly
and Towsley 1999); a delay that is always there cannot be told from an offset, and stays hidden in
it. Pure.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice

SECOND = 1_000_000_000
BUCKET_NS = SECOND
BUCKETS = 10  # with data in them; a slow clock of 50 ppm is followed 0.5 ms behind
KEPT_NS = 60 * SECOND  # after a silence this long, what was known is no bound any more
MAX_RISE = 500e-6  # no crystal drifts faster; a delay may
DRIFT_LAG = 3  # buckets over which a rate is taken
DRIFT_RATES = BUCKETS - DRIFT_LAG  # that must agree: ten seconds' worth
LATE_NS = SECOND // 50  # a block this far above the envelope was held up: it says nothing
PATIENCE_NS = 60 * SECOND  # of nothing but late blocks, until the clock may have been set back


class Envelope:
    """Offset to add to a stamp; falls at once, rises no faster than a clock drifts.

    Where a source comes later than it used to, and stays so, either its way has become longer, and
    the offset is what it was, or its clock was set back unseen, and it is not. Nobody can tell
    which: after a while the stamps are followed, `doubt_ns` says how far, and it says so until the
    source is on its old envelope again, or begins anew.
    """

    def __init__(self) -> None:
        self._least = 0  # of the minima
        self._minima: deque[tuple[int, int]] = deque(maxlen=BUCKETS)  # (bucket, least difference)
        self._offset_ns: int | None = None
        self._at_ns = 0  # latest time at which the offset was moved
        self._late_since_ns: int | None = None
        self.drift_ppm = 0.0  # how much faster the clock runs, where it does so all the time
        self.doubt_ns = 0

    @property
    def offset_ns(self) -> int | None:
        """None before the first observation."""
        return self._offset_ns

    def observe(self, stamp_ns: int, arrival_ns: int) -> int:
        """Take one pair; the offset that now holds."""
        difference = arrival_ns - stamp_ns
        offset = self._offset_ns
        if offset is None:
            return self.restart(stamp_ns, arrival_ns)
        at = stamp_ns + min(offset, difference)  # not the arrival: a burst spreads over its time
        rise = max(0, round((at - self._at_ns) * MAX_RISE))
        late_ns = difference - offset - rise
        if late_ns > LATE_NS:
            if self._late_since_ns is None:
                self._late_since_ns = arrival_ns
            if arrival_ns - self._late_since_ns > PATIENCE_NS:
                doubt_ns = self.doubt_ns + late_ns
                self.restart(stamp_ns, arrival_ns)
                self.doubt_ns = doubt_ns
                return difference
            return offset
        self._late_since_ns = None
        smallest = self._note(at // BUCKET_NS, difference)
        self._at_ns = max(at, self._at_ns)
        self._offset_ns = min(smallest, offset + rise)
        self.doubt_ns = max(0, self.doubt_ns + min(0, self._offset_ns - offset))
        return self._offset_ns

    def restart(self, stamp_ns: int, arrival_ns: int) -> int:
        """Forget everything; this pair is all that is known."""
        self._offset_ns = arrival_ns - stamp_ns
        self._at_ns = arrival_ns
        self._late_since_ns = None
        self.doubt_ns = 0
        self._minima.clear()
        self.drift_ppm = 0.0
        self._minima.append((arrival_ns // BUCKET_NS, self._offset_ns))
        self._least = self._offset_ns
        return self._offset_ns

    def shift(self, by_ns: int) -> None:
        """The source's clock was set: stamps moved by `-by_ns`."""
        if self._offset_ns is not None:
            self._offset_ns += by_ns
        moved = [(bucket, least + by_ns) for bucket, least in self._minima]
        self._minima.clear()
        self._minima.extend(moved)
        self._least += by_ns

    def _note(self, bucket: int, difference: int) -> int:
        """The least difference of the buckets kept, after this one."""
        minima = self._minima
        newest, least = minima[-1]
        if bucket > newest:
            self.drift_ppm = _drift_ppm(minima)
            minima.append((bucket, difference))
            while minima[0][0] < bucket - KEPT_NS // BUCKET_NS:
                minima.popleft()
            self._least = min(least for _, least in minima)
        elif difference < least:
            minima[-1] = (newest, difference)
            self._least = min(self._least, difference)
        return self._least


def _drift_ppm(minima: Sequence[tuple[int, int]]) -> float:
    """The least of the rates between minima `DRIFT_LAG` apart, if they all have one sign, else 0.

    A delay that sets in, once, is a step in them and no rate; and a box that has just started is
    slow at first, and quicker every second.
    """
    rates = [
        (before - after) / (later - earlier) * 1e6 / BUCKET_NS
        for (earlier, before), (later, after) in zip(
            minima, islice(minima, DRIFT_LAG, None), strict=False
        )
    ]
    if len(rates) < DRIFT_RATES:
        return 0.0
    slowest = min(rates, key=abs)
    return slowest if min(rates) * max(rates) > 0.0 else 0.0
