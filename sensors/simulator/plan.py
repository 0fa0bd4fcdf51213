"""What the simulated plant does: its links, stations, clocks, schedule and faults.

One plan is read by the PLC's process, by the stations' process and by whoever judges the outcome,
so that all agree without speaking to each other: part `k` (from 0) of a station arrives
`start_ns + (phase_s + k * period_s)` on the machine's monotonic clock, shows part `k mod n` of the
station's recording, and has sequence `k + 1`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sensors.wiring import Row

FaultKind = Literal[
    "silent", "late", "stuck", "looped", "clipped", "gaps", "clock_step", "clock_drift"
]


class PlanError(ValueError):
    """A plan that cannot be played: names the sensor and the cure."""


class DeviceClock(Row):
    """A free-running clock: stamp = (now - power_on) * (1 + drift) + offset."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0
    counts_from_power_on: bool = False  # else: epoch, wrong by offset_s
    uptime_s: float = 3600.0  # of a clock that counts from power-on, at the plan's start


class Fault(Row):
    """A sensor misbehaves from `start_s` after the plan's start, for `duration_s`."""

    sensor: str
    kind: FaultKind
    start_s: float = 0.0
    duration_s: float = 1e9
    # late, clock_step: s; looped: s that are shown again and again; clipped: share of the range;
    # gaps: share of blocks; clock_drift: ppm
    amount: float = 0.0


class SimulatedSensor(Row):
    """One device of a station and the wire it speaks on."""

    id: str
    sense: Literal["camera", "vibration", "audio"]
    topic: str | None = None  # over MQTT
    node: str | None = None  # over OPC UA, on the stations' own gateway server
    payload: Literal["messagepack", "json", "raw", "array"] = "messagepack"
    block_ms: float = 10.0
    clock: DeviceClock = DeviceClock()


class SimulatedStation(Row):
    """A test cell: what it plays, and how its parts are announced."""

    id: str
    recording: Path  # folder made by `record`
    sensors: tuple[SimulatedSensor, ...]
    phase_s: float = 0.0
    trigger_topic: str | None = None  # over MQTT; else by the PLC's OPC UA nodes
    recipes: Annotated[tuple[str, ...], Field(min_length=1)] = ("motor",)  # parts take turns
    part_ids: tuple[str, ...] = ()  # cycled; "" is a part nobody could read; none: all different

    def part_id(self, index: int) -> str:
        if self.part_ids:
            return self.part_ids[index % len(self.part_ids)]
        return f"{self.id}-{index + 1:06d}"

    def recipe(self, index: int) -> str:
        return self.recipes[index % len(self.recipes)]


class Server(Row):
    """An OPC UA server of the plant."""

    endpoint: str
    certificate_file: Path | None = None  # None: no security
    key_file: Path | None = None
    trusted_files: tuple[Path, ...] = ()
    username: str | None = None
    password: str | None = None


class Plan(Row):
    """The whole simulated plant."""

    start_ns: int  # monotonic
    seed: int = 0  # of the phases of the devices' block grids, and of lost blocks
    period_s: float  # of each station
    parts: int  # of each station; 0: without end
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883
    plc: Server
    gateway: Server | None = None  # of the sensors that speak OPC UA
    profile: Literal["fast", "slow"] = "fast"  # slow: 100 ms sampling, 500 ms publishing
    plc_clock: DeviceClock = DeviceClock()
    stations: tuple[SimulatedStation, ...]
    faults: tuple[Fault, ...] = ()
    ledger: Path  # JSON lines, written by the PLC: every trigger, echo and result
    ack: bool = True  # the PLC takes results; False: it never acknowledges

    def edge_ns(self, station: SimulatedStation, index: int) -> int:
        """Monotonic time at which part `index` stands in front of the sensors."""
        return self.start_ns + round((station.phase_s + index * self.period_s) * 1e9)


def read(path: Path) -> Plan:
    return Plan.model_validate_json(path.read_bytes())


def node(station: str, name: str) -> str:
    """NodeId of a station's variable on the simulated PLC."""
    return f"ns=2;s={station}.{name}"
