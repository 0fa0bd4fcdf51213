"""What the daemon writes into the store of its own accord: by a rule, or after a fault.

Each change is made only where the store still says what the daemon acted upon.
"""

import logging
import os
from collections.abc import Callable
from functools import partial

from edge.config import Line
from edge.errors import BundleError, ConfigError
from edge.live.post import Post
from edge.live.shelf import Shelf
from edge.store.keys import read_trusted
from edge.store.state import FAULT, RULE, Ref, State, proved, rolled_back, unshadowed
from edge.store.store import Store

log = logging.getLogger(__name__)


class Clerk:
    """Writes aside; a store that the daemon may not write is said once for each change."""

    def __init__(self, line: Line, shelf: Shelf) -> None:
        self._store = Store(line.bundles.store)
        self._keys = line.bundles.keys
        self._shelf = shelf

    def may_write(self, post: Post) -> bool:
        """Whether what the daemon changes at this place will be known at its next start."""
        return os.access(self._store.places / post.place.station, os.W_OK)

    async def promote(self, post: Post, new: Ref, why: str) -> None:
        """
        Raises:
            BundleError: it is lower than what was promoted there before, or not what it was.
            ConfigError: the store cannot be written, or the keys not read.
        """
        await self._shelf.aside(
            lambda: self._store.promote(
                new.name, new.version, [post.place], read_trusted(self._keys), by=RULE, why=why
            )
        )

    async def roll_back(self, post: Post, failed: Ref, why: str) -> None:
        def change(before: State) -> State | None:
            return rolled_back(before, by=FAULT, why=why) if before.active == failed else None

        await self._write(post, change)

    async def end_shadow(self, post: Post, ref: Ref, why: str) -> None:
        def change(before: State) -> State | None:
            if before.shadow != ref:
                return None
            return unshadowed(before, before.place, by=FAULT, why=why)

        await self._write(post, change)

    async def prove(self, post: Post, ref: Ref) -> None:
        def change(before: State) -> State | None:
            return proved(before) if before.active == ref and before.proving else None

        await self._write(post, change)

    async def _write(self, post: Post, change: Callable[[State], State | None]) -> None:
        try:
            await self._shelf.aside(partial(self._store.change, post.place, change))
        except (BundleError, ConfigError) as error:
            log.error(
                "%s: %s judges, but the store cannot say so: %s; give the daemon's user the folder "
                "%s, or say it by edge bundle",
                post.place, post.active.label, error, self._store.places,
            )  # fmt: skip
