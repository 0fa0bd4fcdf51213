"""A real broker, real recordings and real processes for the simulated plant."""

import contextlib
import functools
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sensors.simulator import record
from sensors.simulator.plan import Plan, Server, SimulatedSensor, SimulatedStation

POOL_PARTS = 3
ORDER = record.Order(parts=POOL_PARTS, station=0, seed=7)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wall_minus_monotonic_ns() -> int:
    """Between two clocks; who is interrupted between the two readings sees less."""
    return max(time.time_ns() - time.monotonic_ns() for _ in range(50))


class Mosquitto:
    """A broker that can be pulled out and put back."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen(
            [program, "-c", str(self._config)], stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise RuntimeError("mosquitto does not listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def pool_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool") / "station0"
    record.record(folder, ORDER, jobs=1)
    return folder


MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(tmp_path: Path, pool_folder: Path) -> MakePlan:
    """A plan of one station; every key may be given."""
    return functools.partial(plan_of, tmp_path, pool_folder)


def plan_of(
    folder: Path, pool_folder: Path, *sensors: SimulatedSensor, lead_s: float = 0.0, **given: Any
) -> Plan:
    station = {
        key: given.pop(key)
        for key in ("phase_s", "trigger_topic", "recipes", "part_ids")
        if key in given
    }
    facts: dict[str, Any] = {
        "start_ns": time.monotonic_ns() + round(lead_s * 1e9),
        "period_s": 0.5,
        "parts": 0,
        "plc": Server(endpoint=f"opc.tcp://127.0.0.1:{free_port()}"),
        "stations": (SimulatedStation(id="S1", recording=pool_folder, sensors=sensors, **station),),
        "ledger": folder / "ledger.jsonl",
    }
    return Plan(**(facts | given))


Spawn = Callable[[str, Plan], "subprocess.Popen[str]"]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start a process of the plant; it is up when this returns."""
    running: list[subprocess.Popen[str]] = []

    def start(command: str, plan: Plan) -> "subprocess.Popen[str]":
        process = started(tmp_path, command, plan)
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def next_part(plan: Plan) -> int:
    """Index of the next part of the first station, a little from now."""
    station, index = plan.stations[0], 0
    while plan.edge_ns(station, index) < time.monotonic_ns() + 100_000_000:
        index += 1
    return index


def started(folder: Path, command: str, plan: Plan) -> "subprocess.Popen[str]":
    path = folder / "plan.json"
    path.write_text(plan.model_dump_json())
    process = subprocess.Popen(
        [sys.executable, "-m", "sensors.simulator", command, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process
