"""The least a verdict can take here: blocks heard by a bare subscriber, and the bare networks.

`python -m edge.trial.floor PLAN.json LINE.toml PARTS` hears the plan's first parts over the wires
that the daemon uses. When the block that holds the last needed sample of a sensor arrives, the
network of that sensor runs, on one thread, at the parts' own cadence. No queue, no journal, no
fusion, no publishing. Which block that is, it knows from the plan: the devices' true clocks.

Prints `ready`, then one line of JSON: for every part the ms from its true window end to the
arrival of the last block, to the last answer, and the ms that its networks ran.
"""

import asyncio
import json
import queue
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import paho.mqtt.client as mqtt
from asyncua import ua
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from edge import bundle, config
from edge.bundle import Bundle, Detector
from edge.config import Line
from edge.inference.runner import Runner, opener
from edge.trial import plans
from edge.trial.witness import without_nagle
from sensors.link import dial_opcua
from sensors.simulator.plan import Plan, SimulatedSensor, SimulatedStation, read
from sensors.simulator.timepiece import Timepiece, epoch_at
from sensors.wiring import OpcUaLink

LATE_S = 10.0  # after the last part: blocks that are not here by then were lost
PUBLISHING_MS = 5.0
QUEUE = 100

Part = tuple[str, int]  # station, index


@dataclass(slots=True)
class Needed:
    """What one sensor still owes, part by part, and its device's true clock."""

    sensor: SimulatedSensor
    clock: Timepiece
    detector: str
    pending: deque[tuple[int, Part]]  # monotonic time that a block must reach, part

    def reached(self, block: dict[str, Any]) -> list[Part]:
        """Parts that this block completes."""
        samples = 0 if self.sensor.sense == "camera" else block["shape"][-1]
        duration_ns = round(samples * 1e9 / block["rate_hz"])
        end_ns = self.clock.instant(block["t0_ns"] + duration_ns)
        done: list[Part] = []
        while self.pending and self.pending[0][0] <= end_ns:
            done.append(self.pending.popleft()[1])
        return done


@dataclass(slots=True)
class Timing:
    """Of one part."""

    end_ns: int  # true window end
    owed: int
    arrived_ns: int = 0
    answered_ns: int = 0
    running_ns: int = 0


@dataclass(slots=True)
class Bench:
    """Blocks in, timings out; the networks run on a thread of their own."""

    timings: dict[Part, Timing]
    runners: dict[str, tuple[Runner, NDArray[Any]]]
    work: "queue.SimpleQueue[tuple[Part, str, int] | None]" = field(
        default_factory=queue.SimpleQueue
    )
    done: threading.Event = field(default_factory=threading.Event)

    def arrived(self, needed: Needed, payload: bytes, received_ns: int) -> None:
        for part in needed.reached(msgpack.unpackb(payload)):
            self.work.put((part, needed.detector, received_ns))

    def run(self) -> None:
        """Answer until every part is, or None is put."""
        left = sum(timing.owed for timing in self.timings.values())
        while left and (job := self.work.get()) is not None:
            part, detector, received_ns = job
            runner, golden = self.runners[detector]
            before_ns = time.monotonic_ns()
            runner.run(golden)
            now_ns = time.monotonic_ns()
            timing = self.timings[part]
            timing.arrived_ns = max(timing.arrived_ns, received_ns)
            timing.answered_ns = now_ns
            timing.running_ns += now_ns - before_ns
            timing.owed -= 1
            left -= 1
        self.done.set()
