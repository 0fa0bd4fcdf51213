"""The verdicts that a box keeps in its state file, found by part."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import ConfigError, DiskFailed
from edge.statefile import open_to_read
from edge.verdict import iso

LATEST = "latest"
SHOWN = 10  # of the parts that match, or that there are
QUERY = """SELECT verdict.id, verdict.station, part, verdict.sealed_ns, body
    FROM verdict JOIN accepted ON accepted.number = trigger_number"""
NEWEST = "ORDER BY verdict.number DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Kept:
    """One verdict on this box."""

    id: str
    station: str
    part: str
    sealed_ns: int  # epoch
    body: bytes = field(repr=False)

    @property
    def line(self) -> str:
        return f"{iso(self.sealed_ns)[:19]}  {self.station}  part {self.part}  verdict {self.id}"


def find(path: Path, part: str, station: str | None) -> list[Kept]:
    """The verdicts on that part, or with that id, newest first; `latest` is the newest of all.

    Raises:
        ConfigError: there is none, and which there are; or the state file cannot be read.
    """
    try:
        with closing(open_to_read(path)) as connection:
            found = _select(connection, part, station)
            if not found:
                raise ConfigError(_missing(connection, path, part, station))
            return found
    except DiskFailed as error:
        raise ConfigError(str(error)) from error
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error}); read it as the daemon's user, and let "
            "`edge doctor` look at the disk"
        ) from error


def _select(connection: sqlite3.Connection, part: str, station: str | None) -> list[Kept]:
    if part == LATEST:
        return _rows(connection, "(? IS NULL OR verdict.station = ?)", (station, station), 1)
    where = "(verdict.id = ? OR part = ?) AND (? IS NULL OR verdict.station = ?)"
    return _rows(connection, where, (part, part, station, station), SHOWN)


def _rows(
    connection: sqlite3.Connection, where: str, values: Sequence[str | None], limit: int
) -> list[Kept]:
    rows = connection.execute(f"{QUERY} WHERE {where} {NEWEST}", (*values, limit))
    return [Kept(*row) for row in rows]


def _missing(connection: sqlite3.Connection, path: Path, part: str, station: str | None) -> str:
    at = f" at station {station}" if station else ""
    there = _rows(connection, "(? IS NULL OR verdict.station = ?)", (station, station), SHOWN)
    if not there and station:
        return f"{path}: no verdict{at}; leave --station out to see those of every station"
    if not there:
        return f"{path}: no verdict yet; it is kept from the first part that was judged"
    newest = "\n".join(f"  {one.line}" for one in there)
    sought = "no verdict" if part == LATEST else f"no verdict on part or with id {part!r}"
    return (
        f"{path}: {sought}{at}; delivered ones are kept for storage.retention_days. "
        f"The newest are:\n{newest}"
    )
