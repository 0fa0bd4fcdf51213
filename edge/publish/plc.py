"""Verdicts to a PLC by OPC UA: one session a PLC, one mailbox a station."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from asyncua.client.client import Client

from edge.config import PlcHandshake
from edge.publish.echo import Echoes
from edge.publish.mailbox import Mailbox, Published, publisher_name
from edge.publish.outbox import Outbox
from edge.publish.tags import Tags
from sensors.link import LINK_ERRORS, dial_opcua, gravest, wait_lost
from sensors.signal import Count
from sensors.subscription import Item, Subscription
from sensors.wiring import OpcUaLink

__all__ = ["Echoes", "PlcPublisher", "publisher_name"]

GOODBYE_S = 0.5
ACKS = 4  # that a PLC keeps between two publications


class PlcPublisher:
    """One session with one PLC: heartbeat, echoes, and a mailbox for each of its stations."""

    def __init__(
        self,
        name: str,  # of the link
        link: OpcUaLink,
        stations: Mapping[str, PlcHandshake],
        outbox: Outbox,
        echoes: Echoes,
        *,
        is_ready: Callable[[], bool],
        published: Published,
        count: Count,
        up: Callable[[], None],
    ) -> None:
        self._name = name
        self._link = link
        self._stations = stations
        self._outbox = outbox
        self._echoes = echoes
        self._is_ready = is_ready
        self._published = published
        self._count = count
        self._up = up

    async def run(self) -> None:
        """Serve the PLC until cancelled; then tell it that this box is not ready.

        Raises:
            LinkLost: the PLC cannot be reached, refuses, is gone, or has frozen.
        """
        async with dial_opcua(self._link) as client:
            mailboxes = await self._open(client)
            subscription = Subscription(
                self._name, client, self._link.publishing_ms, lambda _: None
            )
            await subscription.open()
            # what the PLC will not have watched is polled while it is awaited
            await subscription.watch([Item(b.station, b.ack, ACKS, b.acked) for b in mailboxes])
            self._up()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(wait_lost(client))
                    group.create_task(subscription.wait_lost())
                    for mailbox in mailboxes:
                        group.create_task(mailbox.beat())
                        group.create_task(mailbox.echo())
                        group.create_task(mailbox.deliver())
            except BaseExceptionGroup as errors:
                raise gravest(errors) from errors
            except asyncio.CancelledError:
                await _leave(mailboxes)
                raise

    async def _open(self, client: Client) -> list[Mailbox]:
        mailboxes = [
            Mailbox(
                station,
                handshake,
                Tags(client, station, handshake.nodes),
                self._outbox,
                self._echoes,
                is_ready=self._is_ready,
                published=self._published,
                count=self._count,
            )
            for station, handshake in self._stations.items()
        ]
        for mailbox in mailboxes:
            await mailbox.open()
        return mailboxes


async def _leave(mailboxes: Sequence[Mailbox]) -> None:
    with contextlib.suppress(*LINK_ERRORS):
        async with asyncio.timeout(GOODBYE_S):
            for mailbox in mailboxes:
                await mailbox.leave()
