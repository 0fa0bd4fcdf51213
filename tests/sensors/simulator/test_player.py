"""The stations' process on a real broker and a real OPC UA server, heard by independent clients."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import numpy as np
import pytest
from asyncua.client.client import Client

from sensors import codec, recording
from sensors.simulator.plan import DeviceClock, Plan, Server, SimulatedSensor
from sensors.wiring import SensorSource

from .conftest import MakePlan, Mosquitto, Spawn, free_port, next_part, plan_of, started
from .desk import epoch_us
from .wire import Ear, assert_plays, recorded, stamp_ns

FAST = DeviceClock(offset_s=1.5, drift_ppm=50.0)
SLOW = DeviceClock(offset_s=-2.0, drift_ppm=-50.0)
YOUNG = DeviceClock(drift_ppm=20.0, counts_from_power_on=True, uptime_s=100.0)
VIBRATION = SimulatedSensor(id="vib", sense="vibration", topic="S1/vib", clock=FAST)
AUDIO = SimulatedSensor(id="mic", sense="audio", topic="S1/mic", clock=YOUNG, block_ms=20.0)
CAMERA = SimulatedSensor(id="cam", sense="camera", topic="S1/cam", clock=SLOW)


FORMS = [
    VIBRATION.model_copy(update={"id": form, "topic": f"S1/{form}", "payload": form})
    for form in ("json", "raw")
]
PERIOD_NS = 700_000_000


@pytest.fixture
def ear(mosquitto: Mosquitto) -> Iterator[Ear]:
    listener = Ear(mosquitto.port)
    yield listener
    listener.close()


class Show(NamedTuple):
    """One run of the stations, as it was heard from before part `first` to after three more."""

    plan: Plan
    ear: Ear
    first: int

    @property
    def parts(self) -> range:
        return range(self.first, self.first + 4)

    def edge_stamp_ns(self, sensor: SimulatedSensor, index: int) -> float:
        return stamp_ns(sensor.clock, self.plan, self.plan.start_ns + index * PERIOD_NS)


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory, pool_folder: Path) -> Show:
    folder = tmp_path_factory.mktemp("show")
    sensors = (VIBRATION, AUDIO, CAMERA, *FORMS)
    mosquitto = Mosquitto(folder)
    given = {"broker_port": mosquitto.port, "period_s": PERIOD_NS * 1e-9, "seed": 3}
    with contextlib.ExitStack() as stack:
        stack.callback(mosquitto.kill)
        mosquitto.start()
        ear = Ear(mosquitto.port)
        stack.callback(ear.close)
        plan = plan_of(folder, pool_folder, *sensors, **given)
        process = started(folder, "stations", plan)
        stack.callback(process.communicate)
        stack.callback(process.kill)
        ear.wait("S1/vib", 0)
        show = Show(plan, ear, next_part(plan))
        ear.wait("S1/vib", plan.start_ns + (show.first + 4) * PERIOD_NS)
    return show


def test_waveforms_on_the_wire_are_the_recorded_ones(show: Show, pool_folder: Path) -> None:
    for sensor, index in itertools.product((VIBRATION, AUDIO), show.parts):
        expected = recorded(pool_folder, index % 3, sensor.sense)
        blocks = show.ear.blocks(sensor.topic or "")
        assert_plays(blocks, show.edge_stamp_ns(sensor, index), sensor.sense, expected)


def test_a_picture_is_the_recorded_one_nearest_in_time(show: Show, pool_folder: Path) -> None:
    parts = list(recording.read_parts(pool_folder))
    for index in show.parts:
        kept = [msgpack.unpackb(block.payload) for block in parts[index % 3].blocks["camera"]]
        edge_stamp_ns, seen = show.edge_stamp_ns(CAMERA, index), 0
        for picture in show.ear.blocks("S1/cam"):
            since_ns = picture["t0_ns"] - edge_stamp_ns
            if 0 <= since_ns < 500_000_000:
                nearest = min((abs(one["t0_ns"] - since_ns), one["data"]) for one in kept)
                assert picture["data"] == nearest[1]
                seen += 1
        assert seen == 15


def test_stamps_follow_the_devices_own_clock(show: Show) -> None:
    phases = []
    for sensor, step_ns in ((VIBRATION, 1e7), (AUDIO, 2e7), (CAMERA, 1e9 / 30)):
        blocks = show.ear.blocks(sensor.topic or "")
        assert [block["seq"] for block in blocks] == list(range(len(blocks)))
        for block in blocks:
            since_first = block["t0_ns"] - blocks[0]["t0_ns"]
            assert since_first == pytest.approx(block["seq"] * step_ns, abs=1)
        phases.append((blocks[0]["t0_ns"] - show.edge_stamp_ns(sensor, 0)) / step_ns % 1.0)
    assert len({round(phase, 2) for phase in phases}) == 3  # no two grids lie alike


def test_a_block_comes_when_its_last_sample_is_over(show: Show) -> None:
    for sensor, length_ns in ((VIBRATION, 1e7), (AUDIO, 2e7), (CAMERA, 0.0)):
        ages_ms = [
            (stamp_ns(sensor.clock, show.plan, block["received_ns"]) - block["t0_ns"]) * 1e-6
            for block in show.ear.blocks(sensor.topic or "")
        ]
        assert min(ages_ms) > length_ns * 1e-6 - 0.05
        assert np.median(ages_ms) < length_ns * 1e-6 + 5.0


def test_an_empty_fixture_is_quiet(show: Show) -> None:
    parts, between = [], []
    for block in show.ear.blocks("S1/vib"):
        since_edge_s = (block["t0_ns"] - show.edge_stamp_ns(VIBRATION, 0)) % PERIOD_NS * 1e-9
        rms = float(np.sqrt(np.mean(np.frombuffer(block["data"], "<f4") ** 2)))
        if since_edge_s < 0.5:
            parts.append(rms)
        elif 0.54 < since_edge_s < 0.65:
            between.append(rms)
    assert len(parts) > 190
    assert len(between) > 30
    assert min(parts) > 3 * max(between)


def test_every_payload_says_the_same(show: Show, pool_folder: Path) -> None:
    for row in FORMS:
        source = SensorSource(id=row.id, link="any", topic="any", payload=row.payload)
        blocks = []
        for heard in show.ear.heard[f"S1/{row.id}"]:
            block = codec.unpack(heard.payload, heard.properties, source)
            assert (block.unit, block.rate_hz) == ("m/s2", 25_600.0)
            blocks.append({"t0_ns": block.t0_ns, "data": block.data, "shape": block.shape})
        expected = recorded(pool_folder, show.first % 3, "vibration")
        assert_plays(blocks, show.edge_stamp_ns(row, show.first), "vibration", expected)


class Values:
    """What a subscription was told, stamps with it."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, int]] = []

    def datachange_notification(self, _node: Any, value: Any, data: Any) -> None:
        if value is not None:
            stamp_us = epoch_us(data.monitored_item.Value.SourceTimestamp)
            self.rows.append((value, stamp_us))


async def test_vibration_comes_over_opc_ua_as_blocks_and_as_plain_arrays(
    make_plan: MakePlan, spawn: Spawn, pool_folder: Path
) -> None:
    rows = [
        SimulatedSensor(id=form, sense="vibration", node=f"ns=2;s={form}", payload=form, clock=FAST)
        for form in ("messagepack", "array")
    ]
    gateway = Server(endpoint=f"opc.tcp://127.0.0.1:{free_port()}")
    plan = make_plan(*rows, gateway=gateway)
    process = await asyncio.to_thread(spawn, "stations", plan)
    seen = {"messagepack": Values(), "array": Values()}
    async with Client(gateway.endpoint) as client:
        for form, values in seen.items():
            subscription = await client.create_subscription(5, values)
            variable = client.get_node(f"ns=2;s={form}")
            await subscription.subscribe_data_change(variable, queuesize=200)
        index = next_part(plan)
        edge_ns = plan.edge_ns(plan.stations[0], index)
        await asyncio.sleep((edge_ns - time.monotonic_ns()) * 1e-9 + 0.65)
    process.terminate()
    edge_stamp_ns = stamp_ns(FAST, plan, edge_ns)
    expected = recorded(pool_folder, index % 3, "vibration")
    blocks = [msgpack.unpackb(value) for value, _ in seen["messagepack"].rows]
    assert_plays(blocks, edge_stamp_ns, "vibration", expected)
    for block, (_, stamp_us) in zip(blocks, seen["messagepack"].rows, strict=True):
        assert stamp_us == block["t0_ns"] // 1000
    arrays = []
    for value, stamp_us in seen["array"].rows:
        data = np.array(value, "<f4").reshape(-1, 3).T  # channels interleaved
        arrays.append({"t0_ns": stamp_us * 1000, "data": data.tobytes(), "shape": data.shape})
    stamps = [stamp_us for _, stamp_us in seen["array"].rows]
    steps = [after - before for before, after in itertools.pairwise(stamps)]
    assert steps == pytest.approx([10_000] * len(steps), abs=1)
    assert_plays(arrays, edge_stamp_ns, "vibration", expected)


def test_a_device_queues_nothing_while_the_broker_is_away(
    make_plan: MakePlan, spawn: Spawn, mosquitto: Mosquitto, ear: Ear
) -> None:
    plan = make_plan(VIBRATION, broker_port=mosquitto.port)
    process = spawn("stations", plan)
    ear.wait("S1/vib", 0)
    mosquitto.kill()
    time.sleep(1.0)
    mosquitto.start()
    back_ns = time.monotonic_ns()
    second = Ear(mosquitto.port)
    second.wait("S1/vib", back_ns)
    returned_s = (second.heard["S1/vib"][0].received_ns - back_ns) * 1e-9
    ear.close()
    time.sleep(0.3)
    second.close()
    assert returned_s < 3.0
    blocks = second.blocks("S1/vib")
    lost = blocks[0]["seq"] - ear.blocks("S1/vib")[-1]["seq"] - 1
    assert lost >= 90  # the second without a broker
    assert [b["seq"] - a["seq"] for a, b in itertools.pairwise(blocks)] == [1] * (len(blocks) - 1)
    for block in blocks:
        age_ns = stamp_ns(FAST, plan, block["received_ns"]) - block["t0_ns"]
        assert age_ns < 500_000_000  # nothing old comes
    process.terminate()
    assert process.wait(5) == 0


def test_the_stations_end_by_themselves_after_the_last_part(
    make_plan: MakePlan, spawn: Spawn, mosquitto: Mosquitto
) -> None:
    plan = make_plan(VIBRATION, broker_port=mosquitto.port, parts=1, period_s=0.5, lead_s=-2.0)
    process = spawn("stations", plan)
    assert process.wait(10) == 0
    over_s = (time.monotonic_ns() - plan.start_ns) * 1e-9
    assert 3.4 <= over_s < 15.0
