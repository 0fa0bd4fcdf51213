"""How sensors and the plant are wired: rows of LINE.toml that the sessions of this package read.

Pure values: reading them opens nothing.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

LOOPBACK = ("127.0.0.1", "localhost", "::1")
NodeId = Annotated[str, Field(pattern=r"^(ns=\d+;)?[isgb]=.+$")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]


class Row(BaseModel):
    """A table of the configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MqttLink(Row):
    """A broker. Outside loopback it wants TLS and a login, unless `insecure` says otherwise."""

    kind: Literal["mqtt"]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None  # turns TLS on
    certificate_file: Path | None = None  # of this box, for mutual TLS
    key_file: Path | None = None
    max_payload: PositiveInt = 8 * 1024 * 1024  # bytes; larger ones are refused at the door
    insecure: bool = False

    @model_validator(mode="after")
    def _secure(self) -> "MqttLink":
        if self.host not in LOOPBACK and self.ca_file is None and not self.insecure:
            raise ValueError(
                f"host {self.host} is not this machine: set ca_file (TLS), or insecure = true"
            )
        return self


class OpcUaLink(Row):
    """An OPC UA server. Secure by default; `security = "None"` only without a password."""

    kind: Literal["opcua"]
    endpoint: Annotated[str, Field(pattern=r"^opc\.tcp://")]
    security: Literal["Basic256Sha256", "Aes256Sha256RsaPss", "None"] = "Basic256Sha256"
    certificate_file: Path | None = None  # of this box, PEM or DER
    key_file: Path | None = None  # PEM
    trusted_files: tuple[Path, ...] = ()  # server certificates this box trusts
    username: str | None = None
    password_file: Path | None = None
    publishing_ms: PositiveFloat = 5.0  # asked for; the granted one is checked and shown
    application_uri: str = "urn:edge:verdict"

    @model_validator(mode="after")
    def _secure(self) -> "OpcUaLink":
        if self.security == "None":
            if self.username or self.password_file:
                raise ValueError('security = "None" would send the password in clear')
            return self
        if not (self.certificate_file and self.key_file and self.trusted_files):
            raise ValueError(
                f"security {self.security} needs certificate_file, key_file and trusted_files"
            )
        return self


Link = Annotated[MqttLink | OpcUaLink, Field(discriminator="kind")]


class SensorSource(Row):
    """Where the blocks of one sensor come from, and what it promises of them."""

    id: Id  # unique on the whole box
    link: str | None = None  # name of a link; None for a camera wired to the box
    topic: str | None = None  # over MQTT
    node: NodeId | None = None  # over OPC UA
    camera: str | None = None  # any OpenCV source: rtsp://..., /dev/video0, a file
    payload: Literal["messagepack", "json", "raw", "array"] = "messagepack"
    unit: str = ""  # of array payloads, which do not say, and of raw ones that do not
    rate_hz: PositiveFloat | None = None  # likewise
    channels: PositiveInt = 1  # of array payloads: interleaved sample by sample
    scale: float = 1.0  # integer counts to SI
    stamp: Literal["first", "last"] = "first"  # sample that the source's time stamp marks
    stamp_offset_ms: float = 0.0  # added to the stamp: exposure middle, filter delay
    clock: Literal["free", "synchronised", "arrival"] = "free"

    @model_validator(mode="after")
    def _one_wire(self) -> "SensorSource":
        wires = [w for w in (self.topic, self.node, self.camera) if w is not None]
        if len(wires) != 1:
            raise ValueError("give one of topic (MQTT), node (OPC UA) or camera (wired)")
        if (self.link is None) != (self.camera is not None):
            raise ValueError("link names the broker or server of topic or node; a camera has none")
        if self.payload == "raw" and self.topic is None:
            raise ValueError(
                'payload = "raw" says what it is in MQTT 5 user properties, so it needs a topic; '
                'by node take "messagepack" or "array"'
            )
        if self.payload == "array" and self.node is None:
            raise ValueError(
                'payload = "array" is a value of an OPC UA node; by topic take "messagepack", '
                '"json" or "raw"'
            )
        return self


class TriggerNodes(Row):
    """OPC UA nodes by which a PLC announces parts; the ring is its last 16 triggers."""

    sequence: NodeId
    part: NodeId
    recipe: NodeId | None = None
    ring_sequence: NodeId | None = None  # UInt32[16]
    ring_part: NodeId | None = None  # String[16]
    ring_recipe: NodeId | None = None  # String[16]
    ring_time: NodeId | None = None  # DateTime[16]


class TriggerSource(Row):
    """How a station's parts are announced: an OPC UA PLC, or JSON over MQTT."""

    link: str
    nodes: TriggerNodes | None = None
    topic: str | None = None
    poll_ms: PositiveFloat | None = None  # read instead of subscribe, for servers without it
    clock: Literal["free", "synchronised", "arrival"] = "free"
    max_delay_s: PositiveFloat = 5.0  # how late a trigger may come and still find its data

    @model_validator(mode="after")
    def _one_wire(self) -> "TriggerSource":
        if (self.nodes is None) == (self.topic is None):
            raise ValueError("give nodes (OPC UA) or topic (MQTT)")
        return self


class HandshakeNodes(Row):
    """OPC UA nodes by which the verdict goes back to the PLC."""

    heartbeat: NodeId  # UInt32, +1 a second
    ready: NodeId  # Boolean
    busy: NodeId  # Boolean
    echo_part: NodeId  # String
    echo_sequence: NodeId  # UInt32
    result: NodeId  # Int16, Decision
    defect_code: NodeId  # Int16
    result_sequence: NodeId  # UInt32
    late: NodeId  # Boolean
    error_code: NodeId  # Int16
    result_ready: NodeId  # Boolean
    ack: NodeId  # UInt32, written by the PLC: the sequence it has taken
