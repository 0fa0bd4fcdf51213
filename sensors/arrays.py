"""Counts blocks of a source that does not count them itself: plain OPC UA arrays. Pure."""

DISAGREEMENT_NS = 500_000_000  # stamps ahead of the arrivals by this: a clock that was set


class ArrayCount:
    """A sequence number from the spacing of stamps, so that missing arrays leave a gap."""

    def __init__(self) -> None:
        self._seq = 0
        self._stamp_ns: int | None = None
        self._received_ns = 0

    def next(self, stamp_ns: int, received_ns: int, period_ns: int, *, overflowed: bool) -> int:
        """The number of the array stamped `stamp_ns`; `overflowed`: the server lost some before.

        A stamp from before the last one, or far ahead of what the arrivals allow, is a clock that
        was set: the next number, and the clock's mapping sees to the rest.
        """
        if self._stamp_ns is not None:
            passed = stamp_ns - self._stamp_ns
            waited = received_ns - self._received_ns
            is_set = passed - waited > DISAGREEMENT_NS
            steps = 1 if is_set else max(1, round(passed / period_ns))
            self._seq += max(steps, 2) if overflowed else steps
        self._stamp_ns, self._received_ns = stamp_ns, received_ns
        return self._seq
