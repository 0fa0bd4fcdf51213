"""Plays every sensor of the plan in real time, over MQTT and OPC UA.

One schedule for all devices, absolute, so that nothing drifts: the next block to fall due is
waited for, cut, encoded and sent. A device queues nothing: what its wire does not take is dropped.
"""

import asyncio
import contextlib
import heapq
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sensors import codec
from sensors.block import Block
from sensors.simulator import pool, process, server
from sensors.simulator.broker import Broker
from sensors.simulator.devices import Device, devices_of
from sensors.simulator.faults import unknown_sensors
from sensors.simulator.gateway import Gateway
from sensors.simulator.plan import Plan, PlanError, SimulatedSensor
from sensors.simulator.timepiece import epoch_at

TAIL_S = 3.0  # of streaming after the last part
Send = Callable[[Block], Awaitable[None]]


async def play(plan: Plan) -> None:
    """Stream until cancelled, or until a while after the plan's last part."""
    check(plan)
    pools = await asyncio.to_thread(_load, plan)
    start_epoch_ns = epoch_at(plan.start_ns)
    devices = [
        device
        for station in plan.stations
        for device in devices_of(plan, station, pools[station.recording], start_epoch_ns)
    ]
    sensors = [device.sensor for device in devices]
    async with contextlib.AsyncExitStack() as stack:
        gateway = Gateway(plan)
        if plan.gateway is not None:
            serving = server.serving(plan.gateway, "simulated gateway", gateway.create)
            await stack.enter_async_context(serving)
        broker = Broker(
            plan.broker_host,
            plan.broker_port,
            f"stations-{plan.start_ns}",
            version5=any(sensor.payload == "raw" for sensor in sensors),
        )
        if any(sensor.topic for sensor in sensors):
            await stack.enter_async_context(broker)
        outlets = {s.id: gateway.write if s.node else _mqtt_outlet(broker, s) for s in sensors}
        schedule = Schedule(devices, outlets)
        process.say_ready()
        try:
            await schedule.run(_end_ns(plan))
        finally:
            sys.stderr.write(
                f"stations: {gateway.sent} blocks over OPC UA, {broker.sent} over MQTT, "
                f"{broker.dropped} dropped; at worst {schedule.worst_ns * 1e-6:.1f} ms behind\n"
            )


def check(plan: Plan) -> None:
    """Raises PlanError."""
    if names := unknown_sensors(plan, plan.faults):
        raise PlanError(f"faults name sensors that no station has: {', '.join(sorted(names))}")
    for station in plan.stations:
        for sensor in station.sensors:
            if (sensor.topic is None) == (sensor.node is None):
                raise PlanError(f"sensor {sensor.id}: give one of topic (MQTT) or node (OPC UA)")
            if sensor.node and plan.gateway is None:
                raise PlanError(f"sensor {sensor.id}: its node needs the plan's gateway")
            allowed = ("messagepack", "array") if sensor.node else _PACKERS
            if sensor.payload not in allowed:
                raise PlanError(f"sensor {sensor.id}: payload {sensor.payload} is not of its wire")


class Schedule:
    """Who sends next, and when."""

    def __init__(self, devices: list[Device], outlets: dict[str, Send]) -> None:
        self._devices = devices
        self._outlets = outlets
        self._count = 0
        # (when, order, who: its next block; or what: a block held back)
        self._heap: list[tuple[int, int, Device | Block]] = []
        self.worst_ns = 0

    async def run(self, end_ns: int | None) -> None:
        now_ns = time.monotonic_ns()
        for device in self._devices:
            device.start(now_ns)
            self._push(device.due_ns, device)
        while self._heap and (end_ns is None or self._heap[0][0] < end_ns):
            due_ns, _, item = heapq.heappop(self._heap)
            await asyncio.sleep(max(0.0, (due_ns - time.monotonic_ns()) * 1e-9))
            self.worst_ns = max(self.worst_ns, time.monotonic_ns() - due_ns)
            if isinstance(item, Device):
                await self._take(item, due_ns)
            else:
                await self._outlets[item.sensor](item)

    async def _take(self, device: Device, due_ns: int) -> None:
        block, send_ns, _ = device.take()
        self._push(device.due_ns, device)
        if block is None:
            return
        if send_ns > due_ns:
            self._push(send_ns, block)
        else:
            await self._outlets[block.sensor](block)

    def _push(self, when_ns: int, item: Device | Block) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when_ns, self._count, item))


def _load(plan: Plan) -> dict[Path, pool.Pool]:
    """Every recording of the plan, once."""
    pools: dict[Path, pool.Pool] = {}
    for folder in dict.fromkeys(station.recording for station in plan.stations):
        left = pool.MAX_BYTES - sum(loaded.size for loaded in pools.values())
        pools[folder] = pool.load(folder, left)
    return pools


def _mqtt_outlet(broker: Broker, sensor: SimulatedSensor) -> Send:
    topic, pack = sensor.topic or "", _PACKERS[sensor.payload]

    async def send(block: Block) -> None:
        broker.publish(topic, *pack(block))

    return send


_PACKERS: dict[str, Callable[[Block], tuple[bytes] | tuple[bytes, dict[str, str]]]] = {
    "messagepack": lambda block: (codec.pack(block),),
    "json": lambda block: (codec.pack_json(block),),
    "raw": codec.pack_raw,
}


def _end_ns(plan: Plan) -> int | None:
    if plan.parts == 0:
        return None
    last = max(plan.edge_ns(station, plan.parts) for station in plan.stations)
    return last + round(TAIL_S * 1e9)
