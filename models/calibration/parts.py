"""Parts whose truth is known, and what the appliance's own sensors and networks answer to them.

`Source` is the seam: the simulator is one, labelled recordings may be another.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.config import Sensor
from edge.inference.detector import Detector
from edge.inference.proved import load
from edge.inference.runner import RunFailed, opener
from edge.judge import Answer
from edge.manifest import Manifest
from edge.part import need
from models import dataset
from models.dataset import FRAME_OFFSET_S, Split
from sensors.picture import picture
from sensors.signal import Sample, Window
from sensors.simulator.part import SimulatedPart
from sensors.windower import Need, Windower

EDGE_NS = 1_000_000_000  # when a part's trigger comes, on a clock of its own
BLOCK_S = 0.01
ON_TIME_NS = 3_000_000  # from a block's end to its arrival


@dataclass(frozen=True, slots=True)
class Truth:
    """What was wrong with a part; severity 1 is the reject limit, 0 belongs to good parts."""

    hypothesis: str
    severity: float


@dataclass(frozen=True, slots=True)
class Answered:
    """One part: its truth, an answer of each sensor, and a digest of what they were given."""

    truth: Truth
    answers: tuple[Answer, ...]
    sha256: bytes


class Source(Protocol):
    """Labelled parts, drawn alike and independently, by number."""

    @property
    def name(self) -> str:
        """Of the files its answers are kept in."""

    def describe(self, parts: int) -> str:
        """The first so many parts in words, for the certificate."""

    def answered(self, start: int, count: int, asked: "Asked") -> Iterator[Answered]:
        """Parts `start` to `start + count`, and what those asked answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The sensors of a station, one a detector, and the networks behind them."""

    sensors: tuple[Sensor, ...]
    detectors: Mapping[str, Detector]
    bundle: Bundle
    engine: str

    def answers(self, windows: Mapping[str, Window]) -> tuple[Answer, ...]:
        """Of each sensor, as the daemon gets them; without a window it is silent."""
        return tuple(self._answer(one, windows.get(one.id)) for one in self.sensors)

    def _answer(self, sensor: Sensor, window: Window | None) -> Answer:
        if window is None:
            return Answer(sensor, "silent", "no whole window")
        try:
            score = self.detectors[sensor.input].infer(window)
        except RunFailed as error:
            return Answer(sensor, "failed", str(error), window=window)
        return Answer(sensor, "ok", window=window, score=score)


def asked(bundle: Bundle, engine: str) -> Asked:
    """Every detector of a bundle on one engine, proved as the daemon proves them at start.

    Raises:
        BundleError, ConfigError: as `edge.inference.proved.load` and `opener`.
    """
    manifest, open_runner = bundle.manifest, opener(engine)
    detectors = {name: load(bundle, name, open_runner, threads=1) for name in manifest.detectors}
    return Asked(sensors(manifest), detectors, bundle, engine)


def sensors(manifest: Manifest) -> tuple[Sensor, ...]:
    """One sensor a detector, whose absence the plant accepts: else no part passes without it."""
    return tuple(
        Sensor(
            id=name,
            link="simulated",
            topic=name,
            input=name,
            offset_s=FRAME_OFFSET_S if detector.sense == "camera" else 0.0,
            on_missing="accept",
        )
        for name, detector in manifest.detectors.items()
    )


@dataclass(frozen=True, slots=True)
class Simulated:
    """Parts of a split of the simulator."""

    split: Split

    @property
    def name(self) -> str:
        return self.split.name

    def describe(self, parts: int) -> str:
        split = self.split
        last = split.first_station + min(parts, split.stations) - 1
        return (
            f"{parts} parts of sensors.simulator at difficulty 1, seed {split.seed}, stations "
            f"{split.first_station} to {last}, {100 * split.defect_share:.3g} % with a defect"
        )

    def answered(self, start: int, count: int, asked: Asked) -> Iterator[Answered]:
        for part in dataset.parts(self.split, start, count):
            windows = cut(part, asked.sensors, asked.bundle.manifest)
            truth = Truth(part.cause.hypothesis, part.cause.severity)
            yield Answered(truth, asked.answers(windows), digest(windows))


def cut(part: SimulatedPart, sensors: tuple[Sensor, ...], manifest: Manifest) -> dict[str, Window]:
    """The windows of one part, cut by the appliance's windower from blocks that all came in time.

    Blocks carry the simulator's own numbers: no wire, no codec.
    """
    needs = {s.id: need(s, manifest.detectors[s.input].input, max_delay_s=1.0) for s in sensors}
    windower = Windower(needs.values(), lambda _sensor, _cause: None)
    windows: dict[str, Window] = {}
    for sensor in sensors:
        sense = manifest.detectors[sensor.input].sense
        for sample, time_ns in _samples(part, needs[sensor.id], sense):
            windower.add(sample, time_ns, "synchronised")
        now_ns = EDGE_NS + round(part.duration_s * 1e9) + ON_TIME_NS
        whole = windower.cut(sensor.id, EDGE_NS, now_ns)
        if whole is not None:
            windows[sensor.id] = whole
    return windows


def _samples(part: SimulatedPart, wanted: Need, sense: str) -> Iterator[tuple[Sample, int]]:
    """Blocks of one sensor, and the box time of each one's first sample."""
    if sense == "camera":
        for seq, (jpeg, time_s) in enumerate(zip(part.frames, part.frame_times_s, strict=True)):
            at_ns = EDGE_NS + round(time_s * 1e9)
            pixels = picture(jpeg, wanted.height, wanted.width)
            yield (
                Sample(wanted.sensor, seq, at_ns, at_ns + ON_TIME_NS, wanted.rate_hz, pixels),
                at_ns,
            )
        return
    wave = part.vibration if sense == "vibration" else part.sound[np.newaxis]
    length = round(BLOCK_S * wanted.rate_hz)
    for seq, start in enumerate(range(0, wave.shape[1], length)):
        block: NDArray[np.float32] = wave[:, start : start + length]
        at_ns = EDGE_NS + round(start * 1e9 / wanted.rate_hz)
        came_ns = at_ns + round(BLOCK_S * 1e9) + ON_TIME_NS
        yield Sample(wanted.sensor, seq, at_ns, came_ns, wanted.rate_hz, block), at_ns


def digest(windows: Mapping[str, Window]) -> bytes:
    """SHA-256 of what the networks were given of one part."""
    total = hashlib.sha256()
    for name in sorted(windows):
        total.update(name.encode() + b"\0" + windows[name].data.tobytes())
    return total.digest()
