"""LINE.toml: one production line, its links, its stations and what each sensor feeds.

Frozen types; an unknown key is an error; reading opens no connection.
"""

import tomllib
from collections import Counter
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from edge.errors import ConfigError
from edge.live.rules import Rules
from sensors.wiring import HandshakeNodes, Id, Link, Row, SensorSource, TriggerSource

ANY_RECIPE = "*"
STORED = "store:"  # and a bundle's name: the version of it that was promoted for the place
MAX_WINDOWS = 8  # of one sensor on one part
SHIPPED = Path(__file__).parent / "bundles"


class Sensor(SensorSource):
    """A sensor of a station, and the detector input it feeds."""

    input: str  # name of a detector of the bundle
    offset_s: float = 0.0  # from the trigger's edge to the window's start
    offsets_s: tuple[float, ...] = ()  # to the start of each of several windows of a part
    on_missing: Literal["inspect", "accept"] = "inspect"
    on_foreign: Literal["inspect", "accept"] = "inspect"  # accept: what looks foreign is missing

    @model_validator(mode="after")
    def _windowed(self) -> "Sensor":
        if not self.offsets_s:
            return self
        if self.offset_s:
            raise ValueError(
                f"offset_s and offsets_s: of {self.id} both are given; remove offset_s and let "
                "offsets_s hold the start of every window"
            )
        if not 2 <= len(self.offsets_s) <= MAX_WINDOWS:
            raise ValueError(
                f"offsets_s: {len(self.offsets_s)} window(s); give 2 to {MAX_WINDOWS} starts, or "
                "offset_s for one window"
            )
        if any(later <= earlier for earlier, later in pairwise(self.offsets_s)):
            raise ValueError(
                f"offsets_s: {list(self.offsets_s)} do not rise; write them in order of time, each "
                "once"
            )
        return self

    @property
    def offsets(self) -> tuple[float, ...]:
        """Of every window of a part, seconds from the trigger's edge to its start."""
        return self.offsets_s or (self.offset_s,)


class PlcHandshake(Row):
    """The mailbox of one station on a PLC."""

    link: str
    nodes: HandshakeNodes
    ack_timeout_s: PositiveFloat = 1.0


class Station(Row):
    """One place where parts are inspected."""

    id: Id
    bundles: dict[str, Path] = Field(min_length=1)  # by recipe; "*" for every other
    rules: dict[str, Rules] = Field(default_factory=dict)  # by recipe: of bundles from the store
    trigger: TriggerSource
    plc: PlcHandshake | None = None
    sensors: tuple[Sensor, ...] = Field(min_length=1)

    def bundle_for(self, recipe: str) -> Path | None:
        return self.bundles.get(recipe, self.bundles.get(ANY_RECIPE))

    def rules_for(self, recipe: str) -> Rules:
        return self.rules.get(recipe) or self.rules.get(ANY_RECIPE) or Rules()

    @model_validator(mode="after")
    def _ruled(self) -> "Station":
        if foreign := sorted(self.rules.keys() - self.bundles.keys()):
            raise ValueError(
                f"rules.{foreign[0]}: bundles has no such recipe; it has {', '.join(self.bundles)}"
            )
        return self


class Publishing(Row):
    """Where verdicts go by MQTT."""

    link: str
    topic: str = "{site}/{line}/{station}/verdict"
    status_topic: str = "{site}/{line}/status"
    expiry_s: PositiveInt = 3600  # MQTT 5 message expiry: an old verdict must not actuate


class Budget(Row):
    """Times within which a verdict must be out."""

    deadline_ms: PositiveFloat = 50.0  # from the later of window end and trigger arrival
    reserve_ms: PositiveFloat = 15.0  # until measured: kept back for inference and publishing
    min_reserve_ms: PositiveFloat = 8.0
    max_reserve_ms: PositiveFloat = 30.0
    wake_us: int | None = Field(default=None, ge=0, le=2_000_000_000)  # see edge/awake.py


class Storage(Row):
    """Journal and outbox: one SQLite file."""

    folder: Path = Path("state")
    synchronous: Literal["FULL", "NORMAL"] = "FULL"  # NORMAL may lose the last ms to a power cut
    retention_days: PositiveFloat = 7.0


class Bundles(Row):
    """Where installed bundles lie (`edge bundle`), and whose signatures count."""

    store: Path = Path("bundles")
    keys: Path = Path("keys")  # minisign public keys, *.pub; whoever can write here is trusted
    require_signature: bool = False  # of folders that a station names directly, too


class Engine(Row):
    """Which engine runs the networks, and with how many threads.

    "auto": for each network the fastest that `edge build` found on this box. `workers` networks
    run at once, each on `threads` cores; together no more than the box has to give.
    """

    name: Literal["openvino", "onnxruntime", "onnxruntime-cuda", "tensorrt", "auto"] = "openvino"
    threads: PositiveInt = 1
    workers: PositiveInt = 2  # as many as there are cores; one where nothing is to run beside
    timeout_ms: PositiveFloat = 2000.0  # a run longer than this is a hung engine


class Line(Row):
    """The whole of LINE.toml."""

    site: Id
    line: Id
    links: dict[str, Link]
    stations: tuple[Station, ...] = Field(min_length=1)
    publishing: Publishing | None = None
    budget: Budget = Budget()
    storage: Storage = Storage()
    engine: Engine = Engine()
    bundles: Bundles = Bundles()
    http: Annotated[str, Field(pattern=r"^[^:]+:\d+$")] = "127.0.0.1:8080"
    record: Path | None = None  # folder: every part's raw payloads are kept there
    record_limit: NonNegativeInt = 1000  # parts

    @model_validator(mode="after")
    def _wired(self) -> "Line":
        ids = [s.id for s in self.stations]
        sensor_ids = [s.id for station in self.stations for s in station.sensors]
        for what, names in (("station", ids), ("sensor", sensor_ids)):
            if double := [n for n, count in Counter(names).items() if count > 1]:
                raise ValueError(f"{what} id {double[0]!r} stands twice; ids are unique on a box")
        for station in self.stations:
            self._link(
                f"stations.{station.id}.trigger",
                station.trigger.link,
                "opcua" if station.trigger.nodes else "mqtt",
            )
            if station.plc:
                self._link(f"stations.{station.id}.plc", station.plc.link, "opcua")
            for sensor in station.sensors:
                if sensor.link is not None:
                    self._link(
                        f"sensors.{sensor.id}", sensor.link, "mqtt" if sensor.topic else "opcua"
                    )
        clocks = {(s.trigger.link, s.trigger.clock) for s in self.stations if s.trigger.nodes}
        if len(clocks) > len({link for link, _ in clocks}):
            raise ValueError("stations.trigger.clock: stations on one PLC share its clock")
        if self.publishing:
            self._link("publishing", self.publishing.link, "mqtt")
        return self

    def _link(self, where: str, name: str, kind: str) -> None:
        link = self.links.get(name)
        if link is None:
            raise ValueError(f"{where}: link {name!r} is not among links {sorted(self.links)}")
        if link.kind != kind:
            raise ValueError(f"{where}: link {name!r} is {link.kind}, needed is {kind}")

    @cached_property
    def sensors(self) -> dict[str, Sensor]:
        return {s.id: s for station in self.stations for s in station.sensors}


def read(path: Path) -> Line:
    """Read LINE.toml; relative paths in it are relative to its folder.

    Raises:
        ConfigError: names the key, what was expected and the cure.
    """
    try:
        raw = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    try:
        line = Line.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(path, one) for one in error.errors())) from error
    return rebase(line, path.parent)


def rebase(line: Line, folder: Path) -> Line:
    """Every relative path of the line, resolved against `folder`; `shipped:NAME` is our own, and
    `store:NAME` is left for `edge.store.choice`.
    """

    def walk(value: Any) -> Any:
        if isinstance(value, Path):
            text = str(value)
            if text.startswith("shipped:"):
                return SHIPPED / text.removeprefix("shipped:")
            if text.startswith(STORED):
                return value
            return value if value.is_absolute() else folder / value
        if isinstance(value, dict):
            return {k: walk(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(v) for v in value]
        return value

    return Line.model_validate(walk(line.model_dump()))


def _explain(path: Path, error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{path}: {where}: unknown key; remove it or mend its spelling"
    got = error.get("input")
    shown = f" (got {got!r})" if isinstance(got, (str, int, float, bool)) else ""
    return f"{path}: {where}: {error['msg'].removeprefix('Value error, ')}{shown}"
