"""A connection to a real broker: both MQTT versions, TLS, logins, and every way to lose it."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from edge.trial.broker import Broker as PurePythonBroker
from sensors.errors import LinkLost
from sensors.link import Message, Will, dial_mqtt
from sensors.wiring import MqttLink


def link_to(broker: Any, **facts: Any) -> MqttLink:
    return MqttLink(kind="mqtt", port=broker.port, **facts)


async def until(condition: Any, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what it waits for is not this test's to signal
            await asyncio.sleep(0.005)


async def test_what_is_published_arrives_with_its_properties(broker: Any) -> None:
    heard: list[Message] = []
    link = link_to(broker)
    async with (
        dial_mqtt(link, client_id="ears", on_message=heard.append) as ears,
        dial_mqtt(link, client_id="mouth") as mouth,
    ):
        assert ears.is_mqtt5
        await ears.subscribe("a/b", 1)
        await mouth.publish("a/b", b"\x00\xff", properties={"seq": "1", "unit": "m/s²"})
        await mouth.publish("a/b", b"again", qos=0)
        await mouth.publish("elsewhere", b"")
        await until(lambda: len(heard) == 2)
    assert [m.payload for m in heard] == [b"\x00\xff", b"again"]
    assert heard[0].properties == {"seq": "1", "unit": "m/s²"}
    assert heard[1].properties == {}
    assert not heard[0].is_repeat
    assert time.monotonic_ns() - heard[0].received_ns < 5e9


async def test_small_blocks_do_not_wait_for_acknowledgements_of_the_network(broker: Any) -> None:
    """With Nagle's algorithm on either end, 4 KB blocks take 35 to 38 ms."""
    heard: list[int] = []
    link = link_to(broker)
    async with (
        dial_mqtt(link, client_id="ears", on_message=lambda m: heard.append(m.received_ns)) as ears,
        dial_mqtt(link, client_id="mouth") as mouth,
    ):
        await ears.subscribe("t", 0)
        sent = []
        for _ in range(40):
            sent.append(time.monotonic_ns())
            await mouth.publish("t", bytes(4000), qos=0)
            await asyncio.sleep(0.01)
        await until(lambda: len(heard) == 40)
    assert statistics.median(b - a for a, b in zip(sent, heard, strict=True)) < 15e6


async def test_large_payloads_and_many_at_once_all_arrive(broker: Any) -> None:
    sizes: list[int] = []
    link = link_to(broker)
    async with (
        dial_mqtt(link, client_id="e", on_message=lambda m: sizes.append(len(m.payload))) as ears,
        dial_mqtt(link, client_id="m") as mouth,
    ):
        await ears.subscribe("t", 1)
        async with asyncio.TaskGroup() as tasks:
            for size in range(300):
                tasks.create_task(mouth.publish("t", bytes(size)))
        await mouth.publish("t", bytes(3_000_000))
        await until(lambda: len(sizes) == 301)
    assert sorted(sizes) == [*range(300), 3_000_000]


async def test_a_persistent_session_hears_what_came_while_it_was_away(broker: Any) -> None:
    heard: list[Message] = []
    link = link_to(broker)
    async with dial_mqtt(link, client_id="box", persistent=True) as session:
        await session.subscribe("t", 1)
    async with dial_mqtt(link, client_id="mouth") as mouth:
        for k in range(5):
            await mouth.publish("t", bytes([k]))
    async with dial_mqtt(
        link, client_id="box", persistent=True, manual_ack=True, on_message=heard.append
    ) as session:
        await until(lambda: len(heard) == 5)
        for message in heard[:3]:
            session.ack(message)
        await session.publish("sync", b"")
    again: list[Message] = []
    async with dial_mqtt(link, client_id="box", persistent=True, on_message=again.append):
        await until(lambda: len(again) == 2)
    assert [m.payload for m in heard] == [bytes([k]) for k in range(5)]
    assert [m.payload for m in again] == [b"\x03", b"\x04"]
    session.ack(heard[3])  # of a session that is over: nothing happens


async def test_the_will_is_spoken_when_the_box_vanishes(broker: Any) -> None:
    heard: list[Message] = []
    link = link_to(broker)
    async with dial_mqtt(link, client_id="ears", on_message=heard.append) as ears:
        await ears.subscribe("status", 1)
        with pytest.raises(LinkLost):
            async with (
                dial_mqtt(link, client_id="box", will=Will("status", b"offline")) as box,
                dial_mqtt(link, client_id="box"),  # takes its place
            ):
                await box.wait_lost()
        await until(lambda: heard)
    assert heard[0].payload == b"offline"


@pytest.mark.alone
async def test_a_broker_that_dies_ends_the_session_at_once(broker: Any) -> None:
    async with dial_mqtt(link_to(broker), client_id="box") as session:
        waiting = asyncio.create_task(session.wait_lost())
        await asyncio.sleep(0.05)
        broker.kill()
        started = time.monotonic()
        with pytest.raises(LinkLost, match="connection ended"):
            await waiting
        assert time.monotonic() - started < 1
        with pytest.raises(LinkLost):
            await session.publish("t", b"")
        with pytest.raises(LinkLost):
            await session.subscribe("t", 1)


async def test_a_publication_under_way_learns_of_the_loss(broker: Any) -> None:
    async with dial_mqtt(link_to(broker), client_id="box") as session:
        broker.freeze()
        under_way = asyncio.create_task(session.publish("t", b"x"))
        await asyncio.sleep(0.1)
        assert not under_way.done()
        broker.kill()
        with pytest.raises(LinkLost):
            await under_way


@pytest.mark.alone
async def test_a_frozen_broker_is_noticed_and_the_goodbye_does_not_wait(broker: Any) -> None:
    async with dial_mqtt(link_to(broker), client_id="box") as session:
        broker.freeze()
        with pytest.raises(LinkLost, match="Keep alive"):
            async with asyncio.timeout(12):
                await session.wait_lost()
    with pytest.raises(LinkLost, match="no answer"):
        async with dial_mqtt(link_to(broker), client_id="box"):
            pass


async def test_nobody_there_says_what_to_look_at(broker: Any) -> None:
    broker.kill()
    with pytest.raises(LinkLost, match="is the broker running"):
        async with dial_mqtt(link_to(broker), client_id="box"):
            pass


async def test_what_a_listener_raises_ends_the_session_under_its_own_name(broker: Any) -> None:
    def listen(_: Message) -> None:
        raise ZeroDivisionError("a bug")

    async with dial_mqtt(link_to(broker), client_id="box", on_message=listen) as session:
        await session.subscribe("t", 0)
        await session.publish("t", b"", qos=0)
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(5):
                await session.wait_lost()


async def test_a_wrong_password_is_told_from_a_dead_broker(broker: Any, tmp_path: Path) -> None:
    broker.kill()
    broker.extra = "allow_anonymous false\n"
    broker.start()
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    with pytest.raises(LinkLost, match="check username, password_file"):
        async with dial_mqtt(
            link_to(broker, username="edge", password_file=secret), client_id="box"
        ):
            pass
    with pytest.raises(LinkLost, match="password_file cannot be used"):
        async with dial_mqtt(
            link_to(broker, username="edge", password_file=tmp_path / "none"), client_id="box"
        ):
            pass


# paho leaves the socket of a failed handshake to the garbage collector
async def test_a_broker_without_mqtt_5_is_spoken_to_in_3(tmp_path: Path, broker: Any) -> None:
    heard: list[Message] = []
    async with PurePythonBroker(tmp_path / "old", program=None) as old:
        link = MqttLink(kind="mqtt", port=old.port)
        async with dial_mqtt(
            link, client_id="box", persistent=True, on_message=heard.append
        ) as session:
            assert not session.is_mqtt5
            await session.subscribe("t", 1)
            await session.publish("t", b"old", properties={"left": "out"}, expiry_s=5)
            await until(lambda: heard)
    assert (heard[0].payload, heard[0].properties) == (b"old", {})
