"""The outbox on a real file: one verdict a trigger, kept until everyone has it."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from edge.journal import Journal
from edge.publish.delivery import CLOCK_WAS_SET_NS
from edge.publish.feed import MEMORY, PAGE
from edge.publish.outbox import Delivery, Feed

from .box import NOW, Box, body, box_at

HOUR = 3_600_000_000_000


async def take(feed: Feed, count: int) -> list[Delivery]:
    async with asyncio.timeout(5):
        return [await feed.next() for _ in range(count)]


async def is_idle(feed: Feed) -> bool:
    try:
        await asyncio.wait_for(feed.next(), 0.05)
    except TimeoutError:
        return True
    return False


async def test_a_verdict_is_committed_before_anybody_sees_it(box: Box, path: Path) -> None:
    name = await box.accept()
    async with box.outbox.feed("mqtt") as feed:
        assert await is_idle(feed)
        gate = threading.Event()
        blocked = asyncio.create_task(box.disk.do(lambda _: gate.wait(10)))
        put = asyncio.create_task(box.outbox.put(name, "a", body(name), sealed_ns=NOW))
        assert await is_idle(feed)
        gate.set()
        (one,) = await take(feed, 1)
        with sqlite3.connect(path) as other:
            rows = other.execute("SELECT id, body FROM verdict").fetchall()
        other.close()
        assert rows == [(name, body(name))]
        assert (one.id, one.body, one.is_fresh, one.is_replayed) == (name, body(name), True, False)
        await asyncio.gather(blocked, put)


async def test_a_second_verdict_for_a_trigger_is_refused_and_counted(box: Box) -> None:
    name = await box.judge()
    assert not await box.outbox.put(name, "a", b"another opinion", sealed_ns=NOW)
    async with box.outbox.feed("mqtt") as feed:
        assert [one.body for one in await take(feed, 1)] == [body(name)]
        assert await is_idle(feed)
    assert box.counts == {("a", "second_verdict"): 1}


async def test_two_verdicts_at_once_leave_one(box: Box) -> None:
    name = await box.accept()
    puts = [box.outbox.put(name, "a", b"%d" % i, sealed_ns=NOW) for i in range(10)]
    assert sorted(await asyncio.gather(*puts)) == [False] * 9 + [True]
    assert box.outbox.backlog("mqtt") == 1


async def test_a_verdict_on_nothing_is_a_fault(box: Box) -> None:
    with pytest.raises(ValueError, match="no such accepted trigger"):
        await box.outbox.put("a-1-1", "a", b"{}", sealed_ns=NOW)


async def test_a_verdict_pends_no_longer(box: Box, path: Path) -> None:
    first, second = await box.accept(), await box.accept()
    await box.outbox.put(first, "a", b"{}", sealed_ns=NOW)
    async with Journal(box.disk) as again:
        assert [a.id for a in again.pending()] == [second]


async def test_each_publisher_gets_its_stations_in_order(box: Box) -> None:
    names = [await box.judge("ab"[i % 3 == 0]) for i in range(30)]
    async with box.outbox.feed("mqtt") as everything, box.outbox.feed("plc.a") as only_a:
        assert [one.id for one in await take(everything, 30)] == names
        wanted = [name for name in names if name.startswith("a-")]
        assert [one.id for one in await take(only_a, len(wanted))] == wanted
        assert await is_idle(only_a)


async def test_what_is_done_is_not_delivered_again(box: Box) -> None:
    names = [await box.judge() for _ in range(6)]
    async with box.outbox.feed("mqtt") as feed:
        for one in await take(feed, 6):
            if one.id not in {names[1], names[4]}:
                await box.outbox.done("mqtt", one, NOW)
    assert box.outbox.backlog("mqtt") == 2
    assert box.outbox.backlog("plc.a") == 6
    async with box.outbox.feed("mqtt") as feed:
        again = await take(feed, 2)
        assert [(one.id, one.is_replayed, one.is_fresh) for one in again] == [
            (names[1], True, False),
            (names[4], True, False),
        ]
        assert await is_idle(feed)


async def test_after_a_reconnect_old_ones_come_replayed_before_fresh_ones(box: Box) -> None:
    old = [await box.judge() for _ in range(PAGE + 5)]
    async with box.outbox.feed("mqtt") as feed:
        new = [await box.judge() for _ in range(3)]
        got = await take(feed, len(old) + 3)
    assert [one.id for one in got] == old + new
    assert [one.is_replayed for one in got] == [True] * len(old) + [False] * 3
    assert [one.is_fresh for one in got] == [False] * len(old) + [True] * 3


async def test_a_publisher_may_take_the_present_before_the_past(box: Box) -> None:
    old = [await box.judge() for _ in range(PAGE + 5)]
    async with box.outbox.feed("mqtt") as feed:
        got = [await feed.next(present_first=True) for _ in range(3)]
        new = [await box.judge() for _ in range(MEMORY + 20)]
        got += [await feed.next(present_first=True) for _ in range(len(new) + len(old) - 3)]
        assert await is_idle(feed)
    assert [one.id for one in got] == old[:3] + new + old[3:]
    assert [one.is_replayed for one in got] == [True] * 3 + [False] * len(new) + [True] * PAGE + [
        True
    ] * 2


async def test_a_restart_delivers_the_same_ids_and_bodies(path: Path) -> None:
    async with box_at(path) as box:
        names = [await box.judge() for _ in range(10)]
        async with box.outbox.feed("mqtt") as feed:
            await box.outbox.done("mqtt", (await take(feed, 1))[0], NOW)
    async with box_at(path, parts=10) as box:
        assert (box.outbox.backlog("mqtt"), box.outbox.backlog("plc.a")) == (9, 10)
        fresh = await box.judge()
        async with box.outbox.feed("mqtt") as feed:
            got = await take(feed, 10)
    assert [(one.id, one.body) for one in got] == [(n, body(n)) for n in [*names[1:], fresh]]
    assert all(one.is_replayed for one in got)


async def test_a_slow_publisher_reads_on_from_disk_and_misses_nothing(box: Box) -> None:
    count = MEMORY + 2 * PAGE + 7
    async with box.outbox.feed("mqtt") as feed:
        assert await is_idle(feed)
        names = [await box.judge() for _ in range(count)]
        got = await take(feed, count)
        more = [await box.judge() for _ in range(3)]
        got += await take(feed, 3)
        assert await is_idle(feed)
    assert [one.id for one in got] == names + more
    assert not any(one.is_replayed for one in got)
    assert [one.is_fresh for one in got] == [True] * MEMORY + [False] * (2 * PAGE + 7) + [True] * 3
    assert box.counts[("mqtt", "memory_overflow")] == 1


async def test_a_publisher_that_overtakes_and_falls_behind_at_random_gets_each_once(
    box: Box,
) -> None:
    """Puts and takes interleave while pages are read, memory overflows and sessions end."""
    total = 1500
    got: list[str] = []
    names: list[str] = []

    async def produce() -> None:
        while len(names) < total:
            burst = min(1 + (len(names) * 7919) % 400, total - len(names))
            names.extend(await asyncio.gather(*(box.judge() for _ in range(burst))))
            await asyncio.sleep(0.002)

    async def consume() -> None:
        while len(got) < total:
            async with box.outbox.feed("mqtt") as feed:
                for _ in range(min(311, total - len(got))):
                    one = await feed.next()
                    got.append(one.id)
                    closing.append(asyncio.create_task(box.outbox.done("mqtt", one, NOW)))
                await asyncio.gather(*closing)

    closing: list[asyncio.Task[None]] = []
    async with asyncio.timeout(30):
        await asyncio.gather(produce(), consume())
    assert sorted(got) == sorted(names)
    assert got == sorted(got, key=lambda name: int(name.split("-")[1]))
    assert box.outbox.backlog("mqtt") == 0


async def test_a_publisher_that_is_down_delays_no_other(box: Box) -> None:
    async with box.outbox.feed("mqtt") as feed, box.outbox.feed("plc.a") as stuck:
        for _ in range(MEMORY + 50):
            name = await box.judge()
            (one,) = await take(feed, 1)
            assert (one.id, one.is_fresh) == (name, True)
        assert box.outbox.backlog("plc.a") == MEMORY + 50
        assert len(await take(stuck, MEMORY + 50)) == MEMORY + 50


async def test_a_put_that_is_cancelled_is_still_delivered(box: Box) -> None:
    name = await box.accept()
    async with box.outbox.feed("mqtt") as feed:
        put = asyncio.create_task(box.outbox.put(name, "a", body(name), sealed_ns=NOW))
        await asyncio.sleep(0)
        put.cancel()
        assert [one.id for one in await take(feed, 1)] == [name]
    assert box.outbox.backlog("mqtt") == 1


async def test_two_sessions_of_one_publisher_are_a_fault(box: Box) -> None:
    async with box.outbox.feed("mqtt"):
        with pytest.raises(RuntimeError, match="two sessions"):
            async with box.outbox.feed("mqtt"):
                pass


async def verdicts(box: Box) -> list[str]:
    rows = await box.disk.do(
        lambda c: c.execute("SELECT id FROM verdict ORDER BY number").fetchall()
    )
    return [name for (name,) in rows]


async def test_retention_keeps_what_is_owed_for_its_whole_time(path: Path) -> None:
    async with box_at(path, {"mqtt": None}) as box:
        ages_h = [24 * 8, 24 * 6, 2, 0]
        owed = [await box.judge(sealed_ns=NOW - h * HOUR) for h in ages_h]
        delivered = [await box.judge(sealed_ns=NOW - h * HOUR) for h in ages_h]
        async with box.outbox.feed("mqtt") as feed:
            for one in await take(feed, 8):
                if one.id in delivered:
                    await box.outbox.done("mqtt", one, NOW)
        await box.outbox.sweep(NOW - HOUR, NOW - 24 * 7 * HOUR)
        assert await verdicts(box) == [*owed[1:], delivered[3]]
        assert box.outbox.backlog("mqtt") == 3
        assert box.counts == {("mqtt", "given_up"): 1}


async def test_retention_gives_up_nothing_that_was_stamped_before_the_clock_was_set(
    path: Path,
) -> None:
    async with box_at(path, {"mqtt": None}) as box:
        name = await box.judge(sealed_ns=1_000_000_000)  # 1970: no battery, no network yet
        await box.outbox.sweep(NOW - HOUR, NOW - 24 * 7 * HOUR)
        assert CLOCK_WAS_SET_NS < NOW
        assert await verdicts(box) == [name]


async def test_retention_of_many_pages_ends(path: Path) -> None:
    async with box_at(path, {"mqtt": None}) as box:
        await asyncio.gather(*(box.judge(sealed_ns=NOW) for _ in range(1200)))
        await box.outbox.sweep(NOW, NOW + 1)
        assert await verdicts(box) == []
        assert box.outbox.backlog("mqtt") == 0
