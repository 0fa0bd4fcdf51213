"""Triggers, as a real client sees them; the ledger is held against what it saw."""

import asyncio
import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from asyncua import ua

from sensors.simulator.plan import DeviceClock, node

from .conftest import MakePlan, wall_minus_monotonic_ns
from .desk import epoch_us, ledger, read, serving, until


class Seen:
    """What a subscription was told."""

    def __init__(self) -> None:
        self.values: list[int] = []
        self.stamps_us: list[int] = []
        self.at_ns: list[int] = []

    def datachange_notification(self, _node: Any, value: int, data: Any) -> None:
        self.values.append(value)
        self.stamps_us.append(epoch_us(data.monitored_item.Value.SourceTimestamp))
        self.at_ns.append(time.monotonic_ns())


async def test_the_edge_is_stamped_by_the_plcs_own_clock(make_plan: MakePlan) -> None:
    clock = DeviceClock(offset_s=-1.25, drift_ppm=50.0)
    plan = make_plan(period_s=0.3, plc_clock=clock, recipes=("motor-b", "motor-c"))
    epoch_ns = wall_minus_monotonic_ns()
    async with serving(plan) as client:
        seen = Seen()
        subscription = await client.create_subscription(5, seen)
        await subscription.subscribe_data_change(client.get_node(node("S1", "Sequence")))
        for count in range(1, 5):
            await until(lambda: len(seen.values) > count)  # noqa: B023 - awaited at once
            # the edge is here: what belongs to it must be, too
            part, sequence = await read(client, "PartId"), await read(client, "Sequence")
            assert part == f"S1-{sequence:06d}"
            assert await read(client, "Recipe") == ("motor-b", "motor-c")[(sequence - 1) % 2]
        await subscription.delete()
    told = list(zip(seen.values, seen.stamps_us, seen.at_ns, strict=True))[1:]  # first: what was
    sequences = [sequence for sequence, _, _ in told]
    assert sequences == list(range(sequences[0], sequences[0] + len(told)))
    for sequence, stamp_us, at_ns in told:
        edge_ns = plan.start_ns + (sequence - 1) * 300_000_000
        expected_ns = epoch_ns + edge_ns + (edge_ns - plan.start_ns) * 50e-6 - 1_250_000_000
        assert stamp_us == pytest.approx(expected_ns / 1000, abs=100)
        assert 0 < at_ns - edge_ns < 300_000_000
    rows = ledger(plan, "trigger")
    assert len(rows) >= 4
    for row in rows:
        assert row["pool_index"] == (row["sequence"] - 1) % 3
        assert row["edge_ns"] == plan.start_ns + (row["sequence"] - 1) * 300_000_000


async def test_the_ring_holds_the_last_sixteen_triggers(make_plan: MakePlan) -> None:
    plan = make_plan(period_s=0.05, part_ids=("A", "", "C"))
    names = ("Sequence", "RingSequence", "RingPartId", "RingRecipe", "RingTime")
    async with serving(plan) as client:
        nodes = [client.get_node(node("S1", name)) for name in names]
        early = await client.read_values(nodes)
        await until(lambda: len(ledger(plan, "trigger")) >= 20)
        last, sequences, parts, recipes, times = await client.read_values(nodes)
    known = [sequence for sequence in early[1] if sequence]
    assert early[1] == [0] * (16 - len(known)) + known
    assert known == list(range(early[0] - len(known) + 1, early[0] + 1))
    assert sequences == list(range(last - 15, last + 1))
    assert parts == [["A", "", "C"][(sequence - 1) % 3] for sequence in sequences]
    assert recipes == ["motor"] * 16
    steps = [(b - a) / timedelta(milliseconds=1) for a, b in itertools.pairwise(times)]
    assert steps == pytest.approx([50.0] * 15, abs=0.01)


@pytest.mark.alone
async def test_current_time_is_the_plcs_clock_at_the_moment_of_reading(
    make_plan: MakePlan,
) -> None:
    plan = make_plan(plc_clock=DeviceClock(offset_s=1.75), lead_s=60.0)
    async with serving(plan) as client:
        current = client.get_node(ua.NodeId(ua.Int32(2258)))
        for _ in range(5):
            before_ns = time.time_ns()
            shown = await current.read_value()
            right_ns = epoch_us(shown) * 1000 - 1_750_000_000
            assert before_ns - 1_000_000 <= right_ns <= time.time_ns() + 1_000_000
            await asyncio.sleep(0.07)
        status = await client.get_node(ua.NodeId(ua.Int32(2256))).read_value()
    assert epoch_us(status.CurrentTime) * 1000 - time.time_ns() == pytest.approx(1.75e9, abs=0.2e9)


async def test_a_slow_plc_publishes_late_what_it_stamped_in_time(make_plan: MakePlan) -> None:
    plan = make_plan(period_s=0.33, profile="slow")
    epoch_ns = wall_minus_monotonic_ns()
    async with serving(plan) as client:
        seen, polled = Seen(), dict[int, int]()
        subscription = await client.create_subscription(5, seen)
        assert subscription.parameters.RequestedPublishingInterval >= 500  # asyncua keeps the grant
        variable = client.get_node(node("S1", "Sequence"))
        await subscription.subscribe_data_change(variable)

        async def is_over() -> bool:
            polled.setdefault(await variable.read_value(), time.monotonic_ns())
            return len(seen.values) >= 6

        await until(is_over)
        await subscription.delete()
    for sequence, stamp_us in list(zip(seen.values, seen.stamps_us, strict=True))[1:]:
        edge_ns = plan.start_ns + (sequence - 1) * 330_000_000
        assert stamp_us * 1000 - epoch_ns == pytest.approx(edge_ns, abs=100_000)
        tick_ns = -(-edge_ns // 100_000_000) * 100_000_000
        assert polled.get(sequence, tick_ns) >= tick_ns
    assert len(polled) >= 4
    bursts = [
        at_ns for before_ns, at_ns in itertools.pairwise(seen.at_ns) if at_ns - before_ns > 1e7
    ]
    assert all(b - a > 450_000_000 for a, b in itertools.pairwise(bursts))
