"""The journal: every trigger this box took upon itself, on disk before anything else happens.

A trigger's identity is its station, its sequence and its time: its own stamp, else its arrival. One
heard again (a ring read at every connect, a broker that repeats, the current value after
subscribing) is known and refused; a counter that wrapped or was reset comes back at another time
and is new. What a ring shows when its station is met for the first time ever is the plant's past,
not ours: a baseline, known and never judged.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from edge import accepted as rows
from edge.accepted import Accepted
from edge.disk import Disk
from edge.statefile import State
from sensors.signal import Trigger

__all__ = ["Accepted", "Journal", "wall_anchor_ns"]

SAME_NS = 10_000_000_000  # two tellings of one trigger are stamped closer than this
SURELY_SAME_NS = 1_000_000_000  # closer than this even if everything else was stamped earlier
RECENT = 128  # triggers of a station among which a repeat is looked for
RING = 16  # triggers a PLC keeps: so far back an unstamped repeat is known by its sequence alone
FIRST_READING_NS = 2_000_000_000  # after first contact, how long its ring may take to be read
COUNTER = 2**32  # sequences are UInt32


def wall_anchor_ns() -> int:
    """What makes box time epoch time, when added to it now."""
    return time.time_ns() - time.monotonic_ns()


@dataclass(slots=True)
class _Known:
    accepted: Accepted
    state: State
    row: "asyncio.Future[None] | None" = None  # None: durable
    is_taken: bool = False  # handed to someone who now owes it a verdict


class Journal:
    """`async with` reads the last triggers of every station; accepting reads nothing more."""

    def __init__(self, disk: Disk, wall_anchor: Callable[[], int] = wall_anchor_ns) -> None:
        self._disk = disk
        self._wall_anchor = wall_anchor
        self._known: dict[str, deque[_Known]] = {}  # by station ever met, newest last
        self._met_ns: dict[str, int] = {}  # stations met since the start
        self._pending: list[Accepted] = []

    async def __aenter__(self) -> Self:
        anchor_ns = self._wall_anchor()
        recent = await self._disk.do(lambda c: rows.recent(c, RECENT, anchor_ns))
        for station, triggers in recent.items():
            known = (_Known(*trigger, is_taken=True) for trigger in triggers)
            self._known[station] = deque(known, maxlen=RECENT)
        self._pending = await self._disk.do(lambda c: rows.pending(c, anchor_ns))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Rows under way are the disk's to finish."""

    def pending(self) -> list[Accepted]:
        """What an earlier run accepted and did not judge, oldest first: each owes a verdict."""
        return self._pending

    def newest(self, station: str) -> Accepted | None:
        """The last known trigger, a baseline too: its PLC may still wait to see it echoed."""
        known = self._known.get(station)
        return known[-1].accepted if known else None

    async def meet(self, station: str) -> None:
        """A station was reached and its ring read, perhaps an empty one: what it shows from
        `FIRST_READING_NS` on is new."""
        if station not in self._known:
            self._meet(station)
            now_ns = time.monotonic_ns() + self._wall_anchor()
            await self._disk.do(lambda c: rows.insert_station(c, station, now_ns))

    async def accept(self, trigger: Trigger) -> Accepted | None:
        """Journal a trigger durably; None when it is known, and as durable, already.

        A ring is to be offered oldest first. An accept that is cancelled leaves its trigger to the
        next one that offers it, so that it is neither lost nor judged twice.
        """
        known = self._find(trigger) or self._enter(trigger)
        if known.row:
            await asyncio.shield(known.row)
            known.row = None
        if known.is_taken or known.state == State.BASELINE:
            return None
        known.is_taken = True
        return known.accepted

    async def sweep(self, before_ns: int) -> None:
        """Forget triggers received before `before_ns` (epoch) that owe nothing any more."""
        kept = {k.accepted.id for known in self._known.values() for k in known}
        after: int | None = 0
        while after is not None:
            after = await self._disk.do(partial(rows.sweep, after, before_ns, kept))

    def _find(self, trigger: Trigger) -> _Known | None:
        known = self._known.get(trigger.station)
        if not known:
            return None
        latest_ns = max(k.accepted.trigger.source_ns for k in known)
        is_later = trigger.source_ns > latest_ns and not trigger.recovered
        for back, one in enumerate(reversed(known)):
            if _is_same(trigger, one.accepted.trigger, back, is_later=is_later):
                return one
        return None

    def _enter(self, trigger: Trigger) -> _Known:
        if trigger.station not in self._known:
            self._meet(trigger.station)
        known, anchor_ns = self._known[trigger.station], self._wall_anchor()
        name = f"{trigger.station}-{trigger.sequence}-{(trigger.edge_ns + anchor_ns) // 10**6}"
        entry = _Known(
            Accepted(
                id=name,
                trigger=trigger,
                part=trigger.part or f"unread-{name}",
                part_was_read=bool(trigger.part),
                missed=_gap(known[-1].accepted.trigger, trigger) if known else 0,
            ),
            State.BASELINE if self._is_past(trigger) else State.PENDING,
        )
        row = self._disk.do(lambda c: rows.insert(c, entry.accepted, entry.state, anchor_ns))
        entry.row = asyncio.ensure_future(row)
        known.append(entry)
        return entry

    def _meet(self, station: str) -> None:
        self._known[station] = deque(maxlen=RECENT)
        self._met_ns[station] = time.monotonic_ns()

    def _is_past(self, trigger: Trigger) -> bool:
        met_ns = self._met_ns.get(trigger.station)
        if not trigger.recovered or met_ns is None:
            return False
        return trigger.received_ns - met_ns < FIRST_READING_NS


def _is_same(one: Trigger, known: Trigger, back: int, *, is_later: bool) -> bool:
    """Whether `one` tells `known` again, which was journalled `back` triggers ago."""
    if one.sequence != known.sequence:
        return False
    if one.source_ns and known.source_ns:
        apart_ns = abs(one.source_ns - known.source_ns)
        # stamped after everything else: a small counter that went round within SAME_NS
        limit_ns = SURELY_SAME_NS if is_later and back else SAME_NS
        # near on the plant's clock alone: a PLC that counts from power-on was started again
        is_near = apart_ns < limit_ns and abs(one.edge_ns - known.edge_ns) < SAME_NS
        return apart_ns == 0 or is_near
    is_near = abs(one.received_ns - known.received_ns) < SAME_NS
    return is_near or (one.recovered and back < RING)


def _gap(last: Trigger, trigger: Trigger) -> int:
    """Sequences skipped from `last` to `trigger`; a step back (a reset) tells nothing."""
    skipped = (trigger.sequence - last.sequence - 1) % COUNTER
    return skipped if skipped < COUNTER // 2 else 0
