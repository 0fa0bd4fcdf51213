"""The one retry loop."""

import asyncio
import logging
import statistics

import pytest

from edge.supervisor import Up, keep
from sensors.errors import LinkLost


class Plant:
    """A session whose server comes and goes by a script: seconds up, or None for a refusal."""

    def __init__(self, *script: float | None) -> None:
        self._script = list(script)
        self.attempts: list[float] = []

    async def session(self, up: Up) -> None:
        self.attempts.append(asyncio.get_running_loop().time())
        if not self._script:
            up()
            return
        lives_s = self._script.pop(0)
        if lives_s is None:
            raise LinkLost("10.0.0.5:4840: connection refused; is the PLC on?")
        up()
        await asyncio.sleep(lives_s)
        raise LinkLost("10.0.0.5:4840: closed by the server")


class Draws:
    """Remembers the limits it was asked for and waits next to nothing."""

    def __init__(self) -> None:
        self.limits: list[float] = []

    def __call__(self, low: float, high: float) -> float:
        assert low == 0.0
        self.limits.append(round(high, 3))
        return 0.001


async def test_the_wait_grows_from_a_tenth_of_a_second_to_two() -> None:
    draws = Draws()
    await keep("plc", Plant(*[None] * 8).session, lambda *_: None, draw=draws)
    assert draws.limits == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


async def test_waits_are_spread_over_the_whole_of_their_limit() -> None:
    plant = Plant(*[None] * 60)
    await keep("plc", plant.session, lambda *_: None, first_s=0.02, cap_s=0.02)
    waits = [b - a for a, b in zip(plant.attempts, plant.attempts[1:], strict=False)]
    # a uniform draw from 0 to 0.02: its quartiles are 0.010 apart, whatever the loop adds
    low, _, high = statistics.quantiles(waits, n=4)
    assert 0.005 < high - low < 0.015


async def test_a_healthy_session_resets_the_wait() -> None:
    draws = Draws()
    plant = Plant(None, None, None, 0.1, None, None)
    await keep("plc", plant.session, lambda *_: None, draw=draws, healthy_s=0.05)
    assert draws.limits == [0.1, 0.2, 0.4, 0.1, 0.2, 0.4]


async def test_a_session_that_falls_at_once_does_not_reset_the_wait() -> None:
    draws = Draws()
    plant = Plant(None, 0.01, 0.01, 0.01)
    await keep("plc", plant.session, lambda *_: None, draw=draws, healthy_s=5.0)
    assert draws.limits == [0.1, 0.2, 0.4, 0.8]


async def test_the_first_loss_and_the_return_are_logged_and_nothing_between(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plant = Plant(0.1, None, None, 0.01, None, 0.1, None)
    with caplog.at_level(logging.INFO, "edge.supervisor"):
        await keep("plc", plant.session, lambda *_: None, draw=Draws(), healthy_s=0.05)
    said = [(r.levelname, r.getMessage()) for r in caplog.records]
    assert [level for level, _ in said] == ["WARNING", "INFO", "WARNING"]
    assert said[0][1] == "plc: lost (10.0.0.5:4840: closed by the server); redialling"
    assert said[1][1].startswith("plc: is back after 0.0")
    assert "closed by the server" in said[2][1]


async def test_every_change_of_the_link_is_reported_and_no_attempt() -> None:
    reports: list[tuple[str, bool]] = []
    plant = Plant(None, None, 0.01, None)
    await keep("plc", plant.session, lambda *r: reports.append(r), draw=Draws())
    assert reports == [
        ("plc", False), ("plc", True), ("plc", False), ("plc", True), ("plc", False),
    ]  # fmt: skip


async def test_a_fault_of_logic_leaves_at_once() -> None:
    async def session(up: Up) -> None:
        up()
        raise KeyError("fault")

    reports: list[bool] = []
    with pytest.raises(KeyError):
        await keep("plc", session, lambda _, is_up: reports.append(is_up))
    assert reports == [False, True, False]


async def test_a_session_with_tasks_of_its_own_is_redialled_too() -> None:
    attempts = 0

    async def lose() -> None:
        raise LinkLost("gone")

    async def session(up: Up) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 3:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(lose())
            group.create_task(asyncio.sleep(60))

    await keep("plc", session, lambda *_: None, draw=Draws())
    assert attempts == 3


async def test_a_fault_beside_a_lost_link_is_not_swallowed() -> None:
    async def lose() -> None:
        raise LinkLost("gone")

    async def fail() -> None:
        raise KeyError("fault")

    async def session(up: Up) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(lose())
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        await keep("plc", session, lambda *_: None, draw=Draws())
    assert caught.group_contains(KeyError)
    assert not caught.group_contains(LinkLost)


async def test_cancelling_ends_it_while_a_session_runs() -> None:
    task = asyncio.create_task(keep("plc", Plant(60.0).session, lambda *_: None))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_cancelling_ends_it_even_when_the_link_breaks_in_the_same_moment() -> None:
    async def break_when_cancelled() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise LinkLost("closed while closing") from None

    async def session(up: Up) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(break_when_cancelled())

    task = asyncio.create_task(keep("plc", session, lambda *_: None))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_a_session_that_cancels_itself_is_redialled_and_not_forgotten() -> None:
    """A timeout may leave as a cancellation (Python before 3.11.4, where a task group failed)."""
    attempts = 0

    async def session(up: Up) -> None:
        nonlocal attempts
        attempts += 1
        up()
        if attempts < 3:
            raise asyncio.CancelledError

    await keep("plc", session, lambda *_: None, draw=Draws())
    assert attempts == 3
