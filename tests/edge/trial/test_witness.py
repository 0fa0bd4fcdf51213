"""A real mosquitto, a real publisher, and a broker that is pulled out."""

import asyncio
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.trial.broker import Broker, find_mosquitto, free_port
from edge.trial.witness import Witness


def speak(port: int, text: str, published_ns: int) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if published_ns:
        properties.UserProperty = [("published_ns", str(published_ns))]
    client.publish("demo/line1/cell1/verdict", text, qos=1, properties=properties).wait_for_publish(
        5
    )
    client.disconnect()
    client.loop_stop()


async def say(port: int, text: str, published_ns: int = 0) -> None:
    await asyncio.to_thread(speak, port, text, published_ns)


async def test_a_delivery_is_heard_with_its_publication_time(tmp_path: Path) -> None:
    async with (
        Broker(tmp_path, program=find_mosquitto()) as broker,
        Witness(broker.port, "demo/line1/+/verdict") as witness,
    ):
        await say(broker.port, "one", published_ns=1_700_000_000_000_000_123)
        await say(broker.port, "two")
        async with asyncio.timeout(5):
            one, two = await witness.next(), await witness.next()
    assert (one.body, one.published_ns) == (b"one", 1_700_000_000_000_000_123)
    assert (two.body, two.published_ns) == (b"two", 0)
    assert two.received_ns > one.received_ns


async def test_a_broker_that_was_killed_is_found_again(tmp_path: Path) -> None:
    async with (
        Broker(tmp_path, program=find_mosquitto()) as broker,
        Witness(broker.port, "demo/#") as witness,
    ):
        await broker.kill()
        await broker.start()
        async with asyncio.timeout(15):
            heard = asyncio.create_task(witness.next())
            while not heard.done():  # until it has subscribed again, nobody listens
                await say(broker.port, "again")
                await asyncio.wait([heard], timeout=0.2)
        assert heard.result().body == b"again"


async def test_it_speaks_to_a_broker_that_knows_only_mqtt_3(tmp_path: Path) -> None:
    async with (
        Broker(tmp_path, program=None) as broker,
        Witness(broker.port, "demo/#", mqtt5=False) as witness,
    ):
        await asyncio.to_thread(
            publish.single, "demo/x", "old", qos=1, hostname="127.0.0.1", port=broker.port
        )
        async with asyncio.timeout(5):
            assert (await witness.next()).body == b"old"


async def test_no_broker_is_an_error_at_once() -> None:
    with pytest.raises(ConnectionRefusedError):
        async with Witness(free_port(), "demo/#"):
            pass
