"""One station's trigger on an OPC UA server: the edge, then the part, and the ring of the past."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds

from sensors.signal import Announce, Announcement, Count
from sensors.wiring import TriggerNodes

EDGES = 64  # waiting for their part id; should there be more, the ring tells the rest
WRAP = 2**32  # of a UInt32
MAX_TEXT = 256
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Edge:
    sequence: int
    source_ns: int
    received_ns: int


class PlcTrigger:
    """Announces every part of one station once a session; what was heard before, others know.

    Counts, by station: `bad_status` (a value the PLC itself calls bad), `bad_trigger` (not a
    sequence), `bad_ring`, `part_unread` (the part id was gone when it was read) and
    `trigger_overflow` (edges faster than reading; the ring was asked instead).
    """

    def __init__(
        self, client: Client, station: str, nodes: TriggerNodes, announce: Announce, count: Count
    ) -> None:
        self._client = client
        self._station = station
        self._announce = announce
        self._count = count
        live = (nodes.sequence, nodes.part, nodes.recipe)
        ring = (nodes.ring_sequence, nodes.ring_part, nodes.ring_recipe, nodes.ring_time)
        self._live = [ua.NodeId.from_string(n) if n else None for n in live]
        self._ring = [ua.NodeId.from_string(n) if n else None for n in ring]
        self._edges: asyncio.Queue[_Edge] = asyncio.Queue(EDGES)
        self._last = 0  # sequence announced last; 0: none yet

    def changed(self, value: ua.DataValue, received_ns: int) -> None:
        """The sequence node has a new value."""
        edge = self._edge(value, received_ns)
        if edge is None:
            return
        if self._edges.full():
            self._edges.get_nowait()
            self._count(self._station, "trigger_overflow")
        self._edges.put_nowait(edge)

    async def catch_up(self) -> None:
        """Announce what the PLC remembers, oldest first, and what stands there now."""
        values = await self._read(self._live)
        received_ns = time.monotonic_ns()
        edge = self._edge(values[0], received_ns)
        if edge is None:
            return
        past = await self._remembered(edge)
        now = self._announcement(edge, values, from_ring=True)
        self._tell([*(p for p in past if p.sequence != edge.sequence), now], edge.sequence)

    async def run(self) -> None:
        """Announce each edge with the part id that is read after it."""
        while True:
            await self._take(await self._edges.get())

    async def poll(self, period_s: float) -> None:
        """Look at the sequence again and again, where the server has no subscriptions."""
        while True:
            started = time.monotonic()
            value = (await self._read(self._live[:1]))[0]
            self.changed(value, time.monotonic_ns())
            await asyncio.sleep(max(0.0, started + period_s - time.monotonic()))

    async def _take(self, edge: _Edge) -> None:
        if edge.sequence in (0, self._last):
            return
        values = await self._read(self._live)
        stands = self._edge(values[0], edge.received_ns)
        is_there = stands is not None and stands.sequence == edge.sequence
        skipped = (edge.sequence - self._last - 1) % WRAP
        past: list[Announcement] = []
        if not is_there or 0 < skipped < WRAP // 2:
            past = await self._remembered(edge)
        if is_there:
            now = self._announcement(edge, values, from_ring=False)
        else:
            now = self._from_ring(edge, past)
        between = [p for p in past if 0 < (edge.sequence - p.sequence) % WRAP <= skipped]
        self._tell([*between, now], edge.sequence)

    def _tell(self, parts: Iterable[Announcement], last: int) -> None:
        self._last = last
        for part in parts:
            if part.sequence:
                self._announce(part, _nothing)

    def _from_ring(self, edge: _Edge, past: list[Announcement]) -> Announcement:
        """The PLC went on before its part id was read: the ring still has it, or nobody."""
        for one in past:
            if one.sequence == edge.sequence:
                return Announcement(
                    self._station,
                    edge.sequence,
                    one.part,
                    one.recipe,
                    edge.source_ns or one.source_ns,
                    edge.received_ns,
                )
        self._count(self._station, "part_unread")
        return Announcement(self._station, edge.sequence, "", "", edge.source_ns, edge.received_ns)

    def _announcement(
        self, edge: _Edge, values: list[ua.DataValue], *, from_ring: bool
    ) -> Announcement:
        return Announcement(
            self._station,
            edge.sequence,
            _text(_content(values[1])),
            _text(_content(values[2])),
            edge.source_ns,
            edge.received_ns,
            from_ring,
        )

    async def _remembered(self, edge: _Edge) -> list[Announcement]:
        """The PLC's ring, oldest first; it may have gone on since the edge."""
        if self._ring[0] is None:
            return []
        columns = [_content(value) for value in await self._read(self._ring)]
        sequences = columns[0]
        if not isinstance(sequences, list) or not all(type(s) is int for s in sequences):
            self._count(self._station, "bad_ring")
            return []
        rows = [
            Announcement(
                self._station,
                sequence,
                _text(_at(columns[1], k)),
                _text(_at(columns[2], k)),
                epoch_ns(_at(columns[3], k)),
                edge.received_ns,
                from_ring=True,
            )
            for k, sequence in enumerate(sequences)
            if sequence > 0
        ]
        newest = edge.sequence + len(rows)
        return sorted(rows, key=lambda row: (newest - row.sequence) % WRAP, reverse=True)

    def _edge(self, value: ua.DataValue, received_ns: int) -> _Edge | None:
        if value.StatusCode is not None and value.StatusCode.is_bad():
            self._count(self._station, "bad_status")
            return None
        sequence = _content(value)
        if type(sequence) is not int or sequence < 0:
            self._count(self._station, "bad_trigger")
            return None
        return _Edge(sequence, epoch_ns(value.SourceTimestamp), received_ns)

    async def _read(self, nodes: list[ua.NodeId | None]) -> list[ua.DataValue]:
        """Values of the nodes there are, in one request; empty ones for the others."""
        wanted = [node for node in nodes if node is not None]
        values = iter(await self._client.uaclient.read_attributes(wanted, AttributeIds.Value))
        return [ua.DataValue() if node is None else next(values) for node in nodes]


def epoch_ns(stamp: object) -> int:
    """A DateTime of OPC UA as nanoseconds since 1970; 0 for none."""
    if not isinstance(stamp, datetime):
        return 0
    stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp
    return max(0, (stamp - EPOCH) // timedelta(microseconds=1) * 1000)


def _content(value: ua.DataValue) -> Any:
    is_bad = value.StatusCode is not None and value.StatusCode.is_bad()
    return None if is_bad or value.Value is None else value.Value.Value


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _at(column: object, k: int) -> object:
    return column[k] if isinstance(column, list) and k < len(column) else None


def _nothing() -> None:
    """An OPC UA trigger needs no acknowledgement here: the PLC waits for its echo."""
