"""What good parts look like at one station: its sensors are judged by that, not by the workshop's.

Another mounting, room or light moves everything a detector says of a good part. A *baseline* (as
ISO 17359, condition monitoring, has the word) is the middle of what good parts gave at the station
itself; what they gave in the workshop is in the bundle (`edge.monitor.Typical`). The difference is
taken off every answer:

    logits - (baseline - workshop),    and so for the embedding and for what windows measure

so that a good part of this station stands where good parts of the workshop's stations stood. The
networks' heads are linear in the pooled features: for them it is a shift of the features.

A detector whose passport says so (`limit_margin`) is judged by a *limit* instead: the log-odds of a
defect that the station's highest good part gave, and a margin. Its classes of defects are moved so
that a part at the limit is as likely defective as not. For a number of which more is worse that is
what a machine's own normal tells: how far its good parts stray, not where their middle lies.

A station's baselines are a JSON file in the daemon's storage, made by `edge commission`. Each is of
one sensor and one network (by the hash of its file); of a network without one nothing is taken off.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.bundle import Bundle
from edge.config import Sensor
from edge.errors import ConfigError
from edge.fusion.evidence import is_passing
from edge.manifest import Manifest
from edge.monitor import Typical

log = logging.getLogger(__name__)
FOLDER = "baselines"  # in the storage of the line
KEPT = "baselines.json"  # in a recording: every one that any of its parts was judged by
Features = NDArray[np.floating]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Baseline(_Table):
    """Of one sensor, for one network."""

    sensor: str
    network_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bundle: str  # for people: "motor 0.3.0"
    parts: int = Field(ge=1)
    created: str  # ISO date
    logits: tuple[float, ...]
    embedding: tuple[float, ...]
    measured: dict[str, float]
    limit: float | None = None  # of the log-odds of a defect, natural units, in the logits' place

    @property
    def label(self) -> str:
        """For the verdict: which one it was, and of what."""
        digest = hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()
        return f"{digest[:12]}, {self.parts} parts, {self.created}"


class Baselines(_Table):
    """The file of one station."""

    format: Literal[1] = 1
    station: str
    baselines: tuple[Baseline, ...] = ()

    def added(self, new: Mapping[str, Baseline]) -> "Baselines":
        """With these, by sensor, in the place of older ones for the same networks."""
        known = {(one.sensor, one.network_sha256): one for one in self.baselines}
        known |= {(one.sensor, one.network_sha256): one for one in new.values()}
        return self.model_copy(update={"baselines": tuple(known.values())})


@dataclass(frozen=True, slots=True, eq=False)
class Offset:
    """How far good parts of one sensor stand from the workshop's."""

    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    measured: Mapping[str, float]
    label: str  # of the baseline

    def taken_off(
        self, logits: Features, embedding: Features | None
    ) -> tuple[Features, Features | None]:
        """An answer as if the station were one of the workshop's."""
        return logits - self.logits, None if embedding is None else embedding - self.embedding

    def measures(self, found: Mapping[str, float]) -> dict[str, float]:
        """The same of what a window measures."""
        return {name: value - self.measured.get(name, 0.0) for name, value in found.items()}


def file_of(storage: Path, station: str) -> Path:
    """Where a station's baselines are."""
    return storage / FOLDER / f"{station}.json"


def of_station(storage: Path, station: str) -> Baselines:
    """A station's baselines; none where there is no file.

    Raises:
        ConfigError: a file that is none, or another station's.
    """
    file = file_of(storage, station)
    try:
        found = Baselines.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Baselines(station=station)
    except (OSError, ValidationError) as error:
        raise ConfigError(
            f"{file}: no baselines of a station ({_first(error)}); remove it and run edge "
            "commission again"
        ) from error
    if found.station != station:
        raise ConfigError(f"{file}: is of station {found.station!r}; run edge commission again")
    return found


def write(file: Path, baselines: Baselines) -> None:
    """Replace a station's baselines, all at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(baselines.model_dump(mode="json"), indent=1) + "\n")
    unfinished.replace(file)


def keep(recording: Path, baselines: Baselines) -> None:
    """Put a station's baselines beside those that the recording has: replays need them all."""
    if baselines.baselines:
        known = kept(recording, baselines.station)
        new = [one for one in baselines.baselines if one not in known.baselines]
        every = (*known.baselines, *new)
        write(recording / KEPT, known.model_copy(update={"baselines": every}))


def kept(recording: Path, station: str = "") -> Baselines:
    """Those that the parts of a recording were judged by.

    Raises:
        ConfigError: a file that is none.
    """
    file = recording / KEPT
    if not file.exists():
        return Baselines(station=station)
    try:
        return Baselines.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{file}: no baselines of a recording ({_first(error)})") from error


class OffsetsOf:
    """What a station's baselines take off the answers of a bundle, by sensor; found once each."""

    def __init__(self, baselines: Baselines, sensors: Mapping[str, Sensor]) -> None:
        self._baselines = baselines
        self._sensors = sensors
        self._known: dict[str, dict[str, Offset]] = {}  # by the bundle's sha256

    def __call__(self, bundle: Bundle) -> dict[str, Offset]:
        """Raises as `offsets`."""
        if bundle.sha256 not in self._known:
            found = self._known[bundle.sha256] = offsets(self._baselines, self._sensors, bundle)
            for sensor in sorted({b.sensor for b in self._baselines.baselines} - set(found)):
                log.warning(
                    "%s: its baseline is not of a network of %s, and is not used; run edge "
                    "commission again",
                    sensor,
                    bundle.label,
                )
        return self._known[bundle.sha256]


def offsets(
    baselines: Baselines, sensors: Mapping[str, Sensor], bundle: Bundle
) -> dict[str, Offset]:
    """By sensor, those of the bundle's networks.

    Raises:
        ConfigError: a baseline does not fit the network whose hash it names.
    """
    return {one.sensor: offset for one, offset in fitting(baselines, sensors, bundle)}


def fitting(
    baselines: Baselines, sensors: Mapping[str, Sensor], bundle: Bundle
) -> Iterator[tuple[Baseline, Offset]]:
    """Every baseline that is of a network of the bundle, oldest first; raises as `offsets`."""
    for one in baselines.baselines:
        sensor = sensors.get(one.sensor)
        if sensor is None or one.network_sha256 != network_sha256(bundle, sensor.input):
            continue
        if (workshop := bundle.typical.get(sensor.input)) is None:
            continue
        try:
            yield one, _offset(one, workshop, bundle.manifest, sensor.input)
        except ValueError as error:
            raise ConfigError(
                f"baseline of {one.sensor}: does not fit {bundle.label}: {error}; "
                "run edge commission again"
            ) from error


def network_sha256(bundle: Bundle, detector: str) -> str:
    """Of the file of a detector's network; "" where the bundle has no such detector."""
    known = bundle.manifest.detectors.get(detector)
    return bundle.manifest.files[known.file] if known else ""


def _first(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or "cannot be read"
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'JSON'}: {first['msg']}"


def _offset(one: Baseline, workshop: Typical, manifest: Manifest, name: str) -> Offset:
    logits = np.asarray(one.logits, np.float32) - workshop.logits
    if one.limit is not None:
        detector = manifest.detectors[name]
        moved = np.float32(one.limit * detector.temperature)
        logits = np.where(is_passing(detector, manifest.good), np.float32(0.0), moved)
    return Offset(
        logits,
        np.asarray(one.embedding, np.float32) - workshop.embedding,
        {
            name: value - workshop.measured[name]
            for name, value in one.measured.items()
            if name in workshop.measured
        },
        one.label,
    )
