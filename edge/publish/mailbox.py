"""The handshake with a PLC for one station: heartbeat, echo of triggers, results one by one.

A result is offered by one write of all its fields, then ResultReady. The PLC takes it when
ResultReady is set and ResultSequence is not what it took last, and writes that sequence to Ack. No
Ack within `ack_timeout_s` closes the delivery: the PLC could have read it all that time, and a
second offer would come when another part stands in its place.

Results are offered in trigger order, but what was owed from before this session (Late, REPLAYED)
gives way to the present: nobody waits for it any more, and behind a long line of it every fresh
result would be late, too.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict

from asyncua import ua

from edge.config import PlcHandshake
from edge.publish.echo import Echoes
from edge.publish.outbox import Delivery, Outbox
from edge.publish.reply import reply
from edge.publish.tags import Ack, Tags, ack_of
from sensors.signal import Count

Published = Callable[[Delivery, int], None]  # what was offered, and when on the box's clock

HEARTBEAT_S = 1.0
POLL_S = 0.05  # between looks at Ack, where the PLC publishes slowly
COUNTER = 2**32


def publisher_name(station: str) -> str:
    """Of a station's mailbox in the outbox: each owes its own deliveries."""
    return f"plc.{station}"


class Mailbox:
    """One session's part for one station. Counts `ack_timeout` and `ack_found` by station."""

    def __init__(
        self,
        station: str,
        handshake: PlcHandshake,
        tags: Tags,
        outbox: Outbox,
        echoes: Echoes,
        *,
        is_ready: Callable[[], bool],
        published: Published,
        count: Count,
    ) -> None:
        self.station = station
        self.ack = handshake.nodes.ack  # the node to watch
        self._timeout_s = handshake.ack_timeout_s
        self._tags = tags
        self._outbox = outbox
        self._publisher = publisher_name(station)
        self._echoes = echoes
        self._is_ready = is_ready
        self._published = published
        self._count = count
        self._busy = asyncio.Lock()  # whoever writes Busy
        self._ack = Ack(None, None)
        self._ack_moved = asyncio.Event()

    async def open(self) -> None:
        """Learn what stands on the PLC and clear what an earlier session left."""
        values = await self._tags.open()
        beats = values.get("heartbeat")
        self._beats = beats if isinstance(beats, int) else 0
        self._ack = await self._tags.read_ack()
        self._echoes.begin(self.station)
        is_owed = self._outbox.backlog(self._publisher) > 0
        is_busy = is_owed or self._echoes.is_busy(self.station)
        await self._tags.write(result_ready=False, busy=is_busy, ready=self._is_ready())

    def acked(self, value: ua.DataValue, _received_ns: int) -> None:
        """The PLC has written its Ack."""
        self._ack = ack_of(value)
        self._ack_moved.set()

    async def beat(self) -> None:
        """Heartbeat and Ready, once a second."""
        while True:
            started = time.monotonic()
            self._beats = (self._beats + 1) % COUNTER
            await self._tags.write(heartbeat=self._beats, ready=self._is_ready())
            await asyncio.sleep(max(0.0, started + HEARTBEAT_S - time.monotonic()))

    async def echo(self) -> None:
        """Tell the PLC each trigger that is safe in the journal, at once."""
        while True:
            accepted = await self._echoes.next(self.station)
            async with self._busy:
                await self._tags.write(
                    busy=self._echoes.is_busy(self.station),
                    echo_part=accepted.trigger.part,
                    echo_sequence=accepted.trigger.sequence,
                )

    async def deliver(self) -> None:
        """Offer what is owed, one at a time."""
        async with self._outbox.feed(self._publisher) as feed, asyncio.TaskGroup() as closing:
            while True:
                one = await feed.next(present_first=True)
                published_ns = await self._offer(one)
                closing.create_task(self._outbox.done(self._publisher, one, published_ns))

    async def leave(self) -> None:
        """The box stops: the PLC shall announce no more parts."""
        await self._tags.write(ready=False)

    async def _offer(self, one: Delivery) -> int:
        """Put one result into the mailbox until it is taken or given up; when it was there."""
        age_s = (time.monotonic_ns() - one.put_ns) / 1e9
        answer = reply(one, is_stale=age_s > self._timeout_s)
        published_ns = time.time_ns()
        if one.is_replayed and self._ack.sequence == answer.result_sequence:
            self._count(self.station, "ack_found")  # taken while the link was down
        else:
            before = self._ack
            await self._tags.write(**asdict(answer))
            await self._tags.write(result_ready=True)
            self._published(one, time.monotonic_ns())
            # a replayed one waits half as long, so that a fresh one behind it stays fresh
            timeout_s = self._timeout_s / 2 if one.is_replayed else self._timeout_s
            if not await self._taken(answer.result_sequence, before, timeout_s):
                self._count(self.station, "ack_timeout")
        self._echoes.settle(self.station, one.id)
        async with self._busy:
            is_busy = self._echoes.is_busy(self.station)
            await self._tags.write(result_ready=False, busy=is_busy)
        return published_ns

    async def _taken(self, sequence: int, before: Ack, timeout_s: float) -> bool:
        give_up = time.monotonic() + timeout_s
        while not self._ack.takes(sequence, before):
            left_s = give_up - time.monotonic()
            if left_s <= 0.0:
                return False
            self._ack_moved.clear()
            try:
                async with asyncio.timeout(min(POLL_S, left_s)):
                    await self._ack_moved.wait()
                continue
            except TimeoutError:
                pass
            self._ack = await self._tags.read_ack()
        return True
