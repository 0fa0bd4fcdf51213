"""A real mosquitto, near and far."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.checkup.finding import State
from edge.checkup.links import check_broker, check_links, check_local_broker
from edge.trial.broker import Broker, find_mosquitto, free_port
from sensors.wiring import MqttLink, OpcUaLink

DELAY_S = 0.04


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with Broker(tmp_path / "broker", program=find_mosquitto()) as started:
        yield started


@contextlib.asynccontextmanager
async def slow_wire(port: int) -> AsyncIterator[int]:
    """A port that leads to `port`; what comes back comes 40 ms late, as Nagle would have it."""

    async def carry(
        source: asyncio.StreamReader, target: asyncio.StreamWriter, delay_s: float
    ) -> None:
        while data := await source.read(65536):
            await asyncio.sleep(delay_s)
            target.write(data)
        target.close()

    connections: set[asyncio.Task[None]] = set()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())  # type: ignore[arg-type]
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(carry(reader, far_writer, 0.0), carry(far_reader, writer, DELAY_S))
        for end in (far_writer, writer):
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*connections)  # the server does not wait for what it accepted


async def test_a_quick_broker_is_ok_and_its_round_trip_is_told(broker: Broker) -> None:
    found = await check_broker("plant", MqttLink(kind="mqtt", port=broker.port))
    assert found.state is State.OK
    assert "MQTT 5: round trip p50" in found.found


async def test_a_broker_that_waits_is_a_warning_that_names_nagle(broker: Broker) -> None:
    async with slow_wire(broker.port) as port:
        found = await check_broker("plant", MqttLink(kind="mqtt", port=port))
    assert found.state is State.WARNING
    assert "set_tcp_nodelay true" in found.cure


async def test_a_broker_that_is_not_there_is_a_problem() -> None:
    found = await check_broker("plant", MqttLink(kind="mqtt", port=free_port()))
    assert found.state is State.PROBLEM
    assert "start the broker" in found.cure


async def test_every_link_of_a_line_is_dialled(broker: Broker) -> None:
    links: dict[str, MqttLink | OpcUaLink] = {
        "plant": MqttLink(kind="mqtt", port=broker.port),
        "plc": OpcUaLink(
            kind="opcua", endpoint=f"opc.tcp://127.0.0.1:{free_port()}", security="None"
        ),
    }
    found = {one.subject: one.state for one in await check_links(links)}
    assert found == {"plant": State.OK, "plc": State.PROBLEM}


async def test_a_box_without_a_line_measures_a_broker_of_its_own(tmp_path: Path) -> None:
    assert (await check_local_broker(tmp_path)).state is State.OK
