"""A labelled set on disk: recorded parts, and truth.csv beside them.

    SET/truth.csv              what every part is (`labels.py`)
    SET/<name>/                recordings, as `record` in LINE.toml leaves them: one a station
or, where the set is a single recording,
    SET/truth.csv, SET/recording.json, SET/parts/

Also for the workshop: what calibrates a bundle is read here too, so that both sides can tell
whether they have parts in common.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from edge.accept import labels
from edge.accept.labels import Label
from edge.errors import ConfigError
from sensors.errors import BadReading
from sensors.recording import RecordedPart, part_folders, read_header, read_parts
from sensors.signal import Trigger


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording of a set."""

    name: str  # its folder in the set; "" where the set is the recording
    folder: Path
    sensors: dict[str, dict[str, Any]]  # what each is, as recorded
    triggers: dict[int, Trigger]  # by part
    parts: dict[int, str]  # part -> SHA-256 of what its sensors sent
    sha256: str  # of all of it


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Recordings, and what every part of them really is."""

    folder: Path
    recordings: tuple[Recording, ...]  # by name
    labels: tuple[Label, ...]
    sha256: str  # of the recordings and of the truth: equal sets give equal hashes anywhere

    @property
    def groups(self) -> int:
        """Physical parts."""
        return len({one.group for one in self.labels})

    @property
    def part_hashes(self) -> frozenset[str]:
        return frozenset(sha for one in self.recordings for sha in one.parts.values())

    def parts(self) -> Iterator[tuple[Recording, Label, RecordedPart]]:
        """Every part with its label, one in memory at a time.

        Raises:
            ConfigError: a file that is broken.
        """
        truth = {one.key: one for one in self.labels}
        for recording in self.recordings:
            try:
                for part in read_parts(recording.folder):
                    yield recording, truth[recording.name, part.index], part
            except BadReading as error:
                raise ConfigError(f"{recording.folder}: {error}") from error


def read(folder: Path, hypotheses: Collection[str], good: str) -> LabelledSet:
    """Read and hash a set; its parts stay on disk.

    Raises:
        ConfigError: no set, a row of the truth that does not fit, or two equal recordings of parts.
    """
    return label(folder, recordings(folder), hypotheses, good)


def recordings(folder: Path) -> tuple[Recording, ...]:
    """The recordings of a set, hashed; whoever does not know the hypotheses yet starts here.

    Raises:
        ConfigError: no recording, a broken one, or two equal recordings of parts.
    """
    found = tuple(_recording(folder, one) for one in _recording_folders(folder))
    _check_distinct(found)
    return found


def label(
    folder: Path, found: tuple[Recording, ...], hypotheses: Collection[str], good: str
) -> LabelledSet:
    """Join recordings with their truth.

    Raises:
        ConfigError: a row of the truth that does not fit.
    """
    recorded = {one.name: {i: t.part for i, t in one.triggers.items()} for one in found}
    truth = folder / labels.NAME
    rows = labels.read(truth, recorded, hypotheses, good)
    whole = hashlib.sha256(truth.read_bytes())
    for one in found:
        whole.update(f"\n{one.name} {one.sha256}".encode())
    return LabelledSet(folder, found, rows, whole.hexdigest())


def _recording_folders(folder: Path) -> list[Path]:
    if (folder / "recording.json").exists():
        return [folder]
    found = sorted(path.parent for path in folder.glob("*/recording.json"))
    if not found:
        raise ConfigError(
            f"{folder}: no recording in it; a labelled set is a folder with {labels.NAME} and the "
            "recordings that `record` in LINE.toml leaves: docs/acceptance.md"
        )
    return found


def _recording(folder: Path, own: Path) -> Recording:
    name = "" if own == folder else own.name
    try:
        sensors = read_header(own)["sensors"]
    except (BadReading, KeyError) as error:
        raise ConfigError(f"{own / 'recording.json'}: not of a recording: {error}") from error
    triggers: dict[int, Trigger] = {}
    parts: dict[int, str] = {}
    whole = hashlib.sha256((own / "recording.json").read_bytes())
    for part in _shown(part_folders(own), f"reading {name or own.name}"):
        index = int(part.name)
        triggers[index] = _trigger(part / "trigger.json")
        parts[index] = _sha256(part.glob("*.blocks"))
        others = _sha256(path for path in part.iterdir() if path.suffix != ".blocks")
        whole.update(f"\n{index} {parts[index]} {others}".encode())
    return Recording(name, own, sensors, triggers, parts, whole.hexdigest())


def _trigger(path: Path) -> Trigger:
    try:
        return Trigger(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a recorded trigger: {error}") from error


def _sha256(paths: Iterable[Path]) -> str:
    """Of names and contents, in the order of the names."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.name} {content}\n".encode())
    return whole.hexdigest()


def _check_distinct(found: Collection[Recording]) -> None:
    """A trial is a part clamped and recorded anew: stored data says the same for ever."""
    seen: dict[str, str] = {}
    for one in found:
        for index, sha in one.parts.items():
            here = f"{one.folder.name}/{index:06d}"
            if sha in seen:
                raise ConfigError(
                    f"{here} is a copy of {seen[sha]}: judging stored data again proves nothing; "
                    "clamp the part again and record it anew, or take one of them out"
                )
            seen[sha] = here


def _shown(paths: list[Path], label: str) -> Iterable[Path]:
    console = Console(stderr=True)
    return track(paths, label, console=console, disable=not console.is_terminal, transient=True)
