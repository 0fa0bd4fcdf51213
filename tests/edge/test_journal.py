"""The journal on a real file: what is accepted, what is known, what a restart finds."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from edge.disk import Disk
from edge.journal import Accepted, Journal
from edge.publish.outbox import Outbox
from sensors.signal import Trigger

SECOND = 1_000_000_000
START = time.monotonic_ns() + 3_600 * SECOND  # of the first trigger, long after meeting the PLC
EPOCH = 1_790_005_000 * SECOND - START  # the wall clock's anchor: what epoch it is at box time 0


def trigger(
    sequence: int,
    at_s: float = 0.0,
    *,
    station: str = "cell-1",
    part: str = "4711",
    stamped: bool = True,
    heard_s: float | None = None,
    recovered: bool = False,
) -> Trigger:
    """A part at `at_s`, stamped by a PLC whose clock counts from its power-on, heard 2 ms later."""
    edge_ns = START + round(at_s * SECOND)
    heard_ns = edge_ns + 2_000_000 if heard_s is None else START + round(heard_s * SECOND)
    return Trigger(
        station=station,
        sequence=sequence,
        part=part,
        recipe="motor",
        source_ns=edge_ns - START + 700 * SECOND if stamped else 0,
        edge_ns=edge_ns,
        received_ns=heard_ns,
        recovered=recovered,
    )


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    async with Disk(tmp_path / "state.sqlite", "NORMAL") as disk:
        yield disk


def journal_of(disk: Disk) -> Journal:
    return Journal(disk, lambda: EPOCH)


@pytest.fixture
async def journal(disk: Disk) -> AsyncIterator[Journal]:
    async with journal_of(disk) as journal:
        yield journal


async def accept(journal: Journal, one: Trigger) -> Accepted:
    accepted = await journal.accept(one)
    assert accepted is not None
    return accepted


async def sequences(disk: Disk, station: str = "cell-1") -> list[int]:
    rows = await disk.do(
        lambda c: c.execute(
            "SELECT sequence FROM accepted WHERE station = ? ORDER BY number", (station,)
        ).fetchall()
    )
    return [sequence for (sequence,) in rows]


async def test_a_trigger_is_on_disk_when_accept_returns(journal: Journal, disk: Disk) -> None:
    accepted = await accept(journal, trigger(7))
    assert accepted.id == "cell-1-7-1790005000000"
    assert (accepted.part, accepted.part_was_read) == ("4711", True)
    assert await sequences(disk) == [7]


async def test_a_part_without_id_gets_one_and_says_so(journal: Journal) -> None:
    accepted = await accept(journal, trigger(7, part=""))
    assert accepted.part == "unread-cell-1-7-1790005000000"
    assert not accepted.part_was_read


async def test_the_same_part_id_may_come_back(journal: Journal) -> None:
    first = await accept(journal, trigger(1, 0.0, part="rework"))
    again = await accept(journal, trigger(2, 0.5, part="rework"))
    assert first.id != again.id


async def test_a_ring_read_again_is_known(journal: Journal) -> None:
    live = [trigger(i, i * 0.5) for i in range(1, 21)]
    for one in live:
        await accept(journal, one)
    ring = [trigger(i, i * 0.5, heard_s=60, recovered=True) for i in range(5, 21)]
    assert [await journal.accept(one) for one in ring] == [None] * 16


async def test_the_current_value_after_subscribing_is_known(journal: Journal) -> None:
    await accept(journal, trigger(3, 0.0))
    assert await journal.accept(trigger(3, 0.0, heard_s=400)) is None


async def test_what_happened_while_the_link_was_down_is_accepted_from_the_ring(
    journal: Journal,
) -> None:
    await accept(journal, trigger(1, 0.0))
    ring = [trigger(i, i * 0.5, heard_s=3, recovered=True) for i in range(1, 5)]
    taken = [await journal.accept(one) for one in ring]
    assert [a and a.trigger.sequence for a in taken] == [None, 2, 3, 4]


@pytest.mark.parametrize("stamped", [True, False])
async def test_a_counter_that_was_reset_brings_new_parts(journal: Journal, stamped: bool) -> None:
    before = [trigger(i, i * 2.0, stamped=stamped) for i in range(1, 11)]
    after = [trigger(i, 60 + i * 2.0, stamped=stamped) for i in range(1, 11)]
    ids = {(await accept(journal, one)).id for one in before + after}
    assert len(ids) == 20


async def test_a_plc_started_again_with_its_clock_at_zero_brings_new_parts(
    journal: Journal,
) -> None:
    """Number and stamp are nearly those of the boot before; the box's clock tells them apart."""
    first = [trigger(i, i * 2.0) for i in range(1, 6)]
    again = [
        replace(trigger(i, 90 + i * 2.0), source_ns=first[i - 1].source_ns + 30_000_000)
        for i in range(1, 6)
    ]
    ids = {(await accept(journal, one)).id for one in first + again}
    assert len(ids) == 10


async def test_a_counter_of_sixteen_at_two_parts_a_second_loses_no_part(journal: Journal) -> None:
    """It is back at the same number after 8 s, inside the 10 s of a repeat."""
    parts = [trigger(i % 16, i * 0.5) for i in range(100)]
    ids = {(await accept(journal, one)).id for one in parts}
    assert len(ids) == 100


async def test_two_tellings_stamped_a_little_apart_are_one(journal: Journal) -> None:
    """A slow PLC stamps the ring when the part came and the node when it was sampled."""
    for i in range(1, 5):
        await accept(journal, trigger(i, i * 0.5, recovered=True))
    for i in range(1, 5):
        assert await journal.accept(trigger(i, i * 0.5 + 0.6)) is None


async def test_a_broker_that_repeats_an_unstamped_trigger_at_once_is_recognised(
    journal: Journal,
) -> None:
    await accept(journal, trigger(1, 0.0, stamped=False))
    assert await journal.accept(trigger(1, 9.0, stamped=False)) is None


async def test_an_unstamped_ring_is_known_by_its_sequences_however_late(journal: Journal) -> None:
    for i in range(1, 17):
        await accept(journal, trigger(i, i, stamped=False))
    ring = [trigger(i, 3600, stamped=False, recovered=True) for i in range(2, 18)]
    taken = [await journal.accept(one) for one in ring]
    assert [a.trigger.sequence for a in taken if a] == [17]


async def test_stations_share_no_numbers(journal: Journal) -> None:
    await accept(journal, trigger(1, station="cell-1"))
    await accept(journal, trigger(1, station="cell-2"))


async def test_sequences_that_fell_out_of_the_ring_are_counted(journal: Journal) -> None:
    await accept(journal, trigger(100, 0.0))
    ring = [trigger(i, i, heard_s=300, recovered=True) for i in range(131, 147)]
    missed = [(await accept(journal, one)).missed for one in ring]
    assert missed == [30] + [0] * 15  # 101 to 130


async def test_a_counter_going_over_its_end_misses_nothing(journal: Journal) -> None:
    last = await accept(journal, trigger(2**32 - 1, 0.0))
    first = await accept(journal, trigger(0, 20.0))
    assert (last.missed, first.missed) == (0, 0)
    assert (await accept(journal, trigger(3, 40.0))).missed == 2


async def test_a_reset_counter_is_not_four_billion_missed_parts(journal: Journal) -> None:
    await accept(journal, trigger(5000, 0.0))
    assert (await accept(journal, trigger(1, 20.0))).missed == 0


async def test_a_restart_finds_what_owes_a_verdict(disk: Disk, journal: Journal) -> None:
    for i in range(1, 6):
        await accept(journal, trigger(i, i * 0.5, part="" if i == 4 else f"p{i}"))
    async with Outbox(disk, {}, lambda *_: None) as outbox:
        for i, body in ((1, b"one"), (3, b"three")):
            name = f"cell-1-{i}-{1_790_005_000_000 + i * 500}"
            assert await outbox.put(name, "cell-1", body, sealed_ns=EPOCH + START)
    later = EPOCH + 40 * SECOND  # the box was started anew: its clock counts from another instant
    async with Journal(disk, lambda: later) as again:
        pending = again.pending()
        assert [a.trigger.sequence for a in pending] == [2, 4, 5]
        assert [a.part_was_read for a in pending] == [True, False, True]
        assert all(a.is_recovered for a in pending)
        assert pending[0].id == "cell-1-2-1790005001000"
        assert pending[0].trigger.edge_ns == START + 1 * SECOND - 40 * SECOND
        assert await again.accept(trigger(2, 1.0, heard_s=100, recovered=True)) is None


async def test_a_restart_knows_the_trigger_to_echo(disk: Disk, journal: Journal) -> None:
    assert journal.newest("cell-1") is None
    for i in (1, 2):
        await accept(journal, trigger(i, i))
    async with journal_of(disk) as again:
        newest = again.newest("cell-1")
        assert newest is not None
        assert newest.trigger.sequence == 2


def now_trigger(sequence: int, *, age_s: float, recovered: bool) -> Trigger:
    """Stamped in the past, heard now."""
    now_ns = time.monotonic_ns()
    edge_ns = now_ns - round(age_s * SECOND)
    return Trigger("cell-1", sequence, "p", "motor", edge_ns, edge_ns, now_ns, recovered)


async def test_the_ring_of_a_station_never_met_is_its_past(disk: Disk, journal: Journal) -> None:
    ring = [now_trigger(i, age_s=20 - i, recovered=True) for i in range(1, 17)]
    assert [await journal.accept(one) for one in ring] == [None] * 16
    newest = journal.newest("cell-1")  # never judged, but echoed: the PLC may hold it until then
    assert newest is not None
    assert newest.trigger.sequence == 16
    live = now_trigger(17, age_s=0, recovered=False)
    assert (await accept(journal, live)).missed == 0
    async with journal_of(disk) as again:
        assert [a.trigger.sequence for a in again.pending()] == [17]
        assert await again.accept(ring[3]) is None


async def test_the_ring_of_a_station_met_once_is_news(disk: Disk, journal: Journal) -> None:
    await journal.meet("cell-1")  # its ring was empty; then the box was off
    async with journal_of(disk) as again:
        ring = [now_trigger(i, age_s=20 - i, recovered=True) for i in range(1, 4)]
        taken = [await again.accept(one) for one in ring]
        assert [a and a.trigger.sequence for a in taken] == [1, 2, 3]


async def test_a_live_trigger_of_a_station_never_met_is_a_part(journal: Journal) -> None:
    await accept(journal, now_trigger(1, age_s=0, recovered=False))


async def test_told_twice_at_once_it_is_accepted_once_and_both_wait_for_the_disk(
    journal: Journal, disk: Disk
) -> None:
    gate = threading.Event()
    blocked = asyncio.create_task(disk.do(lambda _: gate.wait(10)))
    first = asyncio.create_task(journal.accept(trigger(1)))
    second = asyncio.create_task(journal.accept(trigger(1, recovered=True)))
    await asyncio.sleep(0.05)
    assert not first.done()
    assert not second.done()
    gate.set()
    await blocked
    assert (await first is None, await second is None) == (False, True)
    assert await sequences(disk) == [1]


async def test_a_cancelled_accept_leaves_its_trigger_to_the_next(
    journal: Journal, disk: Disk
) -> None:
    task = asyncio.create_task(journal.accept(trigger(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = await journal.accept(trigger(1, heard_s=5, recovered=True))
    assert again is not None
    assert again.id == "cell-1-1-1790005000000"
    assert await journal.accept(trigger(1, heard_s=6, recovered=True)) is None
    assert await sequences(disk) == [1]


async def test_retention_forgets_old_judged_triggers_but_none_that_owes_a_verdict(
    disk: Disk,
) -> None:
    parts = 300
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(journal_of(disk))
        outbox = await stack.enter_async_context(Outbox(disk, {}, lambda *_: None))
        for i in range(parts):
            accepted = await accept(journal, trigger(i, i * 20.0))
            if i not in {3, 150}:
                await outbox.put(accepted.id, "cell-1", b"{}", sealed_ns=EPOCH + START)
        await outbox.sweep(EPOCH + START + SECOND, EPOCH + START + SECOND)
        # all but the last 100 are old; the last 128 are kept to recognise repeats
        await journal.sweep(EPOCH + START + 200 * 20 * SECOND)
        assert await sequences(disk) == [3, 150, *range(172, 300)]
        await journal.sweep(EPOCH + START + 1000 * 20 * SECOND)
        assert await sequences(disk) == [3, 150, *range(172, 300)]
        assert await journal.accept(trigger(299, 299 * 20.0, recovered=True)) is None
