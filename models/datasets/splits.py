"""Which examples teach, which choose, which judge: never two of these from one group.

Windows of one part, machine or recording are alike. A network that has seen one of them knows the
others, so a group that stands in two splits makes every figure too good. That is an error here,
not a warning.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from edge.errors import ConfigError
from models.datasets.manifest import Row
from models.datasets.source import SPLITS, Source


class Grouped(Protocol):
    """Whatever belongs to a group and to a split."""

    @property
    def group(self) -> str: ...
    @property
    def split(self) -> str: ...


One = TypeVar("One", bound=Grouped)


def drawn(rows: Sequence[Row], source: Source) -> list[Row]:
    """The rows, each with a split: those stated, the others drawn by group, label by label.

    Raises:
        ConfigError: a group that stands in two splits; too few groups to draw from.
    """
    check_apart(rows)
    stated = {row.split for row in rows}
    rows = _draw(rows, "", "test", 0.0 if "test" in stated else source.test_share, source)
    rows = [replace(row, split=row.split or "train") for row in rows]
    if "validation" not in stated:
        rows = _draw(rows, "train", "validation", source.validation_share, source)
    return rows


def check_apart(rows: Iterable[Grouped]) -> None:
    """Raises ConfigError, naming the first group that stands in two splits."""
    first: dict[str, Grouped] = {}
    for row in rows:
        known = first.setdefault(row.group, row)
        if known.split != row.split:
            here, there = getattr(row, "where", "a part"), getattr(known, "where", "another")
            raise ConfigError(
                f"{here}: group {row.group!r} is in {row.split or 'no split'!r}, and at {there} in "
                f"{known.split or 'no split'!r}: what is alike must not teach and judge; put the "
                "whole group into one split"
            )


def check_labels(labels: Iterable[str], classes: Sequence[str], where: str) -> None:
    """Raises ConfigError, naming the first label that is no class."""
    if foreign := sorted(set(labels) - set(classes)):
        raise ConfigError(
            f"{where}: label {foreign[0]!r} is no class; there are {', '.join(classes)}: translate "
            f'it by [data.labels] "{foreign[0]}" = "..." in the configuration, or add a class'
        )


def check_classes(rows: Iterable[tuple[str, str]], classes: Sequence[str], where: str) -> None:
    """Of (label, split). Raises ConfigError, naming the first class that a split is without."""
    found: dict[str, set[str]] = defaultdict(set)
    for label, split in rows:
        found[split].add(label)
    for split in sorted(found, key=SPLITS.index):
        if missing := [name for name in classes if name not in found[split]]:
            raise ConfigError(
                f"{where}: no example of class {missing[0]!r} in {split}; record some, move a "
                "group of it there, or take the class out of the configuration"
            )


def _draw(rows: Sequence[Row], out_of: str, to: str, share: float, source: Source) -> list[Row]:
    """Move `share` of the groups in one split to another, at least one of every label."""
    labels: dict[str, set[str]] = defaultdict(set)  # of a group
    for row in rows:
        if row.split == out_of:
            labels[row.group].add(row.label)
    if not labels or share == 0.0:
        return list(rows)
    common = Counter(label for names in labels.values() for label in names)
    by_label: dict[str, list[str]] = defaultdict(list)  # a mixed group under its rarest label
    for group, names in sorted(labels.items()):
        by_label[min(sorted(names), key=common.__getitem__)].append(group)
    random = np.random.default_rng(source.seed)
    moved: set[str] = set()
    for label, groups in sorted(by_label.items()):
        if len(groups) < 2:
            raise ConfigError(
                f"{rows[0].where.partition(': ')[0]}: only one group ({groups[0]!r}) of "
                f"{label}, and {to} needs one of its own; record another, or state the "
                "splits in the manifest"
            )
        count = min(len(groups) - 1, max(1, round(share * len(groups))))
        moved |= {groups[i] for i in random.permutation(len(groups))[:count]}
    return [replace(row, split=to) if row.group in moved else row for row in rows]
