"""LINE.toml of a trial: the daemon's side of what the plan says. Pure."""

from collections.abc import Mapping
from typing import Any

from edge.config import ANY_RECIPE
from edge.trial.plans import CAMERA_OFFSET_S, LINE, SITE, USER, Keys, Ports, has_gateway, wire_of
from edge.trial.setup import Setup, sensor_id
from sensors.simulator.plan import node
from sensors.simulator.pool import SENSES

UNWATCHED = {"probation": {"parts": 0}}  # of a machine that is busy with the plant, too
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


def tables(setup: Setup, ports: Ports, keys: Keys, detectors: Mapping[str, str]) -> dict[str, Any]:
    """LINE.toml's content; `detectors` names the bundle's detector of each sense."""
    links: dict[str, Any] = {
        "broker": {"kind": "mqtt", "port": ports.broker},
        "plc": _link(ports.plc, keys, "plc"),
    }
    if has_gateway(setup):
        links["gateway"] = _link(ports.gateway, keys, "gateway")
    return {
        "site": SITE,
        "line": LINE,
        "http": f"127.0.0.1:{ports.http}",
        "links": links,
        "publishing": {"link": "broker"},
        "budget": {"deadline_ms": setup.deadline_ms},
        "storage": {"folder": "state"},
        "engine": {"name": setup.engine},
        "record": "recordings" if setup.is_recorded else None,
        "stations": [_station(setup, station, detectors) for station in setup.station_ids()],
    }


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
        "bundles": setup.bundles(),
        **({"rules": {ANY_RECIPE: UNWATCHED}} if setup.stored else {}),
        "trigger": _trigger(setup, station),
        "plc": {
            "link": "plc",
            "nodes": {k: node(station, tag) for k, tag in HANDSHAKE_TAGS.items()},
        },
        "sensors": [
            _source(setup, station, name, detectors[sense])
            for name, sense in setup.senses().items()
        ],
    }


def _trigger(setup: Setup, station: str) -> dict[str, Any]:
    if setup.wires["trigger"].carrier == "mqtt":
        return {"link": "broker", **wire_of(setup, station, "trigger")}
    nodes = {k: node(station, tag) for k, tag in TRIGGER_TAGS.items()}
    return {"link": "plc", "nodes": nodes}


def _source(setup: Setup, station: str, name: str, detector: str) -> dict[str, Any]:
    sense = setup.senses()[name]
    wire, sent = setup.wires[sense], SENSES[sense]
    unsaid = {"unit": sent.unit, "rate_hz": float(sent.rate_hz), "channels": sent.shape[0]}
    return {
        "id": sensor_id(station, name),
        "input": detector,
        "link": "gateway" if wire.carrier == "opcua" else "broker",
        **wire_of(setup, station, name),
        "payload": wire.payload,
        **(unsaid if wire.payload == "array" else {}),
        **_offsets(setup, CAMERA_OFFSET_S if sense == "camera" else 0.0),
    }


def _offsets(setup: Setup, first_s: float) -> dict[str, Any]:
    if setup.windows > 1:
        return {"offsets_s": [round(first_s + after_s, 6) for after_s in setup.offsets_s]}
    return {"offset_s": first_s} if first_s else {}
