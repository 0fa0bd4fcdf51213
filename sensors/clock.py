"""One source's stamps on the box's monotonic clock. Pure: time comes in as an argument.

A clock that is *synchronised* (PTP, NTP) is believed, as long as it claims nothing impossible. A
*free* one is followed along the lower envelope of arrival minus stamp. On *arrival* the stamps are
not looked at, and blocks are counted instead. A verdict says "synchronised" of the first alone,
and "doubtful" where stamps and arrivals no longer agree as they did and nobody can tell which of
them is wrong.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from sensors.envelope import Envelope
from sensors.signal import ClockKind, Count

Trust = Literal["free", "synchronised", "arrival"]

STEP_NS = 20_000_000  # a smaller disagreement is jitter
RATE_ERROR = 1e-3  # of a stated rate: over a long gap it adds up, and is no step
AHEAD_NS = 20_000_000  # a synchronised clock further in the future is not synchronised
BEHIND_NS = 2_000_000_000  # nor one that is never closer than this, nor
FURTHER_NS = 20_000_000  # one that is so much further behind than it once was
DOUBT_NS = 20_000_000  # a window that lies wrong by less is as good as any
ODD_NS = 250_000_000  # before the envelope: no reading that was merely quick
ODD_READINGS = 4  # that agree with each other and not with the past: the clock was set


@dataclass(frozen=True, slots=True)
class _Seen:
    seq: int
    first_ns: int
    arrival_ns: int


class SourceClock:
    """Maps the stamps of one device; one for each sensor, one for each PLC.

    Counts `clock_step` (the clock was set; the mapping stays continuous), `clock_restart` (the
    device began anew), `clock_untrusted` (it is not synchronised, whatever it was called) and
    `clock_doubtful` (its stamps have come to lie behind their arrivals, for good).
    """

    def __init__(
        self,
        name: str,
        trust: Trust,
        count: Count,
        *,
        stamp: Literal["first", "last"] = "first",
        stamp_offset_ms: float = 0.0,
    ) -> None:
        self._name = name
        self._trust: Trust = trust
        self._count = count
        self._marks_end = stamp == "last"
        self._stamp_offset_ns = round(stamp_offset_ms * 1e6)
        self._envelope = Envelope()
        self._seen: _Seen | None = None
        self._odd: deque[int] = deque(maxlen=ODD_READINGS)
        self._readings = 0
        self._is_believed = trust == "synchronised"
        self.late_ns = 0  # how much later than its best blocks the last one arrived
        self._least_ns: int | None = None  # that a believed clock was behind its arrivals
        self._is_doubtful = False

    @property
    def kind(self) -> ClockKind:
        """What a verdict may say of times mapped just now."""
        if self._is_doubtful:
            return "doubtful"
        return "synchronised" if self._is_believed else "envelope"

    @property
    def drift_ppm(self) -> float:
        """How much faster than the box's clock this one runs; 0 while that is not sure."""
        return self._envelope.drift_ppm

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
        is_picture = duration_ns == 0
        if self._trust == "arrival":
            if is_picture:
                return arrival_ns + self._stamp_offset_ns
            first = self._counted(seq, period_ns, arrival_ns)
        else:
            first = stamp_ns + self._stamp_offset_ns - (duration_ns if self._marks_end else 0)
        if self._trust == "synchronised":
            first -= wall_anchor_ns
        end = first + duration_ns
        offset = self._learn(_Seen(seq, first, arrival_ns), end, period_ns, is_picture)
        self.late_ns = max(0, arrival_ns - end - offset)
        if self._is_believed:
            return first
        return min(first + offset, arrival_ns - duration_ns)

    def observe_reading(self, stamp_ns: int, *, arrival_ns: int, wall_anchor_ns: int) -> None:
        """Take a reading of the clock alone, as a PLC gives it."""
        if self._trust == "arrival":
            return
        stamp = stamp_ns - (wall_anchor_ns if self._trust == "synchronised" else 0)
        offset, difference = self._envelope.offset_ns, arrival_ns - stamp
        self._readings += 1
        is_odd = offset is not None and not -ODD_NS <= difference - offset <= STEP_NS
        if not is_odd or self._readings < ODD_READINGS:
            self._odd.clear()
            self._weigh(self._envelope.observe(stamp, arrival_ns))
            return
        self._odd.append(difference)  # held up, or set: the next ones tell
        if len(self._odd) == ODD_READINGS and max(self._odd) - min(self._odd) < STEP_NS:
            self._count(self._name, "clock_step")
            self._odd.clear()
            self._weigh(self._envelope.restart(stamp, arrival_ns))

    def to_box(self, stamp_ns: int, *, arrival_ns: int, wall_anchor_ns: int) -> int:
        """A stamp on the box's clock, learning nothing; never after `arrival_ns`.

        Without a stamp (0), or before anything is known of the clock, it is the arrival.
        """
        offset = self._envelope.offset_ns
        if self._trust == "arrival" or not stamp_ns:
            return arrival_ns
        if self._trust == "synchronised":
            stamp_ns -= wall_anchor_ns
            offset = 0 if self._is_believed else offset
        return arrival_ns if offset is None else min(stamp_ns + offset, arrival_ns)

    def _counted(self, seq: int, period_ns: int, arrival_ns: int) -> int:
        """A stamp made of the count of blocks: it has no jitter, where the arrival has."""
        seen = self._seen
        if seen is None:
            return 0
        if seq < seen.seq:  # began anew
            return seen.first_ns + arrival_ns - seen.arrival_ns
        return seen.first_ns + (seq - seen.seq) * period_ns

    def _learn(self, now: _Seen, end_ns: int, period_ns: int, is_picture: bool) -> int:
        """The envelope's offset after this block."""
        seen, envelope = self._seen, self._envelope
        if seen is None:
            offset = envelope.restart(end_ns, now.arrival_ns)
        else:
            jump = _jump(seen, now, period_ns, is_picture)
            if now.seq <= seen.seq and not jump.of_count:  # again, or out of order
                return envelope.offset_ns or 0
            if not jump.of_clock:
                offset = envelope.observe(end_ns, now.arrival_ns)
            elif now.seq <= seen.seq or self._trust == "synchronised":  # anew, or set right
                offset = envelope.restart(end_ns, now.arrival_ns)
            else:
                envelope.shift(-jump.of_clock)
                offset = envelope.observe(end_ns, now.arrival_ns)
            if now.seq <= seen.seq:
                self._count(self._name, "clock_restart")
            elif jump.of_clock:
                self._count(self._name, "clock_step")
        self._seen = now
        self._weigh(offset)
        return offset

    def _weigh(self, offset_ns: int) -> None:
        """Is a clock that is called synchronised so? And has it fallen behind its arrivals?

        Stamps of a synchronised clock lie before their arrival, by what the way takes. That rises
        slowly where a clock falls back slowly, and at once where it is set back; what the way takes
        in addition is no part of the envelope.
        """
        if self._trust == "synchronised":
            least_ns = self._least_ns
            most_ns = BEHIND_NS if least_ns is None else min(BEHIND_NS, least_ns + FURTHER_NS)
            is_possible = -AHEAD_NS <= offset_ns <= most_ns
            if is_possible:
                self._least_ns = offset_ns if least_ns is None else min(least_ns, offset_ns)
            elif self._is_believed:
                self._count(self._name, "clock_untrusted")
            self._is_believed = is_possible
        is_doubtful = self._envelope.doubt_ns > DOUBT_NS
        if is_doubtful and not self._is_doubtful:
            self._count(self._name, "clock_doubtful")
        self._is_doubtful = is_doubtful


@dataclass(frozen=True, slots=True)
class _Jump:
    of_count: int  # stamps against the blocks counted; 0 when they agree
    of_clock: int  # the same, when the arrivals disagree too


def _jump(seen: _Seen, now: _Seen, period_ns: int, is_picture: bool) -> _Jump:
    """By how much a clock was set between two blocks.

    Two witnesses: the count of blocks and the arrivals. A camera that leaves a picture out without
    counting it disagrees with the first alone, a link that was frozen with the second alone.
    """
    passed = now.first_ns - seen.first_ns
    expected = (now.seq - seen.seq) * period_ns
    jump = passed - expected
    limit = max(STEP_NS, period_ns // 2 if is_picture else 0, round(abs(expected) * RATE_ERROR))
    if abs(jump) <= limit:
        return _Jump(0, 0)
    agrees = abs(passed - (now.arrival_ns - seen.arrival_ns)) <= limit
    return _Jump(jump, 0 if agrees else jump)
