"""What shadows said and which bundles came and went, in the state file.

What takes a connection runs on the disk thread, or reads beside a daemon at work.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from edge.disk import Disk
from edge.live.tally import Compared
from edge.store.state import Place
from sensors.signal import Count

WAITING = 4096  # rows that wait for their commit; beyond it the newest is left out and counted
SHADOW = "id, said, took_ms, published, published_ms, failed"
CHANGE = "at_ns, station, recipe, what, bundle, instead_of, done_by, why"


class Heard(NamedTuple):
    """What one shadow said of one part."""

    place: Place
    sha256: str  # of its manifest
    one: Compared
    judged_ns: int  # epoch


@dataclass(frozen=True, slots=True)
class Change:
    """One bundle came, went, or was refused."""

    at_ns: int  # epoch
    place: Place
    what: str  # "active", "shadow", "refused", "shadow ended", "proved"
    bundle: str  # name and version
    instead_of: str
    by: str
    why: str


class Record:
    """Gathers rows and has the disk write them, many in one commit. Counts `shadow_rows`."""

    def __init__(self, disk: Disk, count: Count) -> None:
        self._disk = disk
        self._count = count
        self._heard: deque[Heard] = deque()
        self._changes: deque[Change] = deque()

    def heard(self, one: Heard) -> None:
        if len(self._heard) >= WAITING:
            self._count(one.place.station, "shadow_rows")
            return
        self._heard.append(one)

    def changed(self, one: Change) -> None:
        """Rare, and never left out."""
        self._changes.append(one)

    async def flush(self) -> None:
        """Everything so far is on disk."""
        if self._heard or self._changes:
            heard, changes = tuple(self._heard), tuple(self._changes)
            self._heard.clear()
            self._changes.clear()
            await self._disk.do(partial(_insert, heard, changes))

    async def of(self, place: Place, sha256: str, since_ns: int, count: int) -> list[Compared]:
        """What a shadow said before this start, the last parts, oldest first."""
        return await self._disk.do(lambda c: compared(c, place, sha256, since_ns, count))

    async def sweep(self, before_ns: int) -> None:
        await self._disk.do(partial(_sweep, before_ns))


def compared(
    connection: sqlite3.Connection, place: Place, sha256: str, since_ns: int, count: int
) -> list[Compared]:
    """The last parts that a shadow judged at a place since then (epoch), oldest first."""
    rows = connection.execute(
        f"SELECT {SHADOW} FROM shadow WHERE station = ? AND recipe = ? AND sha256 = ? "
        "AND judged_ns >= ? ORDER BY number DESC LIMIT ?",
        (*place, sha256, since_ns, count),
    ).fetchall()
    return [
        Compared(
            id=name, said=said, published=published, took_ms=took_ms,
            published_ms=published_ms, failed=failed,
        )
        for name, said, took_ms, published, published_ms, failed in reversed(rows)
    ]  # fmt: skip


def changes(connection: sqlite3.Connection, count: int) -> Iterator[Change]:
    """The last ones, newest first."""
    rows = connection.execute(
        f"SELECT {CHANGE} FROM bundle_change ORDER BY number DESC LIMIT ?", (count,)
    )
    for at_ns, station, recipe, *rest in rows:
        yield Change(at_ns, Place(station, recipe), *rest)


def _insert(
    heard: tuple[Heard, ...], made: tuple[Change, ...], connection: sqlite3.Connection
) -> None:
    connection.executemany(
        f"INSERT INTO shadow (station, recipe, sha256, judged_ns, {SHADOW}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*h.place, h.sha256, h.judged_ns, h.one.id, h.one.said, h.one.took_ms,
             h.one.published, h.one.published_ms, h.one.failed)
            for h in heard
        ],
    )  # fmt: skip
    connection.executemany(
        f"INSERT INTO bundle_change ({CHANGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(m.at_ns, *m.place, m.what, m.bundle, m.instead_of, m.by, m.why) for m in made],
    )


def _sweep(before_ns: int, connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM shadow WHERE judged_ns < ?", (before_ns,))
