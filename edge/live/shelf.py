"""Bundles whose networks are loaded: proved before they may judge, gone when nothing needs them."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from edge.build import beside
from edge.bundle import Bundle
from edge.config import Line
from edge.errors import BundleError, ConfigError
from edge.fit import check_bundles
from edge.inference.beforehand import compile_beforehand
from edge.inference.detector import Detector
from edge.inference.engine import Engine
from edge.inference.loaded import let_go
from edge.store import choice
from edge.store.state import Place, Ref
from edge.store.store import Store

T = TypeVar("T")


class Shelf:
    """Compiles in a process of its own, and loads what came of it on a thread behind everything."""

    def __init__(
        self,
        line: Line,
        engine: Engine,
        ready: Iterable[Bundle],
        loaded: Callable[[Bundle], None],
    ) -> None:
        self._line = line
        self._engine = engine
        self._on_loaded = loaded
        self._store = Store(line.bundles.store)
        self._bundles = {one.sha256: one for one in ready}

    async def aside(self, call: Callable[[], T]) -> T:
        """Do something that blocks, on that thread."""
        return await self._engine.aside.do(call)

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
            await self._load(one)
        self._bundles[one.sha256] = one
        return one

    async def keep_only(self, needed: set[str]) -> list[str]:
        """Let go of every bundle but these; the labels of those that went."""
        gone = [self._bundles.pop(sha256) for sha256 in self._bundles.keys() - needed]
        detectors: list[Detector] = []
        for one in gone:
            detectors += self._engine.loaded.drop(one.sha256)
        if gone:
            await self.aside(partial(let_go, detectors))
        return [one.label for one in gone]

    async def _load(self, one: Bundle) -> None:
        loaded = self._engine.loaded
        chosen = await self.aside(partial(beside.chosen, self._line.engine, [one]))
        try:
            if loaded.cache is not None:
                await compile_beforehand(one, self._line.engine, chosen, loaded.cache)
            made = await self.aside(partial(loaded.compile, one, chosen))
        except ConfigError as error:
            raise BundleError(f"{one.label}: {error}") from error
        loaded.take(one, made)
        self._on_loaded(one)

    def _admit(self, ref: Ref) -> Bundle:
        folder = self._store.folder_of(ref.name, ref.version)
        one = choice.admit(folder, self._line.bundles)
        if one.sha256 != ref.sha256:
            raise BundleError(f"{folder}: is not what was chosen; install it again")
        return one

    def _check_fit(self, one: Bundle, place: Place, beside_it: Bundle) -> None:
        try:
            known = {each.folder: each for each in (one, beside_it)}
            check_bundles(choice.only(self._line, [place], {place: one.folder}), known)
        except ConfigError as error:
            raise BundleError(f"{one.label} does not fit: {error}") from error
        now = beside_it.manifest.detectors
        for name, detector in one.manifest.detectors.items():
            if name not in now or now[name].input != detector.input:
                raise BundleError(
                    f"{one.label}: takes another input for {name!r} than {beside_it.label}, which "
                    "judges now; stop the daemon, promote, and start it again"
                )
