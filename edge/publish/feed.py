"""What one publisher owes, in order: first from disk, then straight from memory."""

import asyncio
from collections import deque
from functools import partial
from typing import Self

from edge.disk import Disk
from edge.publish import delivery as rows
from edge.publish.delivery import Delivery
from sensors.signal import Count

MEMORY = 256  # fresh verdicts a publisher may lag behind before it reads from disk
PAGE = 64  # verdicts read from disk at a time


class Feed:
    """`async with feed` is a publisher's session: it begins with all that is not acknowledged."""

    def __init__(self, disk: Disk, publisher: str, count: Count) -> None:
        self.publisher = publisher
        self._disk = disk
        self._count = count
        self._last = 0  # highest number offered
        self._is_open = False
        self._memory: deque[Delivery] = deque()
        self._page: deque[Delivery] = deque()
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> Self:
        if self._is_open:
            raise RuntimeError(f"publisher {self.publisher!r} has two sessions at once")
        self._is_open = True
        self._replayed_to = self._last
        self._taken = 0  # highest number handed out
        self._is_reading = True  # disk first
        self._has_overflowed = False
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        self._memory.clear()
        self._page.clear()

    def resume(self, last: int) -> None:
        """At the start: numbers up to `last` are of an earlier run."""
        self._last = last

    def offer(self, one: Delivery) -> None:
        """A verdict was committed; called in order of number."""
        self._last = one.number
        if not self._is_open or self._has_overflowed:
            return  # it will be read from disk
        if len(self._memory) == MEMORY:
            self._has_overflowed = True
            self._count(self.publisher, "memory_overflow")
            return
        self._memory.append(one)
        self._arrived.set()

    async def next(self) -> Delivery:
        """Wait for the next delivery."""
        while True:
            if not self._page and (self._is_reading or (self._has_overflowed and not self._memory)):
                await self._read()
            source = self._page or self._memory
            while source:
                one = source.popleft()
                if one.number > self._taken:
                    self._taken = one.number
                    return one
            if not self._is_reading and not self._has_overflowed:
                self._arrived.clear()
                await self._arrived.wait()

    async def _read(self) -> None:
        """A page from disk; what is committed from here on is offered to memory again."""
        if not self._is_reading:
            self._is_reading, self._has_overflowed = True, False
        page = await self._disk.do(
            partial(
                rows.owed,
                publisher=self.publisher,
                after=self._taken,
                limit=PAGE,
                replayed_to=self._replayed_to,
            )
        )
        in_memory = {one.number: one for one in self._memory}
        self._page.extend(in_memory.get(one.number, one) for one in page)
        self._is_reading = len(page) == PAGE
