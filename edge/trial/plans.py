"""PLAN.json of a trial: what the simulated plant does, over which wires. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.trial.setup import Setup, sensor_id
from sensors.simulator.pki import Identity
from sensors.simulator.plan import (
    DeviceClock,
    Plan,
    Server,
    SimulatedSensor,
    SimulatedStation,
    node,
)

SITE, LINE = "demo", "line1"
VERDICTS = f"{SITE}/{LINE}/+/verdict"
CAMERA_OFFSET_S = 0.0167  # half a picture: the nearest pictures then lie within the window
MAX_OFFSET_S = 2.0  # of a device's clock
MAX_DRIFT_PPM = 50.0
USER = "box"


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of one trial."""

    broker: int
    plc: int
    gateway: int
    http: int


@dataclass(frozen=True, slots=True)
class Keys:
    """Who may speak to whom: identities of the box and of both servers, and the box's login."""

    identities: Mapping[str, Identity]  # box, plc, gateway
    password: str
    password_file: Path


def plan(
    setup: Setup,
    ports: Ports,
    keys: Keys,
    recordings: Sequence[Path],  # one of each station
    *,
    ledger: Path,
    start_ns: int,
) -> Plan:
    """What the plant does: stations take turns evenly, every device has a clock of its own."""
    chance = random.Random(f"clocks {setup.seed}")
    ids = setup.station_ids()
    stations = tuple(
        SimulatedStation(
            id=station,
            recording=recording,
            sensors=tuple(_sensor(setup, station, name, chance) for name in setup.senses()),
            phase_s=number * setup.period_s / setup.stations,
            trigger_topic=wire_of(setup, station, "trigger").get("topic"),
            recipes=setup.recipe_names(),
        )
        for number, (station, recording) in enumerate(zip(ids, recordings, strict=True))
    )
    return Plan(
        start_ns=start_ns,
        seed=setup.seed,
        period_s=setup.period_s,
        parts=setup.parts_per_station,
        broker_port=ports.broker,
        plc=_server(ports.plc, keys, "plc"),
        gateway=_server(ports.gateway, keys, "gateway") if has_gateway(setup) else None,
        profile=setup.profile,
        plc_clock=_clock(chance),
        stations=stations,
        faults=setup.faults,
        ledger=ledger,
    )


def topic(station: str, name: str) -> str:
    return f"plant/{station}/{name}"


def has_gateway(setup: Setup) -> bool:
    """Some sensor speaks OPC UA."""
    return any(setup.wires[sense].carrier == "opcua" for sense in setup.senses().values())


def wire_of(setup: Setup, station: str, name: str) -> dict[str, str]:
    """Where a sensor, or the trigger, speaks: the same words as in LINE.toml."""
    if setup.wires[setup.senses().get(name, name)].carrier == "mqtt":
        return {"topic": topic(station, name)}
    return {"node": node(station, name)}


def _sensor(setup: Setup, station: str, name: str, chance: random.Random) -> SimulatedSensor:
    sense = setup.senses()[name]
    return SimulatedSensor.model_validate(
        {
            "id": sensor_id(station, name),
            "sense": sense,
            **wire_of(setup, station, name),
            "payload": setup.wires[sense].payload,
            "block_ms": setup.block_ms,
            "clock": _clock(chance, counts_from_power_on=sense == "audio"),
        }
    )


def _clock(chance: random.Random, *, counts_from_power_on: bool = False) -> DeviceClock:
    return DeviceClock(
        offset_s=round(chance.uniform(-MAX_OFFSET_S, MAX_OFFSET_S), 6),
        drift_ppm=round(chance.uniform(-MAX_DRIFT_PPM, MAX_DRIFT_PPM), 3),
        counts_from_power_on=counts_from_power_on,
    )


def _server(port: int, keys: Keys, name: str) -> Server:
    own, box = keys.identities[name], keys.identities["box"]
    return Server(
        endpoint=f"opc.tcp://127.0.0.1:{port}",
        certificate_file=own.certificate_file,
        key_file=own.key_file,
        trusted_files=(box.certificate_file,),
        username=USER,
        password=keys.password,
    )
