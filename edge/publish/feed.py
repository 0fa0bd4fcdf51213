"""What one publisher owes: its past from disk, its present straight from memory."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self

from edge.disk import Disk
from edge.publish import delivery as rows
from edge.publish.delivery import Delivery
from sensors.signal import Count

MEMORY = 256  # fresh verdicts a publisher may lag behind before it reads from disk
PAGE = 64  # verdicts read from disk at a time
LAST = 2**63 - 1
AtOnce = Callable[[Delivery], bool]


class Feed:
    """`async with feed` is a publisher's session: it begins with all that is not acknowledged.

    What was committed before the session is its past, and comes as replayed. What is committed
    during it is its present. Each comes in order of commitment, once.
    """

    def __init__(self, disk: Disk, publisher: str, count: Count) -> None:
        self.publisher = publisher
        self._disk = disk
        self._count = count
        self._last = 0  # highest number offered
        self._is_open = False
        self._past: deque[Delivery] = deque()
        self._page: deque[Delivery] = deque()  # of the present, after an overflow
        self._memory: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._is_idle = False  # somebody waits in `next`, and there is nothing
        self._at_once: AtOnce | None = None

    async def __aenter__(self) -> Self:
        if self._is_open:
            raise RuntimeError(f"publisher {self.publisher!r} has two sessions at once")
        self._is_open = True
        self._past_read = 0  # highest number of the past read from disk
        self._past_end = self._last
        self._taken = self._last  # highest number of the present handed out
        self._is_reading = False
        self._has_overflowed = False
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        self._at_once = None
        for held in (self._past, self._page, self._memory):
            held.clear()

    @contextmanager
    def at_once(self, take: AtOnce) -> Iterator[None]:
        """Within it, a verdict that finds nothing before it goes to `take` as it is committed, if
        `take` has room for it (and says so), without waking the task that waits in `next`."""
        self._at_once = take
        try:
            yield
        finally:
            self._at_once = None

    def resume(self, last: int) -> None:
        """At the start: numbers up to `last` are of an earlier run."""
        self._last = last

    def offer(self, one: Delivery) -> None:
        """A verdict was committed; called in order of number."""
        self._last = one.number
        if not self._is_open or self._has_overflowed:
            return  # it will be read from disk
        if self._is_idle and not self._memory and self._at_once and self._at_once(one):
            self._taken = one.number
            return
        if len(self._memory) == MEMORY:
            self._has_overflowed = True
            self._count(self.publisher, "memory_overflow")
            return
        self._memory.append(one)
        self._arrived.set()

    async def next(self, *, present_first: bool = False) -> Delivery:
        """Wait for the next delivery: of the past while there is any, or of the present."""
        sources = [self._next_past, self._next_present]
        if present_first:
            sources.reverse()
        while True:
            self._arrived.clear()
            for source in sources:
                one = await source()
                if one is not None:
                    return one
            self._is_idle = True
            try:
                await self._arrived.wait()
            finally:
                self._is_idle = False

    async def _next_past(self) -> Delivery | None:
        if not self._past and self._past_read < self._past_end:
            page = await self._read(self._past_read, self._past_end, is_replayed=True)
            self._past.extend(page)
            self._past_read = page[-1].number if len(page) == PAGE else self._past_end
        return self._past.popleft() if self._past else None

    async def _next_present(self) -> Delivery | None:
        while True:
            if not self._page and (self._is_reading or (self._has_overflowed and not self._memory)):
                await self._catch_up()
            source = self._page or self._memory
            while source:
                one = source.popleft()
                if one.number > self._taken:
                    self._taken = one.number
                    return one
            if not self._is_reading and not self._has_overflowed:
                return None

    async def _catch_up(self) -> None:
        """A page of what did not fit; from here on memory takes again what is committed."""
        if not self._is_reading:
            self._is_reading, self._has_overflowed = True, False
        page = await self._read(self._taken, LAST, is_replayed=False)
        in_memory = {one.number: one for one in self._memory}
        self._page.extend(in_memory.get(one.number, one) for one in page)
        self._is_reading = len(page) == PAGE

    async def _read(self, after: int, up_to: int, *, is_replayed: bool) -> list[Delivery]:
        return await self._disk.do(
            partial(
                rows.owed,
                publisher=self.publisher,
                after=after,
                up_to=up_to,
                limit=PAGE,
                is_replayed=is_replayed,
            )
        )
