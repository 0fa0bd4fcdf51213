"""manifest.csv: what every recording of a folder is. See `source` for its columns."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError
from models.datasets.source import SPLITS, UNUSED, Source

NEEDED = ("file", "label", "group")


@dataclass(frozen=True, slots=True)
class Row:
    """One file, or a stretch of one, and what it is."""

    where: str  # manifest and line, for messages
    file: Path
    label: str  # a class of the detector
    group: str
    split: str  # "" until it is drawn
    rate_hz: float | None
    unit: str
    part: str  # "": the row is a part of its own
    order: float
    start_s: float
    end_s: float | None
    severity: float | None


def read(folder: Path, source: Source) -> list[Row]:
    """Every row that is used, in the order of the file.

    Raises:
        ConfigError: no manifest, a column or cell that is missing or makes no sense, a file that
            is not there. Names the line and the cure.
    """
    path = folder / source.manifest
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            _check_columns(path, columns, source)
            lines = [(reader.line_num, {k: (v or "").strip() for k, v in row.items() if k})
                     for row in reader]  # fmt: skip
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); a folder of recordings has a "
            f"{source.manifest}: docs/models.md"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 ({error.reason}); save it as CSV UTF-8") from error
    rows = [_row(f"{path}: line {number}", folder, cells, source) for number, cells in lines]
    used = [row for row in rows if row.split != UNUSED]
    if not used:
        raise ConfigError(f"{path}: no row is used; give at least one a split of {SPLITS}")
    return used


def _check_columns(path: Path, columns: list[str], source: Source) -> None:
    for name in NEEDED:
        wanted = getattr(source.columns, name)
        if not _is_pattern(wanted) and wanted not in columns:
            raise ConfigError(
                f"{path}: no column {wanted!r} for {name}; there are {', '.join(columns)}: say "
                f'which holds it by [data.columns] {name} = "..." in the configuration'
            )


def _row(where: str, folder: Path, cells: Mapping[str, str], source: Source) -> Row:
    columns = source.columns

    def said(name: str) -> str:
        wanted: str = getattr(columns, name)
        if not _is_pattern(wanted):
            return cells.get(wanted, "")
        try:
            return wanted.format_map(cells)
        except KeyError as error:
            raise ConfigError(
                f"{where}: {wanted!r} names a column {error} that is not there"
            ) from None

    for name in NEEDED:
        if not said(name):
            raise ConfigError(f"{where}: {name} is empty; fill it in, or remove the row")
    split = _split(where, said("split"), source)
    file = folder / said("file")
    if split != UNUSED and not file.is_file():
        raise ConfigError(f"{where}: {file} is not there; copy it, or remove the row")
    label = said("label")
    return Row(
        where=where,
        file=file,
        label=source.labels.get(label, label),
        group=said("group"),
        split=split,
        rate_hz=_number(where, "rate_hz", said("rate_hz")),
        unit=said("unit"),
        part=said("part"),
        order=_number(where, "order", said("order")) or 0.0,
        start_s=_number(where, "start_s", said("start_s")) or 0.0,
        end_s=_number(where, "end_s", said("end_s")),
        severity=_number(where, "severity", said("severity")),
    )


def _split(where: str, value: str, source: Source) -> str:
    split = source.splits.get(value, value)
    if split and split not in (*SPLITS, UNUSED):
        known = ", ".join((*SPLITS, UNUSED))
        raise ConfigError(
            f"{where}: split {split!r} is none of {known}; say what it is by "
            f'[data.splits] "{split}" = "..." in the configuration'
        )
    return split


def _number(where: str, column: str, text: str) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        raise ConfigError(f"{where}: {column}: {text!r} is not a number") from None
    if value is not None and not 0.0 <= value < float("inf"):
        raise ConfigError(f"{where}: {column}: {text!r}: expected 0 or more")
    return value


def _is_pattern(wanted: str) -> bool:
    return "{" in wanted
