"""The one disk thread: it owns the state file, and many callers share one commit.

`await disk.do(work)` returns once what `work` wrote is committed; with `FULL` that is an fsync, one
for everything that was waiting. When the queue is full the caller waits: nothing is dropped. A disk
that cannot be written ends the process (DiskFailed).
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from edge.errors import DiskFailed
from edge.statefile import SCHEMA, Schema, Synchronous, hold, is_disk_at_fault, open_file

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

ROOM = 1024  # works queued or running
BATCH = 512  # works of one commit
PATIENCE_S = 1.0  # how long work that can wait does so for company
CHECKPOINT_ROWS = 2000  # changes from one checkpoint to the next


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work[Any]
    can_wait: bool
    future: "asyncio.Future[Any]" = field(repr=False)
    then: Callable[[Any], None] | None = None
    takes_room: bool = True


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    error: Exception | None = None


class Disk:
    """One SQLite file and its thread."""

    def __init__(
        self,
        path: Path,
        synchronous: Synchronous = "FULL",
        *,
        schema: Schema = SCHEMA,
    ) -> None:
        self.path = path
        self._synchronous = synchronous
        self._schema = schema
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # bounded by _room
        self._room = asyncio.Semaphore(ROOM)
        self._owed: set[asyncio.Future[Any]] = set()
        self._end: DiskFailed | None = DiskFailed(f"{path}: is not open")
        self._is_stopping = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._serve, name="disk", daemon=True)
        self._thread.start()
        await self._opened
        self._end = None
        return self

    async def __aexit__(self, *_: object) -> None:
        """What is queued is committed first."""
        self._end = self._end or DiskFailed(f"{self.path}: is closed; the daemon is stopping")
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    async def do(self, work: Work[T], *, can_wait: bool = False) -> T:
        """Run `work` in the disk thread; return when what it wrote is committed.

        Once queued it will be done, even when the caller is cancelled. With `can_wait` it may lie
        for `PATIENCE_S` to share a commit. What `work` raises comes back here and undoes its own
        writes alone.

        Raises:
            DiskFailed: the disk is full or broken, or the file damaged; nothing more is written.
        """
        await self._room.acquire()
        if self._end:
            self._room.release()
            raise self._end
        future: asyncio.Future[T] = self._loop.create_future()
        self._owed.add(future)
        self._inbox.put(_Job(work, can_wait, future))
        return await future

    def submit(self, work: Work[T], then: Callable[[T], None]) -> "asyncio.Future[T]":
        """The same without a step of the loop in between, for work that a deadline waits for.

        `then(result)` is called on the loop as soon as it is committed, whether or not anybody
        still awaits the future. It takes no room: the caller bounds how much it submits.

        Raises:
            DiskFailed: as `do`.
        """
        if self._end:
            raise self._end
        future: asyncio.Future[T] = self._loop.create_future()
        self._owed.add(future)
        self._inbox.put(_Job(work, False, future, then, takes_room=False))
        return future

    # --- on the loop, called by the thread ---------------------------------------------------

    def _answer(self, jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.takes_room:
                self._room.release()
            self._owed.discard(job.future)
            if job.then and not outcome.error:
                job.then(outcome.result)
            if job.future.cancelled():
                continue
            if outcome.error:
                job.future.set_exception(outcome.error)
            else:
                job.future.set_result(outcome.result)

    def _stop(self, end: DiskFailed) -> None:
        """The thread has ended: whoever still waits learns why."""
        self._end = end
        if not self._opened.done():
            self._opened.set_exception(end)
        for future in self._owed:
            self._room.release()
            if not future.done():
                future.set_exception(end)
        self._owed.clear()

    # --- on the thread -----------------------------------------------------------------------

    def _serve(self) -> None:
        end = DiskFailed(f"{self.path}: the disk thread has ended")
        try:
            with (
                hold(self.path),
                closing(open_file(self.path, self._synchronous, self._schema)) as connection,
            ):
                self._loop.call_soon_threadsafe(self._opened.set_result, None)
                self._serve_jobs(connection)
        except DiskFailed as failure:
            end = failure
        finally:
            self._loop.call_soon_threadsafe(self._stop, end)

    def _serve_jobs(self, connection: sqlite3.Connection) -> None:
        checkpoint_at = connection.total_changes + CHECKPOINT_ROWS
        while jobs := self._collect():
            try:
                outcomes = _commit(connection, jobs)
                self._loop.call_soon_threadsafe(self._answer, jobs, outcomes)
                # after the answer, not inside a commit that somebody waits for
                if connection.total_changes >= checkpoint_at:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                    checkpoint_at = connection.total_changes + CHECKPOINT_ROWS
            except sqlite3.Error as error:
                raise DiskFailed(
                    f"{self.path}: cannot be written ({error}); free or mend the disk: "
                    "what was accepted is kept and judged at the next start"
                ) from error

    def _collect(self) -> list[_Job]:
        """What is queued, at least one job; nothing when it is time to stop."""
        jobs: list[_Job] = []
        if self._is_stopping:
            return jobs
        job = self._inbox.get()
        until = time.monotonic() + PATIENCE_S
        while job is not None:
            jobs.append(job)
            if not job.can_wait:
                until = 0.0
            if len(jobs) == BATCH:
                return jobs
            try:
                job = self._inbox.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return jobs
        self._is_stopping = True
        return jobs


def _commit(connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_Outcome]:
    """All works in one transaction, which is one fsync; each may fail by itself."""
    if len(jobs) == 1:
        return [_commit_alone(connection, jobs[0].work)]
    connection.execute("BEGIN IMMEDIATE")
    outcomes = [_attempt(connection, job.work) for job in jobs]
    connection.execute("COMMIT")
    return outcomes


def _commit_alone(connection: sqlite3.Connection, work: Work[Any]) -> _Outcome:
    """With nobody to protect from it. Every statement costs a wait for the interpreter's lock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        outcome = _Outcome(work(connection))
    except Exception as error:
        if is_disk_at_fault(error) or not connection.in_transaction:
            raise
        connection.execute("ROLLBACK")
        return _Outcome(error=error)
    connection.execute("COMMIT")
    return outcome


def _attempt(connection: sqlite3.Connection, work: Work[Any]) -> _Outcome:
    connection.execute("SAVEPOINT work")
    try:
        outcome = _Outcome(work(connection))
    except Exception as error:
        if is_disk_at_fault(error) or not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO work")
        outcome = _Outcome(error=error)
    connection.execute("RELEASE work")
    return outcome
