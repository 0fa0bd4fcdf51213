"""Both brokers, for real: an independent client (paho) speaks to what was spawned."""

import asyncio
import queue
import socket
import stat
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.trial.broker import Broker, accepts, find_mosquitto, first_outgoing_port, free_port
from edge.trial.errors import TrialFailed


def client(
    port: int, name: str, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
) -> mqtt.Client:
    """Connected, keeping its session (for an hour where the protocol can say so)."""
    made = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        name,
        protocol=version,
        clean_session=False if version == MQTTProtocolVersion.MQTTv311 else None,
    )
    if version == MQTTProtocolVersion.MQTTv5:
        keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        keep.SessionExpiryInterval = 3600
        made.connect("127.0.0.1", port, clean_start=False, properties=keep)
    else:
        made.connect("127.0.0.1", port)
    made.loop_start()
    return made


def round_trip(port: int, payload: bytes, version: MQTTProtocolVersion) -> bytes:
    got: queue.Queue[bytes] = queue.Queue()
    ready: queue.Queue[None] = queue.Queue()
    one = client(port, "round", version)
    one.on_message = lambda _c, _u, message: got.put(bytes(message.payload))
    one.on_subscribe = lambda *_: ready.put(None)
    one.subscribe("a/b", qos=1)
    ready.get(timeout=5)
    one.publish("a/b", payload, qos=1)
    try:
        return got.get(timeout=5)
    finally:
        one.disconnect()
        one.loop_stop()


def listening(port: int) -> set[str]:
    """Local addresses of the kernel's listening sockets on a port."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {r[1] for r in rows if r[3] == "0A" and int(r[1].split(":")[1], 16) == port}


@pytest.fixture
def mosquitto() -> str:
    found = find_mosquitto()
    assert found, "these tests need mosquitto: apt-get install mosquitto"
    return found


async def test_mosquitto_is_ready_when_entered_and_gone_when_left(
    tmp_path: Path, mosquitto: str
) -> None:
    async with Broker(tmp_path, program=mosquitto) as broker:
        payload = bytes(5_000_000)  # one MQTT message of the size of a large picture
        assert (
            await asyncio.to_thread(round_trip, broker.port, payload, MQTTProtocolVersion.MQTTv5)
            == payload
        )
        assert broker.lacks == ""
        port = broker.port
    assert not await accepts(port)


async def test_mosquitto_listens_on_loopback_alone(tmp_path: Path, mosquitto: str) -> None:
    async with Broker(tmp_path, program=mosquitto) as broker:
        addresses = listening(broker.port)
    assert addresses == {f"0100007F:{broker.port:04X}"}  # 127.0.0.1, little-endian


async def test_a_session_and_its_queue_outlive_a_killed_mosquitto(
    tmp_path: Path, mosquitto: str
) -> None:
    async with Broker(tmp_path, program=mosquitto) as broker:

        def leave_a_session() -> None:
            subscribed: queue.Queue[None] = queue.Queue()
            away = client(broker.port, "away")
            away.on_subscribe = lambda *_: subscribed.put(None)
            away.subscribe("v", qos=1)
            subscribed.get(timeout=5)
            away.disconnect()
            away.loop_stop()

        def publish() -> None:
            sender = client(broker.port, "sender")
            for number in range(5):
                sender.publish("v", str(number), qos=1).wait_for_publish(5)
            sender.disconnect()
            sender.loop_stop()

        def come_back() -> list[bytes]:
            got: queue.Queue[bytes] = queue.Queue()
            # a fresh client object, so that only the broker can know of the subscription
            back = mqtt.Client(
                CallbackAPIVersion.VERSION2, "away", protocol=MQTTProtocolVersion.MQTTv5
            )
            back.on_message = lambda _c, _u, message: got.put(bytes(message.payload))
            back.connect("127.0.0.1", broker.port, clean_start=False)
            back.loop_start()
            try:
                return [got.get(timeout=5) for _ in range(5)]
            finally:
                back.disconnect()
                back.loop_stop()

        await asyncio.to_thread(leave_a_session)
        await asyncio.to_thread(publish)
        await asyncio.sleep(3.2)  # its state is on disk every 2 s
        await broker.kill()
        assert not await accepts(broker.port)
        await broker.start()
        assert await asyncio.to_thread(come_back) == [b"0", b"1", b"2", b"3", b"4"]


async def test_without_mosquitto_amqtt_carries_the_messages_and_says_what_is_off(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path, program=None) as broker:
        payload = bytes(range(256)) * 400
        assert (
            await asyncio.to_thread(round_trip, broker.port, payload, MQTTProtocolVersion.MQTTv311)
            == payload
        )
        assert broker.name == "amqtt"
        assert "apt-get install mosquitto" in broker.lacks


async def test_a_port_that_is_taken_is_told(tmp_path: Path, mosquitto: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(TrialFailed, match=str(other.getsockname()[1])):
            async with Broker(tmp_path, program=mosquitto, port=other.getsockname()[1]):
                pass


async def test_nothing_there_is_no_broker() -> None:
    assert not await accepts(free_port())


def test_a_free_port_is_none_that_an_outgoing_connection_may_get() -> None:
    lowest = first_outgoing_port()
    given = {free_port() for _ in range(200)}
    assert max(given) < lowest
    assert min(given) >= 1024
    assert len(given) > 150  # two who ask at the same time get two


def test_a_port_that_is_listened_on_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        taken = free_port()
        other.bind(("127.0.0.1", taken))
        other.listen()
        monkeypatch.setattr("random.shuffle", lambda ports: ports.sort(key=lambda p: p != taken))
        assert free_port() != taken


def test_mosquitto_is_found_in_an_administrators_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mosquitto() == str(program)
