"""Work of one task, one thing after the other, for whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from edge.errors import BundleError, ConfigError

T = TypeVar("T")
WAITING = 64  # that asked; who comes later waits to ask
Work = Callable[[], Awaitable[None]]


class Turns:
    """`ask` waits for an answer; the task takes what is `next`, and does it."""

    def __init__(self) -> None:
        self._work: asyncio.Queue[Work] = asyncio.Queue(WAITING)

    async def ask(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns, or the BundleError or ConfigError that it raises, once it was done.

        It is done even if the one who asked does not wait any more. What else it raises is a fault
        of logic, and ends the task.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def do() -> None:
            try:
                result = await work()
            except (BundleError, ConfigError) as error:
                if not answer.done():
                    answer.set_exception(error)
                return
            if not answer.done():
                answer.set_result(result)

        await self._work.put(do)
        return await answer

    async def next(self, within_s: float | None) -> Work | None:
        """None: nobody asked for that long."""
        try:
            async with asyncio.timeout(within_s):
                return await self._work.get()
        except TimeoutError:
            return None
