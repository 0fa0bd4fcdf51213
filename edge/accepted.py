"""An accepted trigger, and its rows in the state file.

What takes a connection runs on the disk thread.
"""

import sqlite3
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from edge.statefile import State
from sensors.signal import Trigger

SWEEP_ROWS = 500  # in one go, so that nobody waits for long


@dataclass(frozen=True, slots=True)
class Accepted:
    """A trigger in the journal: it owes exactly one verdict."""

    id: str  # of the trigger and of its verdict
    trigger: Trigger
    part: str  # as read, or generated
    part_was_read: bool
    missed: int = 0  # sequences between the one journalled before and this, never heard
    is_recovered: bool = False  # journalled before a restart: nobody watched the part


_COLUMNS = (
    "id, station, sequence, part, part_was_read, recipe, source_ns, edge_ns, received_ns, state"
)
_SELECT = f"SELECT {_COLUMNS} FROM accepted"


def recent(
    connection: sqlite3.Connection, count: int, anchor_ns: int
) -> dict[str, list[tuple[Accepted, State]]]:
    """The last triggers of every station ever met, oldest first; times on the box's clock."""
    stations = connection.execute("SELECT name FROM station").fetchall()
    found = {}
    for (station,) in stations:
        rows = connection.execute(
            f"{_SELECT} WHERE station = ? ORDER BY number DESC LIMIT ?", (station, count)
        ).fetchall()
        found[station] = [_restore(row, anchor_ns) for row in reversed(rows)]
    return found


def pending(connection: sqlite3.Connection, anchor_ns: int) -> list[Accepted]:
    """Accepted and not judged, oldest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE state = ? ORDER BY number", (State.PENDING,)
    ).fetchall()
    return [_restore(row, anchor_ns)[0] for row in rows]


def insert(
    connection: sqlite3.Connection, accepted: Accepted, state: State, anchor_ns: int
) -> None:
    trigger = accepted.trigger
    insert_station(connection, trigger.station, trigger.received_ns + anchor_ns)
    connection.execute(
        f"INSERT INTO accepted ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            accepted.id,
            trigger.station,
            trigger.sequence,
            accepted.part,
            accepted.part_was_read,
            trigger.recipe,
            trigger.source_ns,
            trigger.edge_ns + anchor_ns,
            trigger.received_ns + anchor_ns,
            state,
        ),
    )


def insert_station(connection: sqlite3.Connection, station: str, now_ns: int) -> None:
    connection.execute("INSERT OR IGNORE INTO station VALUES (?, ?)", (station, now_ns))


def sweep(
    after: int, before_ns: int, kept: AbstractSet[str], connection: sqlite3.Connection
) -> int | None:
    """Delete what owes nothing, one page after number `after`; the next page's, None at the end."""
    rows = connection.execute(
        "SELECT number, id, received_ns, state FROM accepted WHERE number > ? "
        "ORDER BY number LIMIT ?",
        (after, SWEEP_ROWS),
    ).fetchall()
    old = [
        (number,)
        for number, name, received_ns, state in rows
        if received_ns < before_ns and state != State.PENDING and name not in kept
    ]
    connection.executemany(
        "DELETE FROM accepted WHERE number = ?1 AND NOT EXISTS "
        "(SELECT 1 FROM verdict WHERE trigger_number = ?1)",
        old,
    )
    is_end = len(rows) < SWEEP_ROWS or rows[-1][2] >= before_ns
    return None if is_end else rows[-1][0]


def _restore(row: tuple[Any, ...], anchor_ns: int) -> tuple[Accepted, State]:
    name, station, sequence, part, was_read, recipe, source_ns, edge_ns, received_ns, state = row
    trigger = Trigger(
        station=station,
        sequence=sequence,
        part=part if was_read else "",
        recipe=recipe,
        source_ns=source_ns,
        edge_ns=edge_ns - anchor_ns,
        received_ns=received_ns - anchor_ns,
        recovered=True,
    )
    accepted = Accepted(name, trigger, part, bool(was_read), is_recovered=True)
    return accepted, State(state)
