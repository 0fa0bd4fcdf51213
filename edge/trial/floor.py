"""The least a verdict can take here: blocks heard by a bare subscriber, and the bare networks.

`python -m edge.trial.floor PLAN.json LINE.toml PARTS` hears the plan's first parts over the wires
that the daemon uses. When the block that holds the last needed sample of a sensor arrives, the
network of that sensor runs, at the parts' own cadence and on as many threads as the daemon has; one
that looks at pictures as they come has seen all but the last. No queue, no journal, no fusion, no
publishing. Which block that is, it knows from the plan: the devices' true clocks.

Prints `ready`, then one line of JSON: for every part the ms from its true window end to the
arrival of the last block, to the last answer, and the ms that its networks ran. It goes before
other programs, and keeps cores from deep sleep, as the daemon does.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from asyncua.ua import Double
from paho.mqtt.enums import CallbackAPIVersion

from edge import config, fit
from edge.awake import awake
from edge.config import Line
from edge.priority import NICENESS, go_first
from edge.store.choice import chosen
from edge.trial.rig import Rig, networks, owed, report
from edge.trial.witness import without_nagle
from sensors.link import dial_opcua
from sensors.simulator.plan import Plan, read
from sensors.simulator.process import live, say_ready
from sensors.wiring import OpcUaLink

LATE_S = 10.0  # after the last part: blocks that are not here by then were lost
PUBLISHING_MS = 5.0
QUEUE = 100  # notifications that the server keeps of one node


async def listen(plan: Plan, line: Line, parts: int) -> None:
    """Hear the plan's first parts, then print what was measured."""
    one = next(iter(fit.check_bundles(line).values()))
    timings, needs = owed(plan, line, one, parts)
    done, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        loop.call_soon_threadsafe(done.set)

    opened = await asyncio.to_thread(networks, line, one)
    with Rig(timings, needs, opened, tell, line.engine.workers) as rig:
        client = subscribe(plan, rig)
        gateway = line.links.get("gateway")
        if isinstance(gateway, OpcUaLink):
            async with dial_opcua(gateway) as session:
                nodes = [s.node for station in plan.stations for s in station.sensors if s.node]
                subscription = await session.create_subscription(PUBLISHING_MS, Heard(rig))
                await subscription.subscribe_data_change(
                    [session.get_node(node) for node in nodes],
                    queuesize=QUEUE,
                    sampling_interval=Double(0.0),
                )
                await until_done(plan, done, parts)
        else:
            await until_done(plan, done, parts)
        client.disconnect()
        client.loop_stop()
    sys.stdout.write(json.dumps(report(timings)) + "\n")


class Heard:
    """asyncua's handler: every change is a block."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        if value:
            stamp = data.monitored_item.Value.SourceTimestamp
            self._rig.arrived(node.nodeid.to_string(), value, stamp)


def subscribe(plan: Plan, rig: Rig) -> mqtt.Client:
    """A paho client on a thread of its own, QoS 0 as the devices send.

    MQTT 5 where payloads are raw, else 3.1.1, which every broker speaks.
    """
    sensors = [s for station in plan.stations for s in station.sensors]
    topics = [(s.topic, 0) for s in sensors if s.topic]
    is_5 = any(s.payload == "raw" for s in sensors)
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        "trial-floor",
        protocol=mqtt.MQTTv5 if is_5 else mqtt.MQTTv311,
    )

    def connected(*_: Any) -> None:
        if topics:
            client.subscribe(topics)

    def heard(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        beside = getattr(message.properties, "UserProperty", ())
        rig.arrived(message.topic, bytes(message.payload), beside)

    client.on_socket_open = without_nagle
    client.on_connect = connected
    client.on_message = heard
    client.connect(plan.broker_host, plan.broker_port)
    client.loop_start()
    return client


async def until_done(plan: Plan, done: asyncio.Event, parts: int) -> None:
    """Every part answered, or hopeless."""
    say_ready()
    last_ns = max(plan.edge_ns(station, parts - 1) for station in plan.stations)
    with suppress(TimeoutError):
        async with asyncio.timeout((last_ns - time.monotonic_ns()) / 1e9 + LATE_S):
            await done.wait()


def _main(plan: Path, line_file: Path, parts: int) -> None:
    line = chosen(config.read(line_file))
    go_first(NICENESS)
    with awake(line.budget.wake_us):
        live(listen(read(plan), line, parts))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
