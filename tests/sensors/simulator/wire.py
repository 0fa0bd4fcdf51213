"""What the tests of the simulated stations hear on the wire, and what they expect to hear."""

import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import numpy as np
import paho.mqtt.client as mqtt
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from sensors import recording
from sensors.simulator.plan import DeviceClock, Plan

from .conftest import wall_minus_monotonic_ns

RATES_HZ = {"vibration": 25_600, "audio": 16_000, "camera": 30}


class Heard(NamedTuple):
    """One message."""

    received_ns: int
    payload: bytes
    properties: dict[str, str]


class Ear:
    """A subscriber to every topic of the plant."""

    def __init__(self, port: int) -> None:
        self.heard: dict[str, list[Heard]] = {}
        subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=0)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(5)

    def blocks(self, topic: str) -> list[dict[str, Any]]:
        """MessagePack messages of a topic, with their arrival."""
        return [
            msgpack.unpackb(heard.payload) | {"received_ns": heard.received_ns}
            for heard in self.heard.get(topic, [])
        ]

    def wait(self, topic: str, until_ns: int) -> None:
        """Until something came on `topic` after a monotonic time."""
        deadline_s = time.monotonic() + 30
        while time.monotonic() < deadline_s:
            if self.heard.get(topic) and self.heard[topic][-1].received_ns > until_ns:
                return
            time.sleep(0.02)
        raise AssertionError(f"nothing on {topic}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        pairs = getattr(message.properties, "UserProperty", [])
        heard = Heard(time.monotonic_ns(), bytes(message.payload), dict(pairs))
        self.heard.setdefault(message.topic, []).append(heard)


def stamp_ns(clock: DeviceClock, plan: Plan, at_ns: int) -> float:
    """What a clock shows at a monotonic time: the closed form of the plan's docstring."""
    epoch_ns = wall_minus_monotonic_ns() + plan.start_ns
    zero_ns = clock.uptime_s * 1e9 * (1 + clock.drift_ppm * 1e-6)
    since_ns = at_ns - plan.start_ns
    shown_ns = (zero_ns if clock.counts_from_power_on else epoch_ns) + clock.offset_s * 1e9
    return shown_ns + since_ns * (1 + clock.drift_ppm * 1e-6)


def joined(blocks: list[dict[str, Any]]) -> NDArray[np.float32]:
    """Samples of blocks that follow each other, (channel, sample)."""
    pieces = [np.frombuffer(block["data"], "<f4").reshape(block["shape"]) for block in blocks]
    return np.concatenate(pieces, axis=1)


def recorded(folder: Path, index: int, sense: str) -> NDArray[np.float32]:
    """Half a second from the edge of recorded part `index` (from 0), (channel, sample)."""
    part = list(recording.read_parts(folder))[index]
    blocks = [msgpack.unpackb(block.payload) for block in part.blocks[sense]]
    lead = round(-blocks[0]["t0_ns"] * 1e-9 * RATES_HZ[sense])
    return joined(blocks)[:, lead : lead + RATES_HZ[sense] // 2]


def assert_plays(
    blocks: list[dict[str, Any]], edge_stamp_ns: float, sense: str, expected: NDArray[np.float32]
) -> None:
    """From the first sample at or after the edge, bit for bit.

    To the sample: the wall clock was not read at the same instant here and there.
    """
    rate_hz = RATES_HZ[sense]
    first = int(np.ceil((edge_stamp_ns - blocks[0]["t0_ns"]) * 1e-9 * rate_hz))
    heard = joined(blocks)
    for start in (first, first - 1, first + 1):
        if np.array_equal(heard[:, start : start + rate_hz // 2], expected):
            return
    raise AssertionError(f"{sense}: what was heard from the edge on is not the recorded part")
