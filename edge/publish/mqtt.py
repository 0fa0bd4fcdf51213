"""Verdicts to a broker: QoS 1, in order, done at the PUBACK.

The session is clean: the outbox is the only redelivery. A delivery that may be a second one says so
in its user property `replayed`; MQTT 3.1.1 has no such properties, there a subscriber recognises it
by its id. Whoever acts on a verdict looks at both.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial

from edge.config import Publishing
from edge.publish.outbox import Delivery, Outbox
from edge.publish.room import Room
from edge.verdict import SCHEMA_VERSION, iso
from sensors.errors import LinkLost
from sensors.link import MqttSession, Will, dial_mqtt
from sensors.wiring import MqttLink

Published = Callable[[Delivery, int], None]  # what was acknowledged, and when on the box's clock

WINDOW = 20  # verdicts sent and not acknowledged; the next one waits
UNDER_WAY = 512  # verdicts acknowledged, whose mark is not yet on disk; the next one waits
GOODBYE_S = 1.0


class MqttPublisher:
    """One session: publishes what the feed `name` owes until the link is lost."""

    def __init__(
        self,
        name: str,  # of the publisher in the outbox
        link: MqttLink,
        publishing: Publishing,
        outbox: Outbox,
        *,
        site: str,
        line: str,
        published: Published,
        up: Callable[[], None],
    ) -> None:
        self._name = name
        self._link = link
        self._publishing = publishing
        self._outbox = outbox
        self._site = site
        self._line = line
        self._published = published
        self._up = up
        self._window = Room(WINDOW)
        self._under_way = Room(UNDER_WAY)

    async def run(self) -> None:
        """Publish until cancelled; then say goodbye where the will would have said it.

        Raises:
            LinkLost: the broker cannot be reached, refuses, or is gone (alone, or in a group).
        """
        status = self._publishing.status_topic.format(site=self._site, line=self._line)
        client_id = f"edge-{self._site}-{self._line}-out"
        will = Will(status, self._state(state="offline", reason="lost"))
        async with dial_mqtt(self._link, client_id=client_id, will=will) as session:
            await session.publish(status, self._now("online"), retain=True)
            self._up()
            try:
                await self._publish_all(session)
            except asyncio.CancelledError:
                with contextlib.suppress(LinkLost, TimeoutError):
                    async with asyncio.timeout(GOODBYE_S):
                        goodbye = self._now("offline", reason="stopped")
                        await session.publish(status, goodbye, retain=True)
                raise

    async def _publish_all(self, session: MqttSession) -> None:
        async with self._outbox.feed(self._name) as feed, asyncio.TaskGroup() as group:
            group.create_task(session.wait_lost())
            with feed.at_once(partial(self._publish_at_once, session, group)):
                while True:
                    one = await feed.next()
                    await self._under_way.take()
                    await self._window.take()
                    self._publish(session, group, one)

    def _publish_at_once(
        self, session: MqttSession, group: asyncio.TaskGroup, one: Delivery
    ) -> bool:
        if not (self._under_way.is_free and self._window.is_free):
            return False
        self._under_way.take_now()
        self._window.take_now()
        try:
            self._publish(session, group, one)
        except LinkLost:
            return False  # the session is ending, and hears of it by itself
        return True

    def _publish(self, session: MqttSession, group: asyncio.TaskGroup, one: Delivery) -> None:
        """One verdict, for which there is room; sent when this returns, so that none overtakes it.

        Raises:
            LinkLost: it was not sent.
        """
        now_ns = time.time_ns()
        try:
            answer = self._send(session, one, now_ns)
        except LinkLost:
            self._window.give()
            self._under_way.give()
            raise
        group.create_task(self._finish(answer, one, now_ns))

    def _send(self, session: MqttSession, one: Delivery, now_ns: int) -> Awaitable[None]:
        publishing = self._publishing
        return session.send(
            publishing.topic.format(site=self._site, line=self._line, station=one.station),
            one.body,
            expiry_s=publishing.expiry_s,
            content_type="application/json",
            properties={
                "schema": f"verdict/{SCHEMA_VERSION}",
                "id": one.id,
                "published_ns": str(now_ns),
                "replayed": "true" if one.is_replayed else "false",
            },
        )

    async def _finish(self, answer: Awaitable[None], one: Delivery, published_ns: int) -> None:
        """Wait for the acknowledgement, and write it down."""
        try:
            try:
                await answer
            finally:
                self._window.give()
            self._published(one, time.monotonic_ns())
            await self._outbox.done(self._name, one, published_ns)
        finally:
            self._under_way.give()

    def _now(self, state: str, **facts: str) -> bytes:
        since_ns = time.time_ns()
        return self._state(state=state, **facts, since=iso(since_ns), since_ns=since_ns)

    def _state(self, **facts: str | int) -> bytes:
        return json.dumps(facts | {"site": self._site, "line": self._line}).encode()
