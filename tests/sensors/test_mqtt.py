"""Ingest over a real broker: blocks on, triggers held until they are safe, nonsense dropped."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.errors import BadReading, LinkLost
from sensors.link import Message, MqttSession, dial_mqtt
from sensors.mqtt import QUEUED_NS, MqttSource, read_trigger
from sensors.signal import Announcement
from sensors.wiring import MqttLink, SensorSource, TriggerSource


class Daemon:
    """What a daemon does with a source, kept for judging."""

    def __init__(self, broker: Any, *, acknowledges: bool = True) -> None:
        self.blocks: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.parts: list[Announcement] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.up = asyncio.Event()
        self.acknowledges = acknowledges
        self.source = MqttSource(
            "plant",
            MqttLink(kind="mqtt", port=broker.port),
            client_id="edge-in",
            sensors=[SensorSource(id="mic", link="plant", topic="st1/mic")],
            triggers={"st1": TriggerSource(link="plant", topic="st1/trigger")},
            deliver=lambda sensor, data, facts, _: self.blocks.append((sensor, data, facts)),
            announce=self.announce,
            count=lambda name, cause: self.counts.update([(name, cause)]),
            up=self.up.set,
        )

    def announce(self, announcement: Announcement, done: Callable[[], None]) -> None:
        self.parts.append(announcement)
        if self.acknowledges:
            done()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.source.run())
        up = asyncio.create_task(self.up.wait())
        await asyncio.wait([task, up], timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert self.up.is_set()
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def send(mouth: MqttSession, sequence: int, **facts: Any) -> None:
    await mouth.publish("st1/trigger", json.dumps({"sequence": sequence, **facts}).encode())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what it waits for is not this test's to signal
            await asyncio.sleep(0.005)


async def test_blocks_and_triggers_are_handed_on(broker: Any) -> None:
    daemon = Daemon(broker)
    async with (
        daemon.running(),
        dial_mqtt(MqttLink(kind="mqtt", port=broker.port), client_id="m") as mouth,
    ):
        await asyncio.sleep(QUEUED_NS / 1e9)
        await mouth.publish("st1/mic", b"block", qos=0, properties={"seq": "4"})
        await send(mouth, 7, part="A7", recipe="motor", t_ns=5)
        await until(lambda: daemon.blocks and daemon.parts)
    assert daemon.blocks == [("mic", b"block", {"seq": "4"})]
    part = daemon.parts[0]
    assert (part.station, part.sequence, part.part, part.recipe) == ("st1", 7, "A7", "motor")
    assert part.source_ns == 5
    assert not part.from_ring


async def test_a_trigger_that_was_not_acknowledged_comes_again(broker: Any) -> None:
    link = MqttLink(kind="mqtt", port=broker.port)
    forgetful, careful = Daemon(broker, acknowledges=False), Daemon(broker)
    async with dial_mqtt(link, client_id="m") as mouth:
        async with forgetful.running():
            await send(mouth, 1)
            await until(lambda: forgetful.parts)
        await send(mouth, 2)  # while the box is away
        async with careful.running():
            await send(mouth, 3)
            await until(lambda: len(careful.parts) == 3)
        async with careful.running():
            await send(mouth, 4)
            await until(lambda: len(careful.parts) == 4)
    assert [p.sequence for p in careful.parts] == [1, 2, 3, 4]
    # a queued message carries no mark: what comes just after connecting may be of an absence
    assert all(p.from_ring for p in careful.parts[:2])


async def test_bad_triggers_are_counted_acknowledged_and_dropped(broker: Any) -> None:
    daemon = Daemon(broker)
    link = MqttLink(kind="mqtt", port=broker.port)
    async with daemon.running(), dial_mqtt(link, client_id="m") as mouth:
        await mouth.publish("st1/trigger", b"\xff")
        await send(mouth, -1)
        await send(mouth, 5)
        await until(lambda: daemon.parts)
    again = Daemon(broker)
    async with again.running(), dial_mqtt(link, client_id="m") as mouth:
        await send(mouth, 6)
        await until(lambda: again.parts)
    assert daemon.counts == {("st1", "bad_trigger"): 2}
    assert [p.sequence for p in again.parts] == [6]
    assert not again.counts


async def test_a_retained_block_is_old_and_refused(broker: Any) -> None:
    daemon = Daemon(broker)
    link = MqttLink(kind="mqtt", port=broker.port)
    async with dial_mqtt(link, client_id="m") as mouth:
        await mouth.publish("st1/mic", b"old", retain=True)
        async with daemon.running():
            await mouth.publish("st1/mic", b"new", qos=0)
            await until(lambda: daemon.blocks)
    assert [data for _, data, _ in daemon.blocks] == [b"new"]
    assert daemon.counts == {("mic", "retained"): 1}


async def test_a_broker_that_dies_is_a_lost_link_and_the_next_session_goes_on(broker: Any) -> None:
    daemon = Daemon(broker)
    running = asyncio.create_task(daemon.source.run())
    await asyncio.wait_for(daemon.up.wait(), 5)
    broker.kill()
    with pytest.raises(LinkLost):
        await asyncio.wait_for(running, 2)
    with pytest.raises(LinkLost):
        await daemon.source.run()
    broker.start()
    async with (
        daemon.running(),
        dial_mqtt(MqttLink(kind="mqtt", port=broker.port), client_id="m") as mouth,
    ):
        await send(mouth, 9)
        await until(lambda: daemon.parts)
    assert len(asyncio.all_tasks()) == 1  # nothing left behind


def message(payload: bytes) -> Message:
    return Message("t", payload, {}, 1, 1, 1, is_repeat=False, is_retained=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"sequence": true}',
        '{"sequence": "1"}',
        '{"sequence": 1.0}',
        '{"sequence": -1}',
        '{"sequence": 9223372036854775808}',
        '{"sequence": 1, "part": 5}',
        '{"sequence": 1, "part": "a\\u0000b"}',
        '{"sequence": 1, "recipe": null}',
        '{"sequence": 1, "t_ns": -5}',
        '{"sequence": 1, "t_ns": 1e9}',
        '{"sequence": 1, "part": "' + "x" * 257 + '"}',
        "[" * 4000,
        '{"sequence": 1}' + " " * 5000,
    ],
)
def test_a_trigger_that_cannot_be_is_a_bad_reading(text: str) -> None:
    with pytest.raises(BadReading):
        read_trigger("st1", message(text.encode()))


def test_part_and_recipe_may_be_missing() -> None:
    part = read_trigger("st1", message(b'{"sequence": 0}'))
    assert (part.sequence, part.part, part.recipe, part.source_ns) == (0, "", "", 0)


@given(st.binary() | st.from_regex(rb'\{"sequence": .{0,20}\}'))
def test_no_bytes_make_a_trigger_raise_anything_else(payload: bytes) -> None:
    with contextlib.suppress(BadReading):
        read_trigger("st1", message(payload))
