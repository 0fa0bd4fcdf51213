"""Engines chosen beside a running line: the daemon starts on what it has, and changes when told.

With `engine.name = "auto"` a choice that was made on this box, as it is, is taken at once. Where
there is none, or something that it depends on has changed, the usual engine serves meanwhile and
`edge build` runs behind everything else; what it finds is adopted between two windows.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from edge import config
from edge.build.memory import key_of, recall
from edge.bundle import Bundle
from edge.errors import BundleError, ConfigError
from edge.inference import plans
from edge.inference.engine import Engine
from edge.inference.loaded import Key
from edge.inference.runner import AUTO, DEFAULT, Candidate
from edge.priority import go_last

log = logging.getLogger(__name__)


def chosen(
    settings: config.Engine,
    bundles: Iterable[Bundle],
    where: Path | None = None,
    say: Callable[[str], None] = log.warning,
) -> dict[Key, Candidate]:
    """What was chosen on this box and still holds; says of everything else why it does not."""
    found: dict[Key, Candidate] = {}
    if settings.name != AUTO:
        return found
    for one in bundles:
        kept = recall(one, where or plans.folder())
        for name in one.manifest.detectors:
            now = key_of(one, name, settings.threads)
            if (row := kept.get(name)) is None:
                say(f"{one.label} {name}: no engine was chosen here yet, {DEFAULT} serves")
            elif changed := row.key.differs(now):
                was = f"{row.candidate} was chosen when {changed}"
                say(f"{one.label} {name}: {was}; {DEFAULT} serves")
            else:
                found[one.sha256, name] = row.candidate
    return found


class Choices:
    """Chooses for bundles that lack a choice, one after the other, and has `engine` adopt it.

    `want` whatever is loaded, at the start and while the line runs; `run` works until cancelled.
    """

    def __init__(self, settings: config.Engine, engine: Engine, where: Path | None = None) -> None:
        self._settings = settings
        self._engine = engine
        self._place = where or plans.folder()
        self._wanted: dict[str, Bundle] = {}  # by sha256: no more than are loaded
        self._bell = asyncio.Event()

    def want(self, one: Bundle) -> None:
        """Choose for it, when its turn comes, if it is still loaded then."""
        if self._settings.name == AUTO:
            self._wanted[one.sha256] = one
            self._bell.set()

    async def run(self) -> None:
        while True:
            self._bell.clear()
            while self._wanted:
                one = self._wanted.pop(next(iter(self._wanted)))
                if one.sha256 in self._engine.loaded.held:
                    await self._choose(one)
            await self._bell.wait()

    async def _choose(self, one: Bundle) -> None:
        held = chosen(self._settings, [one], self._place, say=log.debug)
        if len(held) == len(one.manifest.detectors):
            return
        if await _build(one, self._settings.threads, self._place):
            await _adopt(self._settings, one, self._engine, self._place)


async def _build(one: Bundle, threads: int, place: Path) -> bool:
    command = [sys.executable, "-m", "edge", "build", str(one.folder)]
    options = ["--threads", str(threads), "--cache", str(place), "--json"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *options,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # so that the whole of it can go last
    )
    go_last(process.pid)
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in (0, 1):  # 1: some detector has no engine that passes
        log.warning("%s: edge build failed: %s", one.label, said.decode(errors="replace")[-500:])
        return False
    return True


async def _adopt(settings: config.Engine, one: Bundle, engine: Engine, place: Path) -> None:
    for (_, name), candidate in chosen(settings, [one], place).items():
        try:
            await engine.loaded.adopt(one, name, candidate, engine.aside)
        except (ConfigError, BundleError) as error:
            log.warning("%s %s: %s does not serve: %s", one.label, name, candidate, error)
        else:
            log.info("%s %s: runs on %s from now on", one.label, name, candidate)
