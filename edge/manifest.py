"""The passport of a model set: what each network eats, what its answers mean, what is promised."""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from edge.certificate import Certificate, Sha256, Share, Table
from edge.monitor import Band, Measure

MAX_HYPOTHESES = 16
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]  # never a path


class SeriesInput(Table):
    """A waveform window: (channel, sample), float32, in `unit`."""

    kind: Literal["series"]
    name: str  # of the ONNX input
    unit: str  # "m/s2", "Pa"
    channels: PositiveInt
    rate_hz: PositiveFloat
    length: PositiveInt  # samples

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.channels, self.length)

    @property
    def duration_ns(self) -> int:
        return round(self.length * 1e9 / self.rate_hz)


class ClipInput(Table):
    """A picture window: (frame, height, width), uint8 grey, every `stride`-th frame.

    Where a network looks at each picture by itself before it joins them, `pictures` and `seen` name
    the tensors of that part: (frame, 1, height, width) in, (frame, ...) out. An engine may then run
    it picture by picture, as they come.
    """

    kind: Literal["clip"]
    name: str
    rate_hz: PositiveFloat  # of the camera, before the stride
    frames: PositiveInt
    stride: PositiveInt
    height: PositiveInt
    width: PositiveInt
    pictures: str | None = None
    seen: str | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> "ClipInput":
        if (self.pictures is None) != (self.seen is None):
            raise ValueError("pictures and seen belong together: name both tensors, or neither")
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, self.height, self.width)

    @property
    def duration_ns(self) -> int:
        """From the first stated time to the last."""
        return round((self.frames - 1) * self.stride * 1e9 / self.rate_hz)


class DetectorClass(Table):
    """One answer of a detector, and the set of hypotheses it cannot tell apart."""

    name: str
    hypotheses: tuple[str, ...] = Field(min_length=1)
    prior: Annotated[float, Field(gt=0.0, le=1.0)]  # share in the training data, divided out


class Detector(Table):
    """One network: its file, its input, the meaning of its outputs, its calibration."""

    sense: Literal["camera", "vibration", "audio"]
    file: FileName
    input: Annotated[SeriesInput | ClipInput, Field(discriminator="kind")]
    logits: str = "logits"  # names of the ONNX outputs
    activation: str | None = None
    embedding: str | None = None
    classes: tuple[DetectorClass, ...] = Field(min_length=2)
    temperature: PositiveFloat = 1.0  # fitted on the quantised network (Guo et al. 2017)
    discount: Share = 0.99  # of Shafer: what is kept of the mass, the rest is ignorance
    monitor: dict[Measure, Band] = Field(
        default_factory=dict
    )  # limits that depend on the machine watched
    # Where more is worse: a station's limit is the log-odds of a defect that its highest good part
    # gave, and this much more. None: a station's answers are set by the middle of its good parts.
    limit_margin: NonNegativeFloat | None = None


class Thresholds(Table):
    """When a combined mass is ok, when it is a defect; between the two it is uncertain."""

    ok_belief: Share  # at least this, to pass
    defect_belief: Share  # belief in any defect of at least this, to reject
    conflict: Share  # at most this, to pass
    sensors: tuple[str, ...] | None = None  # detectors present; None is every other case


class Comparison(Table):
    """How near an engine has to come to the golden data before it may serve."""

    logits: Share = 0.05  # of the span of a detector's golden logits, at most
    changed: NonNegativeInt = 0  # golden parts that may be decided otherwise
    decided: tuple[str, ...] = ()  # what each golden part is: "ok", "uncertain", or the defect


class Origin(Table):
    """Where the weights come from, so that anyone can make them again."""

    command: str
    data: str
    data_sha256: Sha256 | None = None
    created: str  # ISO date
    metrics: dict[str, float] = Field(default_factory=dict)


class Manifest(Table):
    """The whole passport, `manifest.toml`."""

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    hypotheses: tuple[str, ...] = Field(min_length=2, max_length=MAX_HYPOTHESES)
    good: str = "ok"  # the hypothesis that passes a part
    rule: str = "yager"  # of combination across sensors
    detectors: dict[str, Detector] = Field(min_length=1)
    thresholds: tuple[Thresholds, ...] = Field(min_length=1)
    certificate: Certificate | None = None
    golden: FileName | None = None  # npz: `<detector>.input`, `<detector>.logits`
    comparison: Comparison = Comparison()
    statistics: FileName | None = None  # npz: see `edge.monitor.read`
    files: dict[FileName, Sha256]  # every other file of the bundle
    origin: Origin
    limits: str = ""  # what it was never shown

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        known = set(self.hypotheses)
        if self.good not in known:
            raise ValueError(f"good = {self.good!r} is not among the hypotheses")
        for name, detector in self.detectors.items():
            if len({c.name for c in detector.classes}) < len(detector.classes):
                raise ValueError(f"detectors.{name}: a class name stands twice")
            if self.rule == "dempster" and detector.discount == 1.0:
                raise ValueError(f"detectors.{name}: Dempster's rule needs a discount below 1")
            covered: set[str] = set()
            for one in detector.classes:
                if foreign := set(one.hypotheses) - known:
                    raise ValueError(f"detectors.{name}: unknown hypotheses {sorted(foreign)}")
                covered |= set(one.hypotheses)
            if missing := known - covered:
                raise ValueError(f"detectors.{name}: no class allows {sorted(missing)}")
            if "distance" in detector.monitor and not (detector.embedding and self.statistics):
                raise ValueError(f"detectors.{name}: distance needs an embedding and statistics")
        wanted = {d.file for d in self.detectors.values()}
        wanted |= {file for file in (self.golden, self.statistics) if file}
        if unlisted := wanted - set(self.files):
            raise ValueError(f"files has no hash of {sorted(unlisted)}")
        if not any(t.sensors is None for t in self.thresholds):
            raise ValueError("thresholds needs one row without `sensors`, for every other case")
        return self

    @cached_property
    def vouched_sha256(self) -> str:
        """Of all that decides about a part: what a certificate vouches for."""
        return self.sha256_of("hypotheses", "good", "detectors", "files", "rule", "thresholds")

    def sha256_of(self, *keys: str) -> str:
        """Without defaults: a key that a later release adds changes no hash by being there."""
        said = self.model_dump(mode="json", include=set(keys), exclude_defaults=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def rejecting(self) -> float:
        """The least belief in a defect that rejects a part, whichever sensors work."""
        return min(row.defect_belief for row in self.thresholds)

    def thresholds_for(self, detectors: frozenset[str]) -> Thresholds:
        """The row for exactly these working detectors, else the row for every other case."""
        rows = [t for t in self.thresholds if t.sensors is not None and set(t.sensors) == detectors]
        return rows[0] if rows else next(t for t in self.thresholds if t.sensors is None)
