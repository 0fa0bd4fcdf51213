"""The disk thread, on real files."""

import asyncio
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.disk import PATIENCE_S, ROOM, Disk
from edge.errors import DiskFailed
from edge.statefile import SCHEMA

NOTES = (("CREATE TABLE note (n INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",),)


def write(text: str) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO note (text) VALUES (?)", (text,))

    return work


def texts(connection: sqlite3.Connection) -> list[str]:
    return [t for (t,) in connection.execute("SELECT text FROM note ORDER BY n").fetchall()]


def on_disk(path: Path) -> list[str]:
    """As another program sees it."""
    with sqlite3.connect(path) as connection:
        found = texts(connection)
    connection.close()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "notes.sqlite"


@pytest.fixture
async def disk(path: Path) -> AsyncIterator[Disk]:
    async with Disk(path, "NORMAL", schema=NOTES) as disk:
        yield disk


async def test_what_returned_is_seen_by_another_program(disk: Disk, path: Path) -> None:
    await disk.do(write("one"))
    assert on_disk(path) == ["one"]


async def test_work_runs_in_the_order_it_was_given(disk: Disk) -> None:
    given = [f"{i:03}" for i in range(200)]
    await asyncio.gather(*(disk.do(write(text)) for text in given))
    assert await disk.do(texts) == given


async def test_all_work_runs_in_one_thread_that_is_not_the_loops(disk: Disk) -> None:
    threads = await asyncio.gather(*(disk.do(lambda _: threading.get_ident()) for _ in range(20)))
    assert set(threads) != {threading.get_ident()}
    assert len(set(threads)) == 1


def commits(path: Path) -> int:
    """Commit frames in the write-ahead log (sqlite.org/fileformat2.html#walformat)."""
    wal = path.with_name(path.name + "-wal").read_bytes()
    page_size = struct.unpack_from(">I", wal, 8)[0]
    frames = range(32, len(wal), 24 + page_size)
    return sum(struct.unpack_from(">I", wal, at + 4)[0] != 0 for at in frames)


async def test_waiting_callers_share_a_commit(disk: Disk, path: Path) -> None:
    gate = threading.Event()
    blocked = asyncio.create_task(disk.do(lambda _: gate.wait(10)))
    await asyncio.sleep(0.05)
    writes = [asyncio.create_task(disk.do(write(f"{i}"))) for i in range(50)]
    before = commits(path)
    await asyncio.sleep(0.01)
    gate.set()
    await asyncio.gather(blocked, *writes)
    assert commits(path) - before == 1
    await disk.do(write("alone"))
    assert commits(path) - before == 2


async def test_failing_work_undoes_its_own_writes_alone(disk: Disk) -> None:
    def write_then_fail(connection: sqlite3.Connection) -> None:
        write("half")(connection)
        raise KeyError("fault of logic")

    results = await asyncio.gather(
        disk.do(write("before")),
        disk.do(write_then_fail),
        disk.do(write("before")),
        disk.do(write("after")),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [
        type(None), KeyError, sqlite3.IntegrityError, type(None),
    ]  # fmt: skip
    assert await disk.do(texts) == ["before", "after"]


async def test_a_cancelled_caller_does_not_undo_what_is_queued(disk: Disk) -> None:
    gate = threading.Event()
    blocked = asyncio.create_task(disk.do(lambda _: gate.wait(10)))
    given_up = asyncio.create_task(disk.do(write("kept")))
    await asyncio.sleep(0.02)
    given_up.cancel()
    gate.set()
    await asyncio.gather(blocked, given_up, return_exceptions=True)
    assert await disk.do(texts) == ["kept"]


async def test_a_full_queue_makes_callers_wait_and_drops_nothing(disk: Disk) -> None:
    gate = threading.Event()
    blocked = asyncio.create_task(disk.do(lambda _: gate.wait(10)))
    writes = [asyncio.create_task(disk.do(write(f"{i}"))) for i in range(ROOM + 500)]
    await asyncio.sleep(0.1)
    assert disk._inbox.qsize() < ROOM
    gate.set()
    await asyncio.gather(blocked, *writes)
    assert len(await disk.do(texts)) == ROOM + 500


async def test_leaving_commits_what_was_queued(path: Path) -> None:
    async with Disk(path, "FULL", schema=NOTES) as disk:
        writes = [asyncio.create_task(disk.do(write(f"{i}"), can_wait=True)) for i in range(30)]
        await asyncio.sleep(0)
    await asyncio.gather(*writes)
    assert len(on_disk(path)) == 30


async def test_work_that_can_wait_is_done_within_its_patience(disk: Disk) -> None:
    started = time.monotonic()
    await disk.do(write("lazy"), can_wait=True)
    assert PATIENCE_S * 0.9 < time.monotonic() - started < PATIENCE_S + 0.5


async def test_urgent_work_takes_waiting_work_along(disk: Disk) -> None:
    started = time.monotonic()
    lazy = asyncio.create_task(disk.do(write("lazy"), can_wait=True))
    await asyncio.sleep(0.005)
    await disk.do(write("urgent"))
    assert lazy.done()
    assert time.monotonic() - started < PATIENCE_S * 0.9


async def test_full_synchronises_every_commit_and_normal_does_not(tmp_path: Path) -> None:
    for mode, level in (("FULL", 2), ("NORMAL", 1)):  # sqlite.org/pragma.html#pragma_synchronous
        async with Disk(tmp_path / mode, mode, schema=NOTES) as disk:  # type: ignore[arg-type]
            pragma = await disk.do(lambda c: c.execute("PRAGMA synchronous").fetchone()[0])
        assert pragma == level


async def test_a_full_disk_fails_everyone_and_keeps_what_was_committed(path: Path) -> None:
    async with Disk(path, "FULL", schema=NOTES) as disk:
        await disk.do(write("early"))
        await disk.do(lambda c: c.execute("PRAGMA max_page_count = 8").fetchall())
        with pytest.raises(DiskFailed, match=r"full.*free or mend the disk"):
            await asyncio.gather(*(disk.do(write("x" * 9000 + str(i))) for i in range(10)))
        with pytest.raises(DiskFailed):
            await disk.do(write("later"))
    assert on_disk(path) == ["early"]


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from edge.disk import Disk
from edge.errors import DiskFailed

async def main():
    async with Disk(Path(sys.argv[1]), "FULL", schema=(("CREATE TABLE t (x)",),)) as disk:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        for i in range(1000):
            await disk.do(lambda c: c.execute("INSERT INTO t VALUES (?)", ("x" * 5000,)))

try:
    asyncio.run(main())
except DiskFailed as error:
    print(error)
"""


def test_a_write_that_the_system_refuses_ends_in_disk_failed(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "s")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "cannot be written" in run.stdout


@pytest.fixture
def damaged(path: Path) -> Path:
    path.parent.mkdir()
    path.write_bytes(b"this was a database once" * 300)
    return path


async def test_a_damaged_file_says_what_to_do(damaged: Path) -> None:
    with pytest.raises(DiskFailed, match=r"move it aside .* to start empty"):
        async with Disk(damaged, "FULL"):
            pass


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


async def test_a_file_cut_in_half_is_not_taken_for_an_empty_one(path: Path) -> None:
    async with Disk(path, "FULL") as disk:
        await disk.do(lambda c: c.execute("SELECT 1").fetchone())
    halve(path)
    with pytest.raises(DiskFailed):
        async with Disk(path, "FULL") as disk:
            await disk.do(lambda c: c.execute("SELECT * FROM delivery").fetchall())
            await disk.do(lambda c: c.execute("SELECT * FROM verdict").fetchall())
            await disk.do(lambda c: c.execute("SELECT * FROM accepted").fetchall())


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = path.read_bytes()

    async def enter() -> None:
        async with Disk(path, "FULL"):
            pass

    with pytest.raises(DiskFailed, match="another program"):
        asyncio.run(enter())
    assert path.read_bytes() == before


async def test_a_newer_schema_is_refused(path: Path) -> None:
    async with Disk(path, "FULL", schema=(*NOTES, ("CREATE TABLE more (x)",))):
        pass
    with pytest.raises(DiskFailed, match=r"newer release \(schema 2, this one knows 1\)"):
        async with Disk(path, "FULL", schema=NOTES):
            pass


async def test_an_older_schema_is_brought_up_with_its_rows(path: Path) -> None:
    async with Disk(path, "FULL", schema=NOTES) as disk:
        await disk.do(write("old"))
    async with Disk(path, "FULL", schema=(*NOTES, ("CREATE TABLE more (x)",))) as disk:
        assert await disk.do(texts) == ["old"]
        await disk.do(lambda c: c.execute("INSERT INTO more VALUES (1)"))


async def test_a_second_daemon_on_the_same_state_is_refused(disk: Disk, path: Path) -> None:
    with pytest.raises(DiskFailed, match="another daemon"):
        async with Disk(path, "NORMAL", schema=NOTES):
            pass
    await disk.do(write("the first one goes on"))


async def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskFailed, match=r"set storage\.folder"):
        async with Disk(tmp_path / "file" / "state.sqlite", "FULL"):
            pass


async def test_the_log_does_not_grow_without_end(path: Path) -> None:
    async with Disk(path, "NORMAL", schema=NOTES) as disk:
        for batch in range(40):
            works = (disk.do(write(f"{batch}-{i}" + "x" * 500)) for i in range(500))
            await asyncio.gather(*works)
        wal = path.with_name(path.name + "-wal").stat().st_size
        assert wal < 8_000_000  # 20,000 rows of 0.5 kB, twice (table and index), are 20 MB


def test_the_schema_needs_no_newer_sqlite_than_jetpack_6_has() -> None:
    assert len(SCHEMA) >= 1
    assert sqlite3.sqlite_version_info >= (3, 37)  # Ubuntu 22.04
