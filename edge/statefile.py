"""The state file: what was accepted, what was judged, what is still owed to whom; and opening it.

Times in it are epoch nanoseconds of the box: the monotonic clock does not outlive a boot.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Literal

from edge.errors import DiskFailed

NAME = "state.sqlite"
APPLICATION_ID = 0x45445645  # "EDVE"
PAGE_BYTES = 1024  # a part costs the flash 33 kB, with SQLite's usual 4096 it is 77 kB
BUSY_MS = 5000
CACHE_KIB = 8192
WAL_LIMIT = 64 * 2**20  # bytes kept after a checkpoint

Synchronous = Literal["FULL", "NORMAL"]
Schema = Sequence[Sequence[str]]  # `schema[n]` leads from version n to n + 1


class State(IntEnum):
    """Of an accepted trigger."""

    PENDING = 0  # owes a verdict
    JUDGED = 1
    BASELINE = 2  # stood at the PLC before this box first saw it: known, never judged


SCHEMA: Schema = (
    (
        """CREATE TABLE station (
            name TEXT PRIMARY KEY,
            first_contact_ns INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE accepted (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            station TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            part TEXT NOT NULL,
            part_was_read INTEGER NOT NULL,
            recipe TEXT NOT NULL,
            source_ns INTEGER NOT NULL,
            edge_ns INTEGER NOT NULL,
            received_ns INTEGER NOT NULL,
            state INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX accepted_station ON accepted (station, number)",
        "CREATE INDEX accepted_pending ON accepted (number) WHERE state = 0",
        # AUTOINCREMENT: no number is used twice, so that "after this number" always means later
        """CREATE TABLE verdict (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            trigger_number INTEGER NOT NULL UNIQUE REFERENCES accepted (number),
            id TEXT NOT NULL,
            station TEXT NOT NULL,
            sealed_ns INTEGER NOT NULL,
            body BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX verdict_age ON verdict (sealed_ns)",
        """CREATE TABLE delivery (
            number INTEGER NOT NULL REFERENCES verdict (number) ON DELETE CASCADE,
            publisher TEXT NOT NULL,
            published_ns INTEGER,
            PRIMARY KEY (number, publisher)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX delivery_owed ON delivery (publisher, number) WHERE published_ns IS NULL",
    ),
    (
        # what a bundle in shadow said of a part, beside what was published of it
        """CREATE TABLE shadow (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            station TEXT NOT NULL,
            recipe TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            said TEXT NOT NULL,
            published TEXT NOT NULL,
            took_ms REAL NOT NULL,
            published_ms REAL NOT NULL,
            failed TEXT NOT NULL,
            judged_ns INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX shadow_place ON shadow (station, recipe, sha256, number)",
        """CREATE TABLE bundle_change (
            number INTEGER PRIMARY KEY,
            at_ns INTEGER NOT NULL,
            station TEXT NOT NULL,
            recipe TEXT NOT NULL,
            what TEXT NOT NULL,
            bundle TEXT NOT NULL,
            instead_of TEXT NOT NULL,
            done_by TEXT NOT NULL,
            why TEXT NOT NULL
        ) STRICT""",
    ),
)

# Primary result codes of SQLite that blame the disk or the file, not the work: BUSY, NOMEM,
# READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB
_DISK_AT_FAULT = frozenset({5, 7, 8, 10, 11, 13, 14, 15, 26})


def is_disk_at_fault(error: Exception) -> bool:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, sqlite3.Error) and (code & 0xFF) in _DISK_AT_FAULT


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Keep every other daemon off this state file.

    Raises:
        DiskFailed: another one has it, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DiskFailed(
            f"{path.parent}: cannot be written ({error.strerror}); give it to the daemon's user, "
            "or set storage.folder to a folder of that user"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise DiskFailed(
            f"{path}: another daemon uses this state; stop it, or set another storage.folder"
        ) from error
    try:
        yield
    finally:
        os.close(lock)  # and with it the lock


def open_file(path: Path, synchronous: Synchronous, schema: Schema) -> sqlite3.Connection:
    """Open or create the state file and bring it to the schema's last version.

    Raises:
        DiskFailed: it is damaged, foreign, newer than this program, or on a disk without WAL.
    """
    connection = None
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _check_owner(connection, path)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise DiskFailed(
                f"{path}: this file system has no write-ahead log (a network share?); "
                "set storage.folder to a local disk"
            )
        for pragma in (
            f"synchronous = {synchronous}",
            "wal_autocheckpoint = 0",  # the disk thread does it when nobody waits
            f"journal_size_limit = {WAL_LIMIT}",
            f"cache_size = -{CACHE_KIB}",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _migrate(connection, path, schema)
    except sqlite3.Error as error:
        if connection:
            connection.close()
        raise DiskFailed(
            f"{path}: cannot be opened ({error}). If it is damaged, move it aside (with its -wal "
            "and -shm files) to start empty; verdicts not yet delivered stay in it: "
            f"`sqlite3 {path.name} .recover` may read them"
        ) from error
    except DiskFailed:
        if connection:
            connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """The state file as it stands, beside a daemon that writes to it; nothing is created or locked.

    Raises:
        DiskFailed: there is none, it is foreign, or of another release.
        sqlite3.Error: it cannot be read.
    """
    if not path.exists():
        raise DiskFailed(f"{path}: no state file yet; is this the storage.folder of the daemon?")
    # Without a log nobody writes, and SQLite would only create one, for a user who cannot share it
    log = path.with_name(path.name + "-wal")
    how = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        _check_owner(connection, path)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != len(SCHEMA):
            raise DiskFailed(
                f"{path}: is of another release (schema {version}, this one knows {len(SCHEMA)}); "
                "ask the release whose daemon runs here, or start this one's daemon on it once"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION_ID and tables:
        raise DiskFailed(
            f"{path}: is a database of another program; move it, or set another storage.folder"
        )


def _migrate(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(schema):
        raise DiskFailed(
            f"{path}: was written by a newer release (schema {version}, this one knows "
            f"{len(schema)}); install that release, or move the file aside to start empty"
        )
    if version == len(schema):
        return
    connection.execute("BEGIN IMMEDIATE")
    for step in schema[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(schema)}")
    connection.execute("COMMIT")
