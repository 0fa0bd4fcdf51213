"""truth.csv: what every recorded part of a labelled set really is.

| column | |
| --- | --- |
| `recording` | folder of the recording; may be left out where the set is one recording |
| `index` | number of the part in it: the name of its folder in `parts/` |
| `part` | instead of `index`: the plant's id, where it occurs once |
| `hypothesis` | one of the bundle's, as `ok` or `scratch` |
| `severity` | size of the defect as a multiple of its reject limit; empty or 0 for a good part |
| `size`, `limit` | instead of `severity`: measured size and reject limit, in one unit |
| `group` | the physical part; each row is another one where this is left out |
| `appraiser`, `trial` | of a part shown again: on which station or shift, the how manieth time |
| `note` | for people |

A header line, then one row a recorded part. Comma-separated, or by semicolons with decimal commas.
"""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError

NAME = "truth.csv"
KNOWN = (
    "recording", "index", "part", "hypothesis", "severity", "size", "limit", "group", "appraiser",
    "trial", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """What one recorded part is."""

    recording: str
    index: int
    hypothesis: str  # of the bundle
    severity: float  # multiple of the reject limit; 0 for a good part
    group: str  # the physical part
    appraiser: str = ""
    trial: str = ""

    @property
    def key(self) -> tuple[str, int]:
        return self.recording, self.index

    @property
    def is_good(self) -> bool:
        return self.severity == 0.0

    @property
    def is_reject(self) -> bool:
        """At or above its reject limit: to pass it is an escape."""
        return self.severity >= 1.0

    @property
    def is_repeat(self) -> bool:
        """Of the study of the measuring system: shown again and again."""
        return bool(self.appraiser or self.trial)


def read(
    path: Path,
    recorded: Mapping[str, Mapping[int, str]],
    hypotheses: Collection[str],
    good: str,
) -> tuple[Label, ...]:
    """Every row of truth.csv, sorted by recording and index.

    `recorded` has the plant's id of every part: recording -> index -> id.

    Raises:
        ConfigError: names the line, what was expected and the cure.
    """
    rows = _Rows(path, recorded, hypotheses, good)
    labels = [rows.label(number, row) for number, row in _table(path)]
    seen: set[tuple[str, int]] = set()
    for one in labels:
        if one.key in seen:
            raise ConfigError(f"{path}: part {_name(one.key)} stands twice; leave one row of it")
        seen.add(one.key)
    if missing := sorted({(r, i) for r, parts in recorded.items() for i in parts} - seen):
        raise ConfigError(
            f"{path}: part {_name(missing[0])} has no row ({len(missing)} have none); a set is "
            "judged as a whole: label the part, or take its folder out of the recording"
        )
    _check_groups(path, labels)
    return tuple(sorted(labels, key=lambda one: one.key))


class _Rows:
    """Turns the rows of one file into labels."""

    def __init__(
        self,
        path: Path,
        recorded: Mapping[str, Mapping[int, str]],
        hypotheses: Collection[str],
        good: str,
    ) -> None:
        self._path = path
        self._recorded = recorded
        self._hypotheses = hypotheses
        self._good = good

    def label(self, number: int, row: Mapping[str, str]) -> Label:
        where = f"{self._path}: line {number}"
        recording = self._recording(where, row)
        index = self._index(where, recording, row)
        hypothesis = row.get("hypothesis", "")
        if hypothesis not in self._hypotheses:
            known = ", ".join(self._hypotheses)
            raise ConfigError(f"{where}: no hypothesis {hypothesis!r}; the bundle has {known}")
        severity = _severity(where, row)
        if (severity == 0.0) != (hypothesis == self._good):
            raise ConfigError(
                f"{where}: severity {severity:g} does not fit {hypothesis!r}: a part that is "
                f"{self._good!r} has none, every defect a positive one"
            )
        return Label(
            recording,
            index,
            hypothesis,
            severity,
            row.get("group") or f"{recording}/{index}",
            row.get("appraiser", ""),
            row.get("trial", ""),
        )

    def _recording(self, where: str, row: Mapping[str, str]) -> str:
        name = row.get("recording", "")
        if not name and len(self._recorded) == 1:
            return next(iter(self._recorded))
        if name not in self._recorded:
            raise ConfigError(
                f"{where}: no recording {name!r} here; there are {', '.join(self._recorded)}"
            )
        return name

    def _index(self, where: str, recording: str, row: Mapping[str, str]) -> int:
        parts, number, part = self._recorded[recording], row.get("index", ""), row.get("part", "")
        if bool(number) == bool(part):
            raise ConfigError(f"{where}: expected either `index` or `part`, to say which part")
        found = [i for i, one in parts.items() if (one == part if part else str(i) == number)]
        if not found and number.isdigit() and int(number) in parts:  # 000012
            found = [int(number)]
        if len(found) != 1:
            called = f"part {part or number!r} of {recording!r}"
            raise ConfigError(
                f"{where}: {called} is recorded {len(found)} times; say by `index` which one"
                if found
                else f"{where}: {called} is not recorded; remove the row or mend the name"
            )
        return found[0]


def _table(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows with their line numbers; cells without blanks around them."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); a labelled set has {NAME} beside its "
            "recordings: docs/acceptance.md"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 ({error.reason}); save it as CSV UTF-8") from error
    delimiter = ";" if lines and ";" in lines[0] else ","
    reader = csv.DictReader(lines, delimiter=delimiter, restkey="", restval="")
    columns = [name.strip() for name in reader.fieldnames or ()]
    if unknown := [name for name in columns if name not in KNOWN]:
        raise ConfigError(f"{path}: unknown column {unknown[0]!r}; there are {', '.join(KNOWN)}")
    _check_columns(path, columns)
    reader.fieldnames = columns
    table = []
    for row in reader:
        if row.get(""):
            raise ConfigError(f"{path}: line {reader.line_num}: more cells than columns")
        table.append((reader.line_num, {k: v.strip() for k, v in row.items() if k}))
    return table


def _check_columns(path: Path, columns: Collection[str]) -> None:
    has = set(columns)
    for wanted in ({"hypothesis"}, {"index", "part"}):
        if not has & wanted:
            raise ConfigError(f"{path}: no column {' or '.join(sorted(wanted))}; there are {has}")
    if "severity" not in has and not {"size", "limit"} <= has:
        raise ConfigError(f"{path}: no column severity, nor the columns size and limit instead")


def _severity(where: str, row: Mapping[str, str]) -> float:
    if "size" in row and not row.get("severity"):
        size = _number(where, "size", row)
        limit = _number(where, "limit", row) if size else 1.0
        if limit <= 0.0:
            raise ConfigError(f"{where}: limit: expected a size above 0")
        return size / limit
    return _number(where, "severity", row)


def _number(where: str, column: str, row: Mapping[str, str]) -> float:
    text = row.get(column, "")
    try:
        value = float(text.replace(",", ".")) if text else 0.0
    except ValueError as error:
        raise ConfigError(f"{where}: {column}: {text!r} is not a number") from error
    if not 0.0 <= value < float("inf"):
        raise ConfigError(f"{where}: {column}: {text!r}: expected 0 or more")
    return value


def _check_groups(path: Path, labels: Collection[Label]) -> None:
    """A physical part is one thing, shown under different circumstances."""
    first: dict[str, Label] = {}
    shown: set[tuple[str, str, str]] = set()
    for one in labels:
        known = first.setdefault(one.group, one)
        if (known.hypothesis, known.severity) != (one.hypothesis, one.severity):
            raise ConfigError(
                f"{path}: group {one.group!r} is {known.hypothesis} {known.severity:g} at "
                f"{_name(known.key)} and {one.hypothesis} {one.severity:g} at {_name(one.key)}; "
                "one physical part has one truth"
            )
        showing = (one.group, one.appraiser, one.trial)
        if showing in shown:
            raise ConfigError(
                f"{path}: group {one.group!r} is shown twice by appraiser {one.appraiser!r} as "
                f"trial {one.trial!r}; number the trials"
            )
        shown.add(showing)


def _name(key: tuple[str, int]) -> str:
    return f"{key[1]} of {key[0]}" if key[0] else str(key[1])
