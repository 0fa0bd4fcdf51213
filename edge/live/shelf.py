"""Bundles whose networks are loaded: proved before they may judge, gone when nothing needs them."""

import asyncio
import ctypes
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from edge.build import beside
from edge.bundle import Bundle
from edge.config import Line
from edge.errors import BundleError, ConfigError
from edge.fit import check_bundles
from edge.inference.engine import Engine
from edge.priority import give_way
from edge.store import choice
from edge.store.state import Place, Ref
from edge.store.store import Store

T = TypeVar("T")
BEHIND = 10  # steps of niceness behind the loop: five behind the networks at work


class Shelf:
    """Loads on one thread of its own, behind everything; `async with` ends it."""

    def __init__(self, line: Line, engine: Engine, ready: Iterable[Bundle]) -> None:
        self._line = line
        self._engine = engine
        self._store = Store(line.bundles.store)
        self._bundles = {one.sha256: one for one in ready}
        self._thread = ThreadPoolExecutor(1, "bundles", initializer=partial(give_way, BEHIND))

    async def __aenter__(self) -> "Shelf":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def aside(self, call: Callable[[], T]) -> T:
        """Do something that blocks, on that thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def get(self, sha256: str) -> Bundle | None:
        return self._bundles.get(sha256)

    async def ready(self, ref: Ref, place: Place, beside_it: Bundle) -> Bundle:
        """An installed version whose networks are loaded, fit the place and were proved.

        It must take what `beside_it` takes: the streams are cut before it is known who judges.

        Raises:
            BundleError: it is not what it was, does not fit, or does not prove itself.
        """
        one = self._bundles.get(ref.sha256)
        if one is None:
            one = await self.aside(partial(self._admit, ref))
        await self.aside(partial(self._check_fit, one, place, beside_it))
        if one.sha256 not in self._engine.loaded.held:
            chosen = await self.aside(partial(beside.chosen, self._line.engine, [one]))
            try:
                made = await self.aside(partial(self._engine.loaded.compile, one, chosen))
            except ConfigError as error:
                raise BundleError(f"{one.label}: {error}") from error
            self._engine.loaded.take(one, made)
        self._bundles[one.sha256] = one
        return one

    async def keep_only(self, needed: set[str]) -> list[str]:
        """Let go of every bundle but these; the labels of those that went."""
        gone = [one for sha256, one in self._bundles.items() if sha256 not in needed]
        for one in gone:
            del self._bundles[one.sha256]
            self._engine.loaded.drop(one.sha256)
        labels = [one.label for one in gone]
        if gone:
            gone.clear()
            await self.aside(give_back)
        return labels

    def _admit(self, ref: Ref) -> Bundle:
        folder = self._store.folder_of(ref.name, ref.version)
        one = choice.admit(folder, self._line.bundles)
        if one.sha256 != ref.sha256:
            raise BundleError(f"{folder}: is not what was chosen; install it again")
        return one

    def _check_fit(self, one: Bundle, place: Place, beside_it: Bundle) -> None:
        try:
            check_bundles(choice.only(self._line, [place], {place: one.folder}))
        except ConfigError as error:
            raise BundleError(f"{one.label} does not fit: {error}") from error
        now = beside_it.manifest.detectors
        for name, detector in one.manifest.detectors.items():
            if name not in now or now[name].input != detector.input:
                raise BundleError(
                    f"{one.label}: takes another input for {name!r} than {beside_it.label}, which "
                    "judges now; stop the daemon, promote, and start it again"
                )


def give_back() -> None:
    """Freed memory to the system, where the C library keeps it (glibc)."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
