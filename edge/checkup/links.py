"""Whether brokers and servers answer, and how fast a broker hands a message back."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

from edge.checkup.finding import Finding, ok, problem, warning
from edge.trial.broker import HOST, Broker, find_mosquitto
from edge.trial.errors import TrialFailed
from edge.trial.figures import Spread, spread
from sensors.errors import LinkLost
from sensors.link import Message, dial_mqtt, dial_opcua
from sensors.wiring import MqttLink, OpcUaLink

ROUNDS = 60
PAYLOAD = bytes(4096)  # of the size that Nagle's algorithm holds back
PAUSE_S = 0.01
NAGLE_MS = 20.0  # a delayed acknowledgement takes 40; nothing healthy on a LAN takes half of it
ROUND_WITHIN_S = 5.0
LOCAL = "broker"  # subject of a broker that was started for the check

NAGLE_CURE = (
    "that is Nagle's algorithm waiting for a delayed acknowledgement: set `set_tcp_nodelay true` "
    "in mosquitto.conf (the broker's side; this box sets its own), or the network is busy"
)


async def check_links(links: Mapping[str, MqttLink | OpcUaLink]) -> list[Finding]:
    """Every link of a line, one after the other so that they do not slow each other down."""
    return [
        await (check_broker(name, link) if isinstance(link, MqttLink) else check_server(name, link))
        for name, link in links.items()
    ]


async def check_local_broker(folder: Path) -> Finding:
    """A broker of our own, for a box that has no line yet."""
    program = find_mosquitto()
    try:
        async with Broker(folder, program=program) as broker:
            link = MqttLink(kind="mqtt", host=HOST, port=broker.port)
            found = await check_broker(LOCAL, link)
    except TrialFailed as error:
        return problem(LOCAL, str(error), "end what holds the port, or install mosquitto again")
    if not program:
        return warning(LOCAL, f"amqtt; {found.found}", broker.lacks)
    return found


async def check_broker(name: str, link: MqttLink) -> Finding:
    """Round trips of 4 KiB at QoS 1 through a broker."""
    where = f"{link.host}:{link.port}"
    try:
        times, version = await _round_trips(link)
    except LinkLost as error:
        return problem(
            name, f"{where}: {error}", "start the broker; check host, port, login and certificates"
        )
    except TimeoutError:
        return problem(
            name,
            f"{where}: connected, but a message to our own topic never came back",
            "let this login publish and subscribe to edge-doctor-PID (the broker's access list)",
        )
    return judge_round_trips(name, f"{where}, {version}", times)


def judge_round_trips(name: str, where: str, times: Spread) -> Finding:
    found = f"{where}: round trip {times.in_words()}"
    return warning(name, found, NAGLE_CURE) if times.p50 > NAGLE_MS else ok(name, found)


async def check_server(name: str, link: OpcUaLink) -> Finding:
    """Dial an OPC UA server with the line's own certificate and login; read its clock."""
    try:
        async with dial_opcua(link) as client:
            before = time.perf_counter()
            await client.nodes.server_state.read_value()
            trip_ms = (time.perf_counter() - before) * 1e3
    except LinkLost as error:
        return problem(
            name,
            f"{link.endpoint}: {error}",
            "start the server; let it trust certificate_file, and this box trust the server's "
            "(trusted_files); check username and password_file",
        )
    return ok(name, f"{link.endpoint}, {link.security}: one read took {trip_ms:.1f} ms")


async def _round_trips(link: MqttLink) -> tuple[Spread, str]:
    back: asyncio.Queue[Message] = asyncio.Queue(ROUNDS)
    name = f"edge-doctor-{os.getpid()}"
    times_ms: list[float] = []
    async with dial_mqtt(link, client_id=name, on_message=back.put_nowait) as session:
        await session.subscribe(name, qos=1)
        for _ in range(ROUNDS):
            before_ns = time.monotonic_ns()
            async with asyncio.timeout(ROUND_WITHIN_S):
                await session.publish(name, PAYLOAD, qos=1)
                message = await back.get()
            times_ms.append((message.received_ns - before_ns) / 1e6)
            await asyncio.sleep(PAUSE_S)
        return spread(times_ms), "MQTT 5" if session.is_mqtt5 else "MQTT 3.1.1"
