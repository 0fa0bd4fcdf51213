"""What the PLCs are to be told of accepted triggers, now and again after every reconnect."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field

from edge.journal import Accepted

WAITING = 16  # echoes of a station; beyond it the oldest is left out, the PLC looks for newer ones


@dataclass(slots=True)
class _Station:
    newest: Accepted | None = None
    is_busy: bool = False  # the newest one has no result yet
    waiting: deque[Accepted] = field(default_factory=lambda: deque(maxlen=WAITING))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class Echoes:
    """Outlives the sessions: a PLC that comes back sees the newest accepted trigger again."""

    def __init__(self) -> None:
        self._stations: defaultdict[str, _Station] = defaultdict(_Station)

    def accepted(self, accepted: Accepted) -> None:
        """A trigger is in the journal: its PLC may let go of it, and a result will come."""
        self._tell(accepted, is_busy=True)

    def remember(self, accepted: Accepted) -> None:
        """At the start, the newest trigger of an earlier run: judged, perhaps never echoed."""
        self._tell(accepted, is_busy=False)

    def settle(self, station: str, trigger_id: str) -> None:
        """The result of this trigger was taken or given up."""
        row = self._stations[station]
        if row.newest is not None and row.newest.id == trigger_id:
            row.is_busy = False

    def is_busy(self, station: str) -> bool:
        """Whether a part is under way whose result the PLC has not had."""
        return self._stations[station].is_busy

    def begin(self, station: str) -> None:
        """A session begins: what waited is past, the newest is told again."""
        row = self._stations[station]
        row.waiting.clear()
        if row.newest is not None:
            row.waiting.append(row.newest)
            row.arrived.set()

    async def next(self, station: str) -> Accepted:
        """Wait for the next trigger to be echoed."""
        row = self._stations[station]
        while not row.waiting:
            row.arrived.clear()
            await row.arrived.wait()
        return row.waiting.popleft()

    def _tell(self, accepted: Accepted, *, is_busy: bool) -> None:
        row = self._stations[accepted.trigger.station]
        row.newest = accepted
        row.is_busy = is_busy
        row.waiting.append(accepted)
        row.arrived.set()
