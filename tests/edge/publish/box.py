"""A daemon's keeping of accounts, without the daemon: disk, journal and outbox of a real file."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.disk import Disk
from edge.journal import Accepted, Journal
from edge.publish.outbox import Outbox, Routes
from sensors.signal import Trigger

NOW = 1_790_000_000_000_000_000  # epoch
APART_NS = 20_000_000_000  # between parts, on every clock
ROUTES: Routes = {"mqtt": None, "plc.a": ("a",)}


def body(name: str) -> bytes:
    return f'{{"id":"{name}"}}'.encode()


@dataclass
class Box:
    disk: Disk
    journal: Journal
    outbox: Outbox
    counts: Counter[tuple[str, str]]
    parts: int = 0

    async def take(self, station: str = "a") -> Accepted:
        self.parts += 1
        at_ns = self.parts * APART_NS
        accepted = await self.journal.accept(
            Trigger(station, self.parts, f"part-{self.parts}", "motor", at_ns, at_ns, at_ns)
        )
        assert accepted
        return accepted

    async def accept(self, station: str = "a") -> str:
        return (await self.take(station)).id

    async def judge(self, station: str = "a", sealed_ns: int = NOW) -> str:
        name = await self.accept(station)
        assert await self.outbox.put(name, station, body(name), sealed_ns=sealed_ns)
        return name


@asynccontextmanager
async def box_at(path: Path, routes: Routes = ROUTES, parts: int = 0) -> AsyncIterator[Box]:
    """The box as it stands after `parts` parts."""
    counts: Counter[tuple[str, str]] = Counter()
    async with (
        Disk(path, "NORMAL") as disk,
        Journal(disk, lambda: NOW) as journal,
        Outbox(disk, routes, lambda *cause: counts.update([cause])) as outbox,
    ):
        yield Box(disk, journal, outbox, counts, parts)
