"""The handshake against a real OPC UA server: what it was asked to write, in which order."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.client.client import Client

from edge.config import PlcHandshake
from edge.journal import Accepted
from edge.publish.plc import Echoes, PlcPublisher, publisher_name
from edge.supervisor import keep
from edge.trial.broker import free_port
from edge.verdict import Decision, ErrorCode
from sensors.errors import LinkLost
from sensors.wiring import OpcUaLink

from .box import NOW, Box, box_at
from .plant_plc import Kinds, Plc, nodes

# a PLC may declare INT where another has UINT, or BYTE
ODD = {
    "result": ua.VariantType.Byte,
    "ack": ua.VariantType.Int32,
    "result_sequence": ua.VariantType.Int32,
}
STATIONS: dict[str, Kinds] = {f"s{i}": {} for i in range(30)} | {"odd": ODD}


@pytest.fixture(scope="module")
def shared() -> Iterator[Plc]:
    """One server for all tests that do not pull it out; each test takes a station of its own."""
    with Plc(free_port(), STATIONS) as plc:
        yield plc


@pytest.fixture(scope="module")
def victim() -> Iterator[Plc]:
    """One server to be frozen and pulled out."""
    with Plc(free_port(), {"frozen": {}, "restarted": {}}) as plc:
        yield plc


@pytest.fixture
def plc(shared: Plc) -> Plc:
    shared.acks = True
    shared.requests.clear()
    shared.taken.clear()
    return shared


_free = (f"s{i}" for i in range(30))


@pytest.fixture
def station() -> str:
    return next(_free)


class Bench:
    """A box and its publisher for some stations of one PLC."""

    def __init__(self, box: Box, plc: Plc, stations: tuple[str, ...], timeout_s: float) -> None:
        self.box = box
        self.plc = plc
        self.echoes = Echoes()
        self.is_ready = True
        self.published: list[str] = []
        self.link: list[bool] = []
        self._rows = {
            s: PlcHandshake(link="plc", nodes=nodes(s), ack_timeout_s=timeout_s) for s in stations
        }

    def session(self, up: Callable[[], None] = lambda: None) -> PlcPublisher:
        return PlcPublisher(
            "plc",
            OpcUaLink(kind="opcua", endpoint=self.plc.endpoint, security="None"),
            self._rows,
            self.box.outbox,
            self.echoes,
            is_ready=lambda: self.is_ready,
            published=lambda one, _: self.published.append(one.id),
            count=lambda *cause: self.box.counts.update([cause]),
            up=up,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        task = asyncio.create_task(
            keep("plc", lambda up: self.session(up).run(), lambda _, up: self.link.append(up))
        )
        try:
            await until(lambda: True in self.link)
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def accept(self, station: str, part: str | None = None) -> Accepted:
        accepted = await self.box.take(station)
        self.echoes.accepted(accepted)
        return accepted

    async def judge(self, accepted: Accepted, decision: Decision, **changed: Any) -> None:
        trigger = accepted.trigger
        facts: dict[str, Any] = {
            "sequence": trigger.sequence,
            "decision_code": int(decision),
            "defect_code": 0,
            "late": "false",
            "error_code": int(ErrorCode.NONE),
        } | changed
        body = "{" + ",".join(f'"{k}":{v}' for k, v in facts.items()) + "}"
        assert await self.box.outbox.put(accepted.id, trigger.station, body.encode(), sealed_ns=NOW)


@asynccontextmanager
async def bench_at(
    path: Path, plc: Plc, *stations: str, timeout_s: float = 1.0, parts: int = 0
) -> AsyncIterator[Bench]:
    routes = {publisher_name(s): (s,) for s in stations}
    async with box_at(path, routes, parts) as box:
        yield Bench(box, plc, stations, timeout_s)


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    give_up = time.monotonic() + seconds
    while True:
        if condition():
            return
        assert time.monotonic() < give_up, "waited in vain"
        await asyncio.sleep(0.005)


async def test_a_part_goes_through_the_handshake_in_this_order(
    path: Path, plc: Plc, station: str
) -> None:
    async with bench_at(path, plc, station) as bench, bench.serving():
        accepted = await bench.accept(station)
        await until(lambda: plc.of(station, "echo_sequence"))
        await bench.judge(accepted, Decision.DEFECT, defect_code=3)
        await until(lambda: plc.of(station, "result_ready")[1:])
        await until(lambda: not plc.value(station, "result_ready"))
        wrote = [w for w in plc.of(station) if "heartbeat" not in w]
        assert wrote == [
            {"result_ready": False, "busy": False, "ready": True},  # a session begins
            {"busy": True, "echo_part": "part-1", "echo_sequence": 1},
            {"result": 2, "defect_code": 3, "result_sequence": 1, "late": False, "error_code": 0},
            {"result_ready": True},
            {"result_ready": False, "busy": False},
        ]
        await until(lambda: not bench.box.outbox.backlog(publisher_name(station)))
        assert bench.published == [accepted.id]
        assert bench.box.counts == {}


@pytest.mark.alone
async def test_an_independent_client_reads_a_whole_result_that_stands_until_its_ack(
    path: Path, plc: Plc, station: str
) -> None:
    plc.acks = False
    names = ["result", "defect_code", "result_sequence", "late", "error_code"]
    async with Client(plc.endpoint) as client, bench_at(path, plc, station) as bench:
        fields = [client.get_node(f"ns=2;s={station}.{name}") for name in names]
        ready = client.get_node(f"ns=2;s={station}.result_ready")

        async def see(value: bool) -> float:
            while await ready.read_value() != value:
                assert time.monotonic() < give_up
            return time.monotonic()

        async with bench.serving():
            give_up = time.monotonic() + 5
            await bench.judge(await bench.accept(station), Decision.DEFECT, defect_code=7)
            offered = await see(True)
            assert await client.read_values(fields) == [2, 7, 1, False, 0]
            await asyncio.sleep(0.2)
            assert await ready.read_value()
            plc.write(station, ack=1)
            assert await see(False) - offered < 1.0
    assert bench.box.counts == {}


@pytest.mark.alone
async def test_the_heartbeat_goes_up_by_one_a_second_with_ready(
    path: Path, plc: Plc, station: str
) -> None:
    plc.write(station, heartbeat=41)
    async with bench_at(path, plc, station) as bench, bench.serving():
        await until(lambda: len(plc.of(station, "heartbeat")) == 2)
        bench.is_ready = False
        await until(lambda: len(plc.of(station, "heartbeat")) == 3)
        beats = [r for r in plc.requests if r.station == station and "heartbeat" in r.values]
    assert [r.values for r in beats] == [
        {"heartbeat": 42, "ready": True},
        {"heartbeat": 43, "ready": True},
        {"heartbeat": 44, "ready": False},
    ]
    assert 0.8 < beats[1].at - beats[0].at < 1.8


async def test_a_box_that_stops_says_that_it_is_not_ready(
    path: Path, plc: Plc, station: str
) -> None:
    async with bench_at(path, plc, station) as bench, bench.serving():
        await until(lambda: plc.value(station, "ready"))
    assert plc.value(station, "ready") is False


async def test_results_of_a_station_come_in_trigger_order_one_at_a_time(
    path: Path, plc: Plc, station: str
) -> None:
    async with bench_at(path, plc, station) as bench, bench.serving():
        parts = [await bench.accept(station) for _ in range(20)]
        for part in parts:
            await bench.judge(part, Decision.OK)
        await until(lambda: not bench.box.outbox.backlog(publisher_name(station)))
        taken = [w["result_sequence"] for w in plc.of(station, "result_sequence")]
        ready = [w["result_ready"] for w in plc.of(station, "result_ready")][1:]
    assert taken == list(range(1, 21))
    assert ready == [True, False] * 20
    assert bench.box.counts == {}


async def test_it_stays_busy_until_the_newest_part_has_its_result(
    path: Path, plc: Plc, station: str
) -> None:
    async with bench_at(path, plc, station) as bench, bench.serving():
        first, second = await bench.accept(station), await bench.accept(station)
        await bench.judge(first, Decision.OK)
        await until(lambda: len(plc.of(station, "result_ready")) == 3)
        assert plc.of(station, "result_ready")[-1] == {"result_ready": False, "busy": True}
        await bench.judge(second, Decision.OK)
        await until(lambda: len(plc.of(station, "result_ready")) == 5)
        assert plc.of(station, "result_ready")[-1] == {"result_ready": False, "busy": False}


@pytest.mark.alone
async def test_an_echo_is_prompt_even_while_a_result_waits_for_its_ack(
    path: Path, plc: Plc, station: str
) -> None:
    plc.acks = False
    async with bench_at(path, plc, station, timeout_s=5.0) as bench, bench.serving():
        await bench.judge(await bench.accept(station), Decision.OK)
        await until(lambda: plc.value(station, "result_ready"))
        started = time.monotonic()
        await bench.accept(station)
        await until(lambda: plc.value(station, "echo_sequence") == 2)
        assert time.monotonic() - started < 2.0
        assert plc.value(station, "result_ready")


@pytest.mark.alone
async def test_without_ack_the_delivery_is_closed_and_the_next_part_is_served(
    path: Path, plc: Plc, station: str
) -> None:
    plc.acks = False
    async with bench_at(path, plc, station, timeout_s=0.3) as bench, bench.serving():
        first = await bench.accept(station)
        await bench.judge(first, Decision.OK)
        await until(lambda: plc.value(station, "result_ready"))
        started = time.monotonic()
        await until(lambda: not plc.value(station, "result_ready"))
        assert 0.2 < time.monotonic() - started < 1.5
        plc.acks = True
        await bench.judge(await bench.accept(station), Decision.OK)
        await until(lambda: plc.value(station, "ack") == 2)
        await until(lambda: not bench.box.outbox.backlog(publisher_name(station)))
        assert [w["result_sequence"] for w in plc.of(station, "result_sequence")] == [1, 2]
    assert bench.box.counts == {(station, "ack_timeout"): 1}


async def test_a_result_that_waited_behind_a_silent_plc_is_not_offered_as_fresh(
    path: Path, plc: Plc, station: str
) -> None:
    plc.acks = False
    async with bench_at(path, plc, station, timeout_s=0.3) as bench, bench.serving():
        parts = [await bench.accept(station) for _ in range(3)]
        for part in parts:
            await bench.judge(part, Decision.OK)
        await until(lambda: len(plc.of(station, "result")) == 3)
        offers = plc.of(station, "result")
    assert [(w["result"], w["late"], w["error_code"]) for w in offers] == [
        (Decision.OK, False, ErrorCode.NONE),
        (Decision.UNCERTAIN, True, ErrorCode.EXPIRED),
        (Decision.UNCERTAIN, True, ErrorCode.EXPIRED),
    ]


@pytest.mark.parametrize(
    ("changed", "offer"),
    [
        ({"late": "true", "error_code": 2}, (3, 0, True, ErrorCode.EXPIRED)),
        ({"error_code": 4, "late": "false"}, (3, 0, True, ErrorCode.RECOVERED)),
        ({"error_code": 1}, (2, 5, False, ErrorCode.DEGRADED)),
    ],
)
async def test_an_expired_or_recovered_verdict_is_never_fresh_and_a_degraded_one_stands(
    path: Path,
    plc: Plc,
    station: str,
    changed: dict[str, object],
    offer: tuple[int, int, bool, int],
) -> None:
    async with bench_at(path, plc, station) as bench, bench.serving():
        part = await bench.accept(station)
        await bench.judge(part, Decision.DEFECT, defect_code=5, **changed)
        await until(lambda: plc.of(station, "result"))
        (wrote,) = plc.of(station, "result")
    assert (
        wrote["result"], wrote["defect_code"], wrote["late"], wrote["error_code"],
    ) == offer  # fmt: skip


async def test_a_verdict_from_before_the_session_is_offered_as_replayed(
    path: Path, plc: Plc, station: str
) -> None:
    async with bench_at(path, plc, station) as bench:
        part = await bench.accept(station)
        await bench.judge(part, Decision.DEFECT, defect_code=5)
    async with bench_at(path, plc, station, parts=1) as bench, bench.serving():
        await until(lambda: not bench.box.outbox.backlog(publisher_name(station)))
        (wrote,) = plc.of(station, "result")
    assert wrote == {
        "result": Decision.UNCERTAIN,
        "defect_code": 0,
        "result_sequence": 1,
        "late": True,
        "error_code": ErrorCode.REPLAYED,
    }


async def test_a_verdict_whose_ack_came_while_the_link_was_down_is_not_offered_again(
    path: Path, plc: Plc, station: str
) -> None:
    plc.write(station, ack=1)
    async with bench_at(path, plc, station) as bench:
        await bench.judge(await bench.accept(station), Decision.OK)
    async with bench_at(path, plc, station, parts=1) as bench, bench.serving():
        await until(lambda: not bench.box.outbox.backlog(publisher_name(station)))
        assert plc.of(station, "result") == []
        assert bench.box.counts == {(station, "ack_found"): 1}


async def test_a_fresh_result_does_not_wait_behind_a_long_past(
    path: Path, plc: Plc, station: str
) -> None:
    plc.acks = False
    async with bench_at(path, plc, station) as bench:
        for _ in range(30):
            await bench.judge(await bench.accept(station), Decision.OK)
    async with bench_at(path, plc, station, timeout_s=1.0, parts=30) as bench, bench.serving():
        await until(lambda: len(plc.taken) == 2)
        await bench.judge(await bench.accept(station), Decision.DEFECT)
        await until(lambda: len(plc.taken) >= 4)
    assert taken(plc)[:2] == [
        (1, Decision.UNCERTAIN, True, ErrorCode.REPLAYED),
        (2, Decision.UNCERTAIN, True, ErrorCode.REPLAYED),
    ]
    assert (31, Decision.DEFECT, False, ErrorCode.NONE) in taken(plc)[2:4]
    past = [number for number, *_ in taken(plc) if number != 31]
    assert past == list(range(1, len(past) + 1))


async def test_an_echo_that_a_crash_cut_off_is_told_at_the_next_start(
    path: Path, plc: Plc, station: str
) -> None:
    async with bench_at(path, plc, station) as bench:
        accepted = await bench.accept(station)
        await bench.judge(accepted, Decision.OK)
    async with bench_at(path, plc, station, parts=1) as bench:
        newest = bench.box.journal.newest(station)
        assert newest is not None
        bench.echoes.remember(newest)
        async with bench.serving():
            await until(lambda: not bench.box.outbox.backlog(publisher_name(station)))
        assert plc.of(station, "echo_sequence") == [
            {"busy": False, "echo_part": "part-1", "echo_sequence": 1}
        ]
        assert plc.value(station, "busy") is False


async def test_a_fault_of_logic_is_not_taken_for_a_lost_link(
    path: Path, plc: Plc, station: str
) -> None:
    async with bench_at(path, plc, station) as bench:
        accepted = await bench.accept(station)
        await bench.box.outbox.put(accepted.id, station, b"not a verdict", sealed_ns=NOW)
        with pytest.raises(ValueError, match="Expecting value"):
            await bench.session().run()


async def test_an_ack_left_from_before_the_counter_wrapped_does_not_take_a_result(
    path: Path, plc: Plc, station: str
) -> None:
    plc.write(station, ack=1)
    plc.acks = False
    async with bench_at(path, plc, station, timeout_s=4.0) as bench, bench.serving():
        await bench.judge(await bench.accept(station), Decision.OK)
        await until(lambda: plc.value(station, "result_ready"))
        await asyncio.sleep(0.2)
        assert plc.value(station, "result_ready")
        plc.write(station, ack=1)  # the same number, written now
        await until(lambda: not plc.value(station, "result_ready"), 3.0)
    assert bench.box.counts == {}


async def test_stations_of_one_plc_do_not_wait_for_each_other(path: Path, plc: Plc) -> None:
    quick, slow = next(_free), next(_free)
    plc.acks = False
    async with bench_at(path, plc, quick, slow, timeout_s=3.0) as bench, bench.serving():
        await bench.judge(await bench.accept(slow), Decision.OK)
        await until(lambda: plc.value(slow, "result_ready"))
        plc.acks = True
        for _ in range(10):
            await bench.judge(await bench.accept(quick), Decision.OK)
        await until(lambda: not bench.box.outbox.backlog(publisher_name(quick)), 2.5)
        assert plc.value(slow, "result_ready")


async def test_types_of_the_plcs_variables_are_kept(path: Path, plc: Plc) -> None:
    async with bench_at(path, plc, "odd") as bench, bench.serving():
        await bench.judge(await bench.accept("odd"), Decision.DEFECT)
        await until(lambda: plc.value("odd", "ack") == 1)
        assert plc.value("odd", "result") == 2


async def test_a_node_that_does_not_exist_is_named(path: Path, plc: Plc) -> None:
    async with bench_at(path, plc, "nowhere") as bench:
        with pytest.raises(LinkLost, match=r"stations\.nowhere\.plc\.nodes\.heartbeat"):
            await bench.session().run()


def taken(plc: Plc) -> list[tuple[int, int, bool, int]]:
    return [(t["result_sequence"], t["result"], t["late"], t["error_code"]) for t in plc.taken]


async def test_a_plc_frozen_for_five_seconds_comes_back_and_takes_nothing_late_for_fresh(
    path: Path, victim: Plc
) -> None:
    name = "frozen"
    async with bench_at(path, victim, name) as bench, bench.serving():
        victim.freeze(5)
        thaws = time.monotonic() + 5
        await bench.judge(await bench.accept(name), Decision.OK)
        await until(lambda: not bench.box.outbox.backlog(publisher_name(name)), 20)
        assert time.monotonic() - thaws < 5
        await bench.judge(await bench.accept(name), Decision.OK)
        await until(lambda: victim.value(name, "ack") == 2)
    assert taken(victim) == [
        (1, Decision.UNCERTAIN, True, ErrorCode.REPLAYED), (2, Decision.OK, False, ErrorCode.NONE),
    ]  # fmt: skip


async def test_a_plc_that_is_restarted_sees_the_newest_echo_again_and_loses_no_result(
    path: Path, victim: Plc
) -> None:
    name = "restarted"
    async with bench_at(path, victim, name) as bench, bench.serving():
        first = await bench.accept(name)
        await until(lambda: victim.value(name, "echo_sequence") == 1)
        victim.stop()
        victim.requests.clear()
        victim.taken.clear()
        await bench.judge(first, Decision.DEFECT, defect_code=2)
        second = await bench.accept(name)
        victim.start()
        started = time.monotonic()
        await until(lambda: victim.value(name, "echo_sequence") == 2)
        assert time.monotonic() - started < 5
        await bench.judge(second, Decision.OK)
        await until(lambda: not bench.box.outbox.backlog(publisher_name(name)))
    assert [w["echo_sequence"] for w in victim.of(name, "echo_sequence")] == [2]
    assert taken(victim) == [
        (1, Decision.UNCERTAIN, True, ErrorCode.REPLAYED), (2, Decision.OK, False, ErrorCode.NONE),
    ]  # fmt: skip
    assert bench.link.count(True) == 2
