"""Examples of one detector, split by group: what training, quantising and evaluating read."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge.bundle import ClipInput, SeriesInput
from edge.errors import ConfigError
from models.datasets import cutting, manifest, splits, waves
from models.datasets.manifest import Row
from models.datasets.source import SPLITS, Source


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows of one split. Those of one group are alike: they are no independent evidence."""

    inputs: NDArray[np.generic]  # (example, *shape of the detector's input)
    labels: NDArray[np.int64]  # class of each
    weights: NDArray[np.float32]  # how much each teaches, 0 to 1
    groups: tuple[str, ...]  # physical part, machine or recording of each
    names: tuple[str, ...]  # where each comes from
    severity: NDArray[np.float32]  # multiple of the reject limit; 0 of a good part

    def __len__(self) -> int:
        return int(self.labels.size)

    @property
    def independent(self) -> int:
        """Groups, which is what a figure's certainty comes from."""
        return len(set(self.groups))

    @property
    def sha256(self) -> str:
        """Of inputs and labels: equal examples give equal hashes anywhere."""
        whole = hashlib.sha256(np.ascontiguousarray(self.inputs).reshape(-1).view(np.uint8).data)
        whole.update(self.labels.tobytes())
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Cut:
    """One window and what it is, before classes have numbers."""

    data: NDArray[np.generic]
    label: str
    group: str
    split: str
    name: str
    severity: float | None


def read(
    folder: Path, source: Source, wanted: SeriesInput | ClipInput, classes: Sequence[str]
) -> dict[str, Examples]:
    """Every split of a folder with a manifest; see `source`. The first class is the good one.

    Raises:
        ConfigError: anything in the folder that would teach something false: see the modules of
            this package. Names the file and the cure.
    """
    where = str(folder / source.manifest)
    rows = manifest.read(folder, source)
    splits.check_labels((row.label for row in rows), classes, where)
    rows = splits.drawn(rows, source)
    splits.check_classes([(row.label, row.split) for row in rows], classes, where)
    return gathered(list(_cuts(rows, source, wanted)), classes)


def gathered(cuts: Sequence[Cut], classes: Sequence[str]) -> dict[str, Examples]:
    """By split, in the order of train, validation, test."""
    found = {}
    for split in SPLITS:
        rows = [one for one in cuts if one.split == split]
        if rows:
            number = {name: index for index, name in enumerate(classes)}
            labels = np.array([number[one.label] for one in rows], np.int64)
            severity = [
                (0.0 if label == 0 else 1.0) if one.severity is None else one.severity
                for one, label in zip(rows, labels, strict=True)
            ]
            found[split] = Examples(
                np.stack([one.data for one in rows]),
                labels,
                np.ones(len(rows), np.float32),
                tuple(one.group for one in rows),
                tuple(one.name for one in rows),
                np.array(severity, np.float32),
            )
    return found


def _cuts(rows: Sequence[Row], source: Source, wanted: SeriesInput | ClipInput) -> Iterator[Cut]:
    console = Console(stderr=True)
    parts = _parts(rows)
    shown = track(parts.items(), "reading recordings", len(parts), console=console,
                  disable=not console.is_terminal, transient=True)  # fmt: skip
    for name, part in shown:
        first, found = part[0], 0
        for found, data in enumerate(_windows(part, source, wanted), 1):
            number = f"{name}#{found - 1}"
            yield Cut(data, first.label, first.group, first.split, number, first.severity)
        if not found:
            raise ConfigError(
                f"{first.file}: shorter than one window of the detector "
                f"({wanted.duration_ns / 1e9:g} s); record longer, or remove its row"
            )


def _parts(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    """Rows that make one part together, under its name."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        start = f"@{row.start_s:g}" if row.start_s else ""
        part = parts.setdefault(row.part or f"{row.file}{start}", [])
        part.append(row)
        first = part[0]
        if (first.label, first.group) != (row.label, row.group):
            raise ConfigError(
                f"{row.where}: part {row.part or row.file.name!r} is {row.label!r} of group "
                f"{row.group!r}, and at {first.where} {first.label!r} of {first.group!r}; one part "
                "is one thing"
            )
    return parts


def _windows(
    part: Sequence[Row], source: Source, wanted: SeriesInput | ClipInput
) -> Iterator[NDArray[np.generic]]:
    if isinstance(wanted, SeriesInput):
        for row in part:
            yield from cutting.series(waves.read(row, source.numbers, wanted), wanted, source)
    elif part[0].file.suffix.lower() in cutting.VIDEOS:
        for row in part:
            yield from cutting.video(row, wanted, source)
    else:
        yield cutting.stills(list(part), wanted)
