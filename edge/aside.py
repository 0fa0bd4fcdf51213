"""One thread for what takes long and is in no hurry: it goes behind everything in the process."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import TypeVar

from edge.priority import give_way

T = TypeVar("T")
BEHIND = 10  # steps of niceness behind the loop: five behind the networks at work


class Aside:
    """`async with` ends it; what runs then is not waited for."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name, initializer=partial(give_way, BEHIND))

    async def __aenter__(self) -> "Aside":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def do(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises; one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
