"""The outbox: one verdict a trigger, kept on disk until every publisher has its acknowledgement.

`put` commits before anybody publishes. A publisher takes what it owes from its feed, in order of
commitment, and calls `done` at each acknowledgement. What was not acknowledged when its session
ended, or this process, comes again with the same id and body, marked as replayed. A publisher that
is down costs the others nothing.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Coroutine, Mapping
from functools import partial
from typing import Any, Self, TypeVar

from edge.disk import Disk
from edge.publish import delivery as rows
from edge.publish.delivery import Delivery
from edge.publish.feed import Feed
from sensors.signal import Count

log = logging.getLogger(__name__)
T = TypeVar("T")
Routes = Mapping[str, Collection[str] | None]  # publisher -> its stations; None: all of them

__all__ = ["Delivery", "Feed", "Outbox", "Routes"]


class Outbox:
    """`async with` learns what is still owed; publishers then open their feeds."""

    def __init__(self, disk: Disk, routes: Routes, count: Count) -> None:
        self._disk = disk
        self._routes = routes
        self._count = count
        self._feeds = {publisher: Feed(disk, publisher, count) for publisher in routes}
        self._backlog = dict.fromkeys(routes, 0)
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        last, backlog = await self._disk.do(rows.standing)
        for publisher, feed in self._feeds.items():
            feed.resume(last)
            self._backlog[publisher] = backlog.get(publisher, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """What is under way is the disk's to finish."""

    def feed(self, publisher: str) -> Feed:
        return self._feeds[publisher]

    def backlog(self, publisher: str) -> int:
        """Verdicts this publisher has no acknowledgement for."""
        return self._backlog[publisher]

    async def put(
        self, trigger_id: str, station: str, body: bytes, *, sealed_ns: int, start_ns: int = 0
    ) -> bool:
        """`submit`, and wait for it; it is done even if the caller is cancelled."""
        number = self.submit(trigger_id, station, body, sealed_ns=sealed_ns, start_ns=start_ns)
        return await asyncio.shield(number) is not None

    def submit(
        self, trigger_id: str, station: str, body: bytes, *, sealed_ns: int, start_ns: int = 0
    ) -> "asyncio.Future[int | None]":
        """Commit the verdict on an accepted trigger, and then hand it to the publishers.

        `sealed_ns` is epoch time, `start_ns` the box time from which its latency counts. Verdicts
        are committed in the order in which they are submitted. The future gives the verdict's
        number, or None when the trigger has a verdict already: the second one is dropped and
        counted.

        Raises:
            ValueError: from the future: the trigger was never accepted.
        """
        publishers = [p for p, only in self._routes.items() if only is None or station in only]

        def committed(number: int | None) -> None:
            if number is None:
                self._count(station, "second_verdict")
                return
            one = Delivery(
                number,
                trigger_id,
                station,
                body,
                is_replayed=False,
                put_ns=time.monotonic_ns(),
                start_ns=start_ns,
            )
            for publisher in publishers:
                self._backlog[publisher] += 1
                self._feeds[publisher].offer(one)

        insert = partial(
            rows.insert,
            trigger_id=trigger_id,
            station=station,
            body=body,
            sealed_ns=sealed_ns,
            publishers=publishers,
        )
        return self._disk.submit(insert, committed)

    async def done(self, publisher: str, delivery: Delivery, published_ns: int) -> None:
        """Acknowledged; it is not delivered again. `published_ns` is epoch time.

        Shares a commit with what comes next: a crash within a second repeats it.
        """
        await self._finish(self._done(publisher, delivery.number, published_ns))

    async def _done(self, publisher: str, number: int, published_ns: int) -> None:
        close = partial(rows.close, publisher=publisher, number=number, published_ns=published_ns)
        closed = await self._disk.do(close, can_wait=True)
        self._backlog[publisher] -= closed

    async def sweep(self, delivered_before_ns: int, before_ns: int) -> None:
        """Delete verdicts sealed before (epoch): delivered ones, and any, delivered or not."""
        after: rows.Cursor | None = (0, 0)
        while after is not None:
            page = partial(
                rows.sweep,
                after=after,
                delivered_before_ns=delivered_before_ns,
                before_ns=before_ns,
            )
            after, given_up = await self._disk.do(page)
            for publisher, amount in given_up.items():
                log.warning("%s: gave up %d verdicts not taken in time", publisher, amount)
                if publisher in self._backlog:
                    self._backlog[publisher] -= amount
                for _ in range(amount):
                    self._count(publisher, "given_up")

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`; it goes on when the caller is cancelled."""
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)
