"""Labelled recordings of a plant as parts to calibrate on: `edge.accept.labelled` reads them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.accept import labelled
from edge.bundle import Bundle
from edge.errors import ConfigError
from edge.judge import Answer
from edge.rejudge import Judge
from models.calibration.parts import Answered, Asked, Truth
from sensors.errors import BadReading
from sensors.recording import read_part


@dataclass(frozen=True, slots=True)
class _Row:
    """One part of a set."""

    recording: Path
    described: dict[str, Any]  # its sensors, as recorded
    index: int
    truth: Truth
    sha256: str  # of what its sensors sent


@dataclass(frozen=True, slots=True)
class Recorded:
    """A labelled set, each physical part once: the first time that it was shown."""

    folder: Path
    sha256: str
    recordings: tuple[str, ...]  # SHA-256 of each
    rows: tuple[_Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def name(self) -> str:
        return f"set-{self.sha256[:16]}"

    def describe(self, parts: int) -> str:
        """With the hashes by which an acceptance knows these parts again."""
        known = ", ".join(self.recordings)
        return (
            f"{parts} recorded parts of set {self.sha256} ({self.folder.name}), recordings {known}"
        )

    def answered(self, start: int, count: int, asked: Asked) -> Iterator[Answered]:
        judges: dict[Path, Judge] = {}
        for row in self.rows[start : start + count]:
            if row.recording not in judges:
                judges[row.recording] = Judge(
                    row.described, asked.bundle, asked.engine, asked.detectors
                )
            try:
                part = read_part(row.recording, row.index)
            except BadReading as error:
                raise ConfigError(str(error)) from error
            said = {one[0].sensor.input: one for one in judges[row.recording].answers(part)}
            yield Answered(row.truth, _of(asked, said), bytes.fromhex(row.sha256))


def read(folder: Path, bundle: Bundle) -> Recorded:
    """A labelled set that one station may have recorded: one sensor a detector, one window each.

    Raises:
        ConfigError: no such set, or one whose sensors are not as many as the detectors.
    """
    manifest = bundle.manifest
    found = labelled.read(folder, manifest.hypotheses, manifest.good)
    described = {one.name: one for one in found.recordings}
    rows: dict[str, _Row] = {}
    for label in found.labels:
        recording = described[label.recording]
        _check(recording.folder, recording.sensors, bundle)
        if label.group not in rows:
            rows[label.group] = _Row(
                recording.folder,
                recording.sensors,
                label.index,
                Truth(label.hypothesis, label.severity),
                recording.parts[label.index],
            )
    hashes = tuple(one.sha256 for one in found.recordings)
    return Recorded(folder, found.sha256, hashes, tuple(rows.values()))


def check_disjoint(one: Recorded, other: Recorded) -> None:
    """What chooses thresholds must not test them.

    Raises:
        ConfigError: a part stands in both sets.
    """
    common = {row.sha256 for row in one.rows} & {row.sha256 for row in other.rows}
    if common:
        raise ConfigError(
            f"{one.folder} and {other.folder} have {len(common)} recorded part(s) in common: "
            "tune on some parts, certify on others"
        )


def _check(folder: Path, described: dict[str, Any], bundle: Bundle) -> None:
    if len(described) != len(bundle.manifest.detectors):
        raise ConfigError(
            f"{folder}: has {len(described)} sensors, {bundle.label} has "
            f"{len(bundle.manifest.detectors)} detectors; thresholds are set for one sensor each"
        )
    several = [name for name, row in described.items() if len(row.get("offsets_s") or ()) > 1]
    if several:
        raise ConfigError(f"{folder}: {several[0]} has several windows; thresholds are for one")


def _of(asked: Asked, said: dict[str, list[Answer]]) -> tuple[Answer, ...]:
    """In the order of the sensors that are asked, under their names."""
    return tuple(replace(said[one.input][0], sensor=one) for one in asked.sensors)
