"""Triggers, as a real client sees them; the ledger is held against what it saw."""

import asyncio
import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from asyncua import ua

from sensors.simulator.plan import DeviceClock, node

from .conftest import MakePlan
from .desk import epoch_us, ledger, read, serving, until


class Seen:
    """What a subscription was told."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self.stamps_us: list[int] = []
        self.at_ns: list[int] = []

    def datachange_notification(self, _node: Any, value: object, data: Any) -> None:
        self.values.append(value)
        self.stamps_us.append(epoch_us(data.monitored_item.Value.SourceTimestamp))
        self.at_ns.append(time.monotonic_ns())


async def test_the_edge_is_stamped_by_the_plcs_own_clock(make_plan: MakePlan) -> None:
    clock = DeviceClock(offset_s=-1.25, drift_ppm=50.0)
    plan = make_plan(parts=4, period_s=0.3, lead_s=3.0, plc_clock=clock, recipe="motor-b")
    epoch_ns = time.time_ns() - time.monotonic_ns()
    async with serving(plan) as client:
        seen = Seen()
        subscription = await client.create_subscription(5, seen)
        await subscription.subscribe_data_change(client.get_node(node("S1", "Sequence")))
        for sequence in range(1, 5):
            await until(lambda: len(seen.values) == sequence + 1)  # noqa: B023 - awaited at once
            # the edge is here: what belongs to it must be, too
            assert await read(client, "PartId") == f"S1-{sequence:06d}"
            assert await read(client, "Recipe") == "motor-b"
        await subscription.delete()
    assert seen.values == [0, 1, 2, 3, 4]
    for index, (stamp_us, at_ns) in enumerate(zip(seen.stamps_us[1:], seen.at_ns[1:], strict=True)):
        edge_ns = plan.start_ns + index * 300_000_000
        expected_ns = epoch_ns + edge_ns + (edge_ns - plan.start_ns) * 50e-6 - 1_250_000_000
        assert stamp_us == pytest.approx(expected_ns / 1000, abs=100)
        assert 0 < at_ns - edge_ns < 250_000_000
    rows = ledger(plan, "trigger")
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4]
    assert [row["pool_index"] for row in rows] == [0, 1, 2, 0]
    assert [row["edge_ns"] for row in rows] == [plan.start_ns + k * 300_000_000 for k in range(4)]


async def test_the_ring_holds_the_last_sixteen_triggers(make_plan: MakePlan) -> None:
    plan = make_plan(parts=20, period_s=0.05, lead_s=3.0, part_ids=("A", "", "C"))
    async with serving(plan) as client:

        async def has_announced(count: int) -> bool:
            return bool(await read(client, "Sequence") >= count)

        await until(lambda: has_announced(3))
        early = await read(client, "RingSequence")
        await until(lambda: has_announced(20))
        sequences = await read(client, "RingSequence")
        parts, recipes, times = [
            await read(client, name) for name in ("RingPartId", "RingRecipe", "RingTime")
        ]
    assert early == [0] * (16 - max(early)) + list(range(1, max(early) + 1))
    assert sequences == list(range(5, 21))
    assert parts == [["A", "", "C"][(sequence - 1) % 3] for sequence in range(5, 21)]
    assert recipes == ["motor"] * 16
    steps = [(b - a) / timedelta(milliseconds=1) for a, b in itertools.pairwise(times)]
    assert steps == pytest.approx([50.0] * 15, abs=0.01)


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
    plan = make_plan(parts=4, period_s=0.33, lead_s=3.0, profile="slow")
    epoch_ns = time.time_ns() - time.monotonic_ns()
    async with serving(plan) as client:
        seen, polled = Seen(), dict[int, int]()
        subscription = await client.create_subscription(5, seen)
        assert subscription.parameters.RequestedPublishingInterval >= 500  # asyncua keeps the grant
        variable = client.get_node(node("S1", "Sequence"))
        await subscription.subscribe_data_change(variable)

        async def is_over() -> bool:
            polled.setdefault(await variable.read_value(), time.monotonic_ns())
            return len(seen.values) == 5

        await until(is_over)
        await subscription.delete()
    edges_ns = [plan.start_ns + k * 330_000_000 for k in range(4)]
    assert [stamp_us * 1000 - epoch_ns for stamp_us in seen.stamps_us[1:]] == pytest.approx(
        edges_ns, abs=100_000
    )
    for sequence, edge_ns in enumerate(edges_ns, start=1):
        tick_ns = -(-edge_ns // 100_000_000) * 100_000_000
        assert polled[sequence] >= tick_ns
    bursts = [
        at_ns for before_ns, at_ns in itertools.pairwise(seen.at_ns) if at_ns - before_ns > 1e7
    ]
    assert all(b - a > 450_000_000 for a, b in itertools.pairwise(bursts))
