"""The simulated PLC's program for one station."""

import asyncio
import json
import time
from collections import deque
from datetime import datetime
from typing import NamedTuple

from sensors.simulator import pool
from sensors.simulator.broker import Broker
from sensors.simulator.ledger import Ledger, triggers
from sensors.simulator.plan import Plan, SimulatedStation
from sensors.simulator.tags import NEVER, RING, Board
from sensors.simulator.timepiece import Timepiece, as_datetime, epoch_at


class Announced(NamedTuple):
    """One trigger, as the ring remembers it."""

    sequence: int
    part: str
    recipe: str
    time: datetime


class Cell:
    """Announces the parts of one station and takes their verdicts."""

    def __init__(
        self,
        plan: Plan,
        station: SimulatedStation,
        board: Board,
        *,
        clock: Timepiece,
        ledger: Ledger,
        broker: Broker | None,
    ) -> None:
        self.station = station
        self._plan = plan
        self._board = board
        self._clock = clock
        self._ledger = ledger
        self._broker = broker
        self._pool_size = pool.part_count(station.recording)
        self._ring: deque[Announced] = deque(maxlen=RING)
        self._next = 0  # index of the part to come
        self._was_ready = False

    async def restore(self) -> None:
        """Take up where a former life of this PLC ended, and skip what passed meanwhile."""
        for event in triggers(self._plan, self.station):
            stamp = as_datetime(self._clock.stamp(event["edge_ns"]))
            self._ring.append(Announced(event["sequence"], event["part"], event["recipe"], stamp))
        if self._ring:
            self._next = self._ring[-1].sequence
            await self._show()
        now_ns = time.monotonic_ns()
        while self._is_due(self._next) and self._plan.edge_ns(self.station, self._next) < now_ns:
            self._next += 1

    async def announce(self) -> None:
        """One trigger a part, at its time, to the end of the plan."""
        while self._is_due(self._next):
            edge_ns = self._plan.edge_ns(self.station, self._next)
            await asyncio.sleep(max(0.0, (edge_ns - time.monotonic_ns()) * 1e-9))
            await self._trigger(self._next, edge_ns)
            self._next += 1

    async def take(self, written: set[str]) -> None:
        """Look at what the box has written in one request."""
        now_ns = time.monotonic_ns()
        read, station = self._board.read, self.station.id
        if "EchoSequence" in written:
            self._ledger.write(
                "echo",
                station=station,
                sequence=read(station, "EchoSequence"),
                part=read(station, "EchoPartId"),
                busy=read(station, "Busy"),
                monotonic_ns=now_ns,
            )
        is_ready = read(station, "ResultReady")
        if is_ready and not self._was_ready:
            await self._take_result(now_ns)
        self._was_ready = is_ready

    def _is_due(self, index: int) -> bool:
        return self._plan.parts == 0 or index < self._plan.parts

    async def _trigger(self, index: int, edge_ns: int) -> None:
        stamp_ns = self._clock.stamp(edge_ns)
        station = self.station
        one = Announced(
            index + 1, station.part_id(index), station.recipe(index), as_datetime(stamp_ns)
        )
        self._ring.append(one)
        self._ledger.write(
            "trigger",
            station=self.station.id,
            sequence=one.sequence,
            part=one.part,
            recipe=one.recipe,
            edge_ns=edge_ns,
            pool_index=index % self._pool_size,
            time=as_datetime(epoch_at(edge_ns)).isoformat(),
        )
        await self._show()
        if self._broker is not None and self.station.trigger_topic is not None:
            message = {
                "sequence": one.sequence, "part": one.part, "recipe": one.recipe, "t_ns": stamp_ns
            }  # fmt: skip
            self._broker.publish_surely(self.station.trigger_topic, json.dumps(message).encode())

    async def _show(self) -> None:
        """Identity and ring first, then the sequence: who sees its edge may read the rest."""
        empty = [Announced(0, "", "", NEVER)] * (RING - len(self._ring))
        sequences, parts, recipes, times = zip(*empty, *self._ring, strict=True)
        last = self._ring[-1]
        values = {
            "PartId": last.part,
            "Recipe": last.recipe,
            "RingSequence": list(sequences),
            "RingPartId": list(parts),
            "RingRecipe": list(recipes),
            "RingTime": list(times),
            "Sequence": last.sequence,
        }
        await self._board.post(self.station.id, values, last.time)

    async def _take_result(self, now_ns: int) -> None:
        read, station = self._board.read, self.station.id
        sequence = read(station, "ResultSequence")
        self._ledger.write(
            "result",
            station=station,
            sequence=sequence,
            result=read(station, "Result"),
            defect_code=read(station, "DefectCode"),
            late=read(station, "Late"),
            error_code=read(station, "ErrorCode"),
            monotonic_ns=now_ns,
        )
        if self._plan.ack:
            stamp = as_datetime(self._clock.stamp(now_ns))
            await self._board.post(station, {"Ack": sequence}, stamp)
