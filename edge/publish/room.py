"""How much may be under way at a time; a semaphore that can also be taken without waiting."""

import asyncio
from collections import deque


class Room:
    """`limit` places, given in the order in which they were asked for."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_free(self) -> bool:
        """Nobody waits, and there is a place."""
        return self._free > 0 and not self._waiting

    def take_now(self) -> None:
        """Raises RuntimeError where `is_free` would have said no."""
        if not self.is_free:
            raise RuntimeError("there is no room")
        self._free -= 1

    async def take(self) -> None:
        """Wait for a place."""
        if self.is_free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()  # it came, and nobody is there any more
            raise

    def give(self) -> None:
        """A place is free again."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
