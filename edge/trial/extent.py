"""When a block was taken and how long it is: all that the floor reads of a payload."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgpack

from sensors.plc import epoch_ns
from sensors.simulator.plan import SimulatedSensor
from sensors.simulator.pool import SENSES


class Extent(NamedTuple):
    """Of one block."""

    t0_ns: int  # by its device's clock
    samples: int  # of a picture: any number
    rate_hz: float


Read = Callable[[Any, Any], Extent]  # payload, and what the wire says beside it


def reader(sensor: SimulatedSensor) -> Read:
    """For the form in which a sensor sends."""
    if sensor.payload == "array":
        return _array_reader(sensor)
    return _READERS[sensor.payload]


def _array_reader(sensor: SimulatedSensor) -> Read:
    sense = SENSES[sensor.sense]

    def read(values: list[float], stamp: datetime) -> Extent:
        return Extent(epoch_ns(stamp), len(values) // sense.shape[0], float(sense.rate_hz))

    return read


def _of_map(block: Mapping[str, Any]) -> Extent:
    return Extent(block["t0_ns"], block["shape"][-1], block["rate_hz"])


def _of_pairs(pairs: list[tuple[str, str]]) -> Extent:
    said = dict(pairs)
    samples = int(said["shape"].rpartition(",")[2])
    return Extent(int(said["t0_ns"]), samples, float(said["rate_hz"]))


_READERS: dict[str, Read] = {
    "messagepack": lambda payload, _: _of_map(msgpack.unpackb(payload)),
    "json": lambda payload, _: _of_map(json.loads(payload)),
    "raw": lambda _, pairs: _of_pairs(pairs),
}
