"""The simulated PLC as a process, and its broker, pulled out and put back."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from asyncua.client.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from sensors.simulator.plan import DeviceClock

from .conftest import MakePlan, Mosquitto, Spawn, wall_minus_monotonic_ns
from .desk import ledger, listening, read, until


async def test_a_killed_plc_goes_on_with_the_schedule(make_plan: MakePlan, spawn: Spawn) -> None:
    plan = make_plan(period_s=0.25)
    process = spawn("plc", plan)
    await until(lambda: len(ledger(plan, "trigger")) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = ledger(plan, "trigger")
    spawn("plc", plan)
    async with Client(plan.plc.endpoint) as client:
        await until(lambda: len(ledger(plan, "trigger")) >= len(before) + 2)
        ring = await read(client, "RingSequence")
    rows = ledger(plan, "trigger")
    sequences = [row["sequence"] for row in rows]
    assert sequences == sorted(set(sequences))  # none twice
    missed = rows[len(before)]["sequence"] - before[-1]["sequence"] - 1
    assert missed >= 2  # it was away for a second or more
    for row in rows:
        assert row["edge_ns"] == plan.start_ns + (row["sequence"] - 1) * 250_000_000
    known = [sequence for sequence in ring if sequence]
    assert known[: len(before) + 2] == sequences[: len(before) + 2]


class Listener:
    """A subscriber to MQTT triggers."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[int, dict[str, Any]]] = []
        self.is_subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("line/S1/trigger", qos=1)
        self._client.on_subscribe = lambda *_: self.is_subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self.messages.append((message.qos, json.loads(message.payload)))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listeners() -> Iterator[list[Listener]]:
    made: list[Listener] = []
    yield made
    for listener in made:
        listener.close()


@pytest.mark.alone  # its second listener must be there before the PLC has redialled
async def test_mqtt_triggers_outlive_an_absent_broker(
    make_plan: MakePlan, mosquitto: Mosquitto, listeners: list[Listener]
) -> None:
    plan = make_plan(
        period_s=0.4,
        broker_port=mosquitto.port,
        trigger_topic="line/S1/trigger",
        plc_clock=DeviceClock(offset_s=0.5),
    )
    epoch_ns = wall_minus_monotonic_ns()
    first = Listener(mosquitto.port)
    listeners.append(first)
    await asyncio.to_thread(first.is_subscribed.wait, 5)
    async with listening(plan):
        await until(lambda: len(first.messages) >= 2)
        mosquitto.kill()
        await until(lambda: len(ledger(plan, "trigger")) >= 4)
        mosquitto.start()
        second = Listener(mosquitto.port)
        listeners.append(second)

        def received() -> dict[int, dict[str, Any]]:
            both = first.messages + second.messages
            return {message["sequence"]: message for qos, message in both if qos == 1}

        announced = [row["sequence"] for row in ledger(plan, "trigger")]
        await until(lambda: set(announced) <= received().keys())
    for sequence, message in received().items():
        edge_ns = plan.start_ns + (sequence - 1) * 400_000_000
        assert message["part"] == f"S1-{sequence:06d}"
        assert message["recipe"] == "motor"
        assert message["t_ns"] == pytest.approx(edge_ns + epoch_ns + 500_000_000, abs=200_000)


def test_a_plc_ends_when_told(make_plan: MakePlan, spawn: Spawn) -> None:
    process = spawn("plc", make_plan(lead_s=60.0))
    process.terminate()
    assert process.wait(5) == 0


def test_a_process_of_the_plant_ends_with_its_parent() -> None:
    child = (
        "import asyncio; from sensors.simulator import process\n"
        "async def work():\n"
        "    process.say_ready()\n"
        "    await asyncio.sleep(60)\n"
        "process.live(work())\n"
    )
    parent = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE)\n"
        "assert child.stdout.readline() == b'ready\\n'\n"
        "print(child.pid)\n"
    )
    command = [sys.executable, "-c", parent, child]
    pid = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or _is_zombie(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the child outlived its parent")


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
