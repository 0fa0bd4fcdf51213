"""The two files of a trial: PLAN.json for the simulated plant, LINE.toml for the daemon. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.trial.setup import SENSES, Setup, sensor_id
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
RECIPE = "motor"
USER = "box"
TRIGGER_TAGS = {
    "sequence": "Sequence",
    "part": "PartId",
    "recipe": "Recipe",
    "ring_sequence": "RingSequence",
    "ring_part": "RingPartId",
    "ring_recipe": "RingRecipe",
    "ring_time": "RingTime",
}
HANDSHAKE_TAGS = {
    "heartbeat": "Heartbeat",
    "ready": "Ready",
    "busy": "Busy",
    "echo_part": "EchoPartId",
    "echo_sequence": "EchoSequence",
    "result": "Result",
    "defect_code": "DefectCode",
    "result_sequence": "ResultSequence",
    "late": "Late",
    "error_code": "ErrorCode",
    "result_ready": "ResultReady",
    "ack": "Ack",
}


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
            sensors=tuple(_sensor(setup, station, sense, chance) for sense in SENSES),
            phase_s=number * setup.period_s / setup.stations,
            recipe=RECIPE,
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
        gateway=_server(ports.gateway, keys, "gateway") if setup.transport == "opcua" else None,
        profile=setup.profile,
        plc_clock=_clock(chance),
        stations=stations,
        faults=setup.faults,
        ledger=ledger,
    )


def line(setup: Setup, ports: Ports, keys: Keys, detectors: Mapping[str, str]) -> dict[str, Any]:
    """LINE.toml's content; `detectors` names the bundle's detector of each sense."""
    links: dict[str, Any] = {
        "broker": {"kind": "mqtt", "port": ports.broker},
        "plc": _link(ports.plc, keys, "plc"),
    }
    if setup.transport == "opcua":
        links["gateway"] = _link(ports.gateway, keys, "gateway")
    return {
        "site": SITE,
        "line": LINE,
        "http": f"127.0.0.1:{ports.http}",
        "links": links,
        "publishing": {"link": "broker"},
        "storage": {"folder": "state"},
        "record": "recordings" if setup.is_recorded else None,
        "stations": [_station(setup, station, detectors) for station in setup.station_ids()],
    }


def topic(station: str, sense: str) -> str:
    return f"plant/{station}/{sense}"


def _sensor(setup: Setup, station: str, sense: str, chance: random.Random) -> SimulatedSensor:
    is_opcua = sense == "vibration" and setup.transport == "opcua"
    return SimulatedSensor(
        id=sensor_id(station, sense),
        sense=sense,  # type: ignore[arg-type]  # one of SENSES
        topic=None if is_opcua else topic(station, sense),
        node=node(station, sense) if is_opcua else None,
        clock=_clock(chance, counts_from_power_on=sense == "audio"),
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


def _link(port: int, keys: Keys, name: str) -> dict[str, Any]:
    box = keys.identities["box"]
    return {
        "kind": "opcua",
        "endpoint": f"opc.tcp://127.0.0.1:{port}",
        "security": "Basic256Sha256",
        "certificate_file": box.certificate_file,
        "key_file": box.key_file,
        "trusted_files": [keys.identities[name].certificate_file],
        "username": USER,
        "password_file": keys.password_file,
    }


def _station(setup: Setup, station: str, detectors: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": station,
        "bundles": {"*": setup.bundle},
        "trigger": {
            "link": "plc",
            "nodes": {k: node(station, tag) for k, tag in TRIGGER_TAGS.items()},
        },
        "plc": {
            "link": "plc",
            "nodes": {k: node(station, tag) for k, tag in HANDSHAKE_TAGS.items()},
        },
        "sensors": [_source(setup, station, sense, detectors[sense]) for sense in SENSES],
    }


def _source(setup: Setup, station: str, sense: str, detector: str) -> dict[str, Any]:
    is_opcua = sense == "vibration" and setup.transport == "opcua"
    wire = {"node": node(station, sense)} if is_opcua else {"topic": topic(station, sense)}
    return {
        "id": sensor_id(station, sense),
        "input": detector,
        "link": "gateway" if is_opcua else "broker",
        **wire,
        **({"offset_s": CAMERA_OFFSET_S} if sense == "camera" else {}),
    }
