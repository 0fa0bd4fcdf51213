"""A verdict owed to a publisher, and its rows in the state file.

What takes a connection runs on the disk thread.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.statefile import State

SWEEP_ROWS = 500  # in one go, so that nobody waits for long
CLOCK_WAS_SET_NS = 1_577_836_800_000_000_000  # 2020: earlier stamps are of a clock not yet set


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verdict for one publisher. Its body never changes, however often it is delivered."""

    number: int  # order of commitment, over all stations
    id: str
    station: str
    body: bytes = field(repr=False)
    is_replayed: bool  # older than the publisher's session: it may have been delivered before
    put_ns: int = 0  # box time at which it was committed; 0 when it was read back from disk
    start_ns: int = 0  # box time from which its latency counts; 0 when read back

    @property
    def is_fresh(self) -> bool:
        """Straight from the pipeline: never delivered, never left waiting on disk."""
        return self.put_ns > 0 and not self.is_replayed


def insert(
    connection: sqlite3.Connection,
    trigger_id: str,
    station: str,
    body: bytes,
    *,
    sealed_ns: int,
    publishers: Sequence[str],
) -> int | None:
    """Mark the trigger as judged, keep its verdict, owe it to everyone; None if it has one."""
    row = connection.execute(
        "UPDATE accepted SET state = ? WHERE id = ? AND state = ? RETURNING number",
        (State.JUDGED, trigger_id, State.PENDING),
    ).fetchone()
    if row is None:
        _check_judged(connection, trigger_id)
        return None
    number = connection.execute(
        "INSERT INTO verdict (trigger_number, id, station, sealed_ns, body) VALUES (?, ?, ?, ?, ?)",
        (row[0], trigger_id, station, sealed_ns, body),
    ).lastrowid
    if publishers:
        rows = ", ".join(["(?, ?)"] * len(publishers))
        pairs = [value for publisher in publishers for value in (number, publisher)]
        connection.execute(f"INSERT INTO delivery (number, publisher) VALUES {rows}", pairs)
    return number


def _check_judged(connection: sqlite3.Connection, trigger_id: str) -> None:
    row = connection.execute("SELECT state FROM accepted WHERE id = ?", (trigger_id,)).fetchone()
    if row is None or row[0] != State.JUDGED:
        raise ValueError(f"{trigger_id}: no such accepted trigger; accept it before judging it")


def owed(
    connection: sqlite3.Connection,
    publisher: str,
    *,
    after: int,
    up_to: int,
    limit: int,
    is_replayed: bool,
) -> list[Delivery]:
    """Unacknowledged deliveries of a publisher with numbers in (after, up_to], in order."""
    rows = connection.execute(
        "SELECT number, id, station, body FROM delivery JOIN verdict USING (number) "
        "WHERE publisher = ? AND published_ns IS NULL AND number > ? AND number <= ? "
        "ORDER BY number LIMIT ?",
        (publisher, after, up_to, limit),
    ).fetchall()
    return [
        Delivery(number, name, station, body, is_replayed=is_replayed)
        for number, name, station, body in rows
    ]


def close(connection: sqlite3.Connection, publisher: str, number: int, published_ns: int) -> int:
    """Owed no longer; how many rows that changed: 0 when it was closed or swept before."""
    return connection.execute(
        "UPDATE delivery SET published_ns = ? "
        "WHERE number = ? AND publisher = ? AND published_ns IS NULL",
        (published_ns, number, publisher),
    ).rowcount


def standing(connection: sqlite3.Connection) -> tuple[int, dict[str, int]]:
    """The last number ever given, and how many deliveries each publisher is owed."""
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
    backlog = connection.execute(
        "SELECT publisher, count(*) FROM delivery WHERE published_ns IS NULL GROUP BY publisher"
    ).fetchall()
    return last, dict(backlog)


Cursor = tuple[int, int]  # sealed_ns, number


def sweep(
    connection: sqlite3.Connection, after: Cursor, delivered_before_ns: int, before_ns: int
) -> tuple[Cursor | None, Counter[str]]:
    """Delete a page of old verdicts; where the next one starts, and what was owed and given up."""
    rows = connection.execute(
        "SELECT sealed_ns, number FROM verdict WHERE (sealed_ns, number) > (?, ?) "
        "AND sealed_ns < ? ORDER BY sealed_ns, number LIMIT ?",
        (*after, max(delivered_before_ns, before_ns), SWEEP_ROWS),
    ).fetchall()
    given_up: Counter[str] = Counter()
    for sealed_ns, number in rows:
        still = [
            publisher
            for (publisher,) in connection.execute(
                "SELECT publisher FROM delivery WHERE number = ? AND published_ns IS NULL",
                (number,),
            ).fetchall()
        ]
        limit_ns = before_ns if still else delivered_before_ns
        if sealed_ns < limit_ns and not (still and sealed_ns < CLOCK_WAS_SET_NS):
            connection.execute("DELETE FROM verdict WHERE number = ?", (number,))
            given_up.update(still)
    return (rows[-1] if len(rows) == SWEEP_ROWS else None), given_up
