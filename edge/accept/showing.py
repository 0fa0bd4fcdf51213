"""What the appliance says of every part of a labelled set, by the daemon's own steps."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.accept.labelled import LabelledSet, Recording
from edge.accept.labels import Label
from edge.baseline import kept
from edge.bundle import Bundle
from edge.config import Line, Station
from edge.errors import ConfigError
from edge.fusion.decision import Outcome
from edge.manifest import Manifest
from edge.rejudge import Judge, Replayed
from edge.verdict import SensorReport, Verdict


@dataclass(frozen=True, slots=True)
class Showing:
    """One part, shown once: what it is, and what was said of it."""

    label: Label
    decision: Outcome
    defect: str
    detectors: Mapping[str, str]  # sensor -> the detector that it feeds
    passing: Mapping[str, float | None]  # sensor -> its probability of a good part; None: no answer
    engines: frozenset[str]  # "openvino 2026.4.1 cpu int8"
    degraded: bool
    recorded: Verdict | None  # what the daemon said of it when it was recorded

    @property
    def is_stopped(self) -> bool:
        """It does not pass: called a defect, or left to an inspection by hand."""
        return self.decision != "ok"


@dataclass(frozen=True, slots=True)
class Judged:
    """All showings of a set, and what happened on the way."""

    showings: tuple[Showing, ...]
    refused: Mapping[str, int]  # blocks, by cause

    @property
    def engines(self) -> tuple[str, ...]:
        return tuple(sorted({name for one in self.showings for name in one.engines}))


def bundle_folder(
    line: Line, recordings: Sequence[Recording], station: str | None, folder: Path
) -> Path:
    """Folder of the one bundle that the line judges these parts by.

    Raises:
        ConfigError: no station of the line is theirs, no bundle is, or more than one.
    """
    found: dict[Path, str] = {}
    for recording in recordings:
        for trigger in recording.triggers.values():
            own = _station(line, station or trigger.station)
            chosen = own.bundle_for(trigger.recipe)
            if chosen is None:
                raise ConfigError(f"station {own.id}: no bundle for recipe {trigger.recipe!r}")
            found.setdefault(chosen, f"recipe {trigger.recipe!r} on station {own.id}")
    if len(found) != 1:
        which = "; ".join(f"{what}: {chosen}" for chosen, what in found.items())
        raise ConfigError(
            f"{folder}: its parts are judged by {len(found)} bundles ({which or 'none'}); "
            "accept one bundle at a time, each with a set of its own"
        )
    return next(iter(found))


def judge(labelled: LabelledSet, bundle: Bundle, engine: str, console: Console) -> Judged:
    """Judge every part of a set; shows nothing but how far it is.

    Raises:
        ConfigError: a sensor without a detector, or a file that is broken.
    """
    judges: dict[str, Judge] = {}
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        parts = bar.track(labelled.parts(), total=len(labelled.labels))
        showings = tuple(
            _showing(label, _judge(judges, recording, bundle, engine).again(part, None), bundle)
            for recording, label, part in parts
        )
    refused: dict[str, int] = {}
    for one in judges.values():
        for cause, count in one.refused.items():
            refused[cause] = refused.get(cause, 0) + count
    return Judged(showings, refused)


def _station(line: Line, name: str) -> Station:
    for one in line.stations:
        if one.id == name:
            return one
    if len(line.stations) == 1:
        return line.stations[0]
    known = ", ".join(one.id for one in line.stations)
    raise ConfigError(
        f"station {name}: the line has {known}; name by --station the one whose parts these are"
    )


def _judge(judges: dict[str, Judge], recording: Recording, bundle: Bundle, engine: str) -> Judge:
    """Recordings of equal sensors, with equal baselines, share their engines."""
    baselines = kept(recording.folder)
    key = json.dumps(recording.sensors, sort_keys=True) + baselines.model_dump_json()
    if key not in judges:
        judges[key] = Judge(recording.sensors, bundle, engine, baselines=baselines)
    return judges[key]


def _showing(label: Label, said: Replayed, bundle: Bundle) -> Showing:
    reports = said.judged.reports
    return Showing(
        label,
        said.judged.decided.decision,
        said.judged.decided.defect,
        {name: report.detector for name, report in reports.items()},
        {name: _passing(report, bundle.manifest) for name, report in reports.items()},
        frozenset(report.engine for report in reports.values() if report.engine),
        bool(said.judged.degraded),
        said.recorded,
    )


def _passing(report: SensorReport, manifest: Manifest) -> float | None:
    """How likely a sensor by itself holds a part for good; None where it is not at work."""
    if report.reliability == 0.0:
        return None
    return sum(_good_shares(report, manifest))


def _good_shares(report: SensorReport, manifest: Manifest) -> Iterator[float]:
    for one in manifest.detectors[report.detector].classes:
        if manifest.good in one.hypotheses:
            yield report.probabilities[one.name]
