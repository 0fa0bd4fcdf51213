"""From the text of a user to masses; what is wrong is refused with where it stands and the cure."""

import json
from collections.abc import Mapping
from typing import Any

from edge.errors import ConfigError
from edge.fusion.frame import SEPARATOR, Frame
from edge.fusion.mass import Mass

KEYS = ("frame", "masses")


def parse(text: str, where: str) -> list[Mass]:
    """The masses of `{"frame": [...], "masses": [{"A": 0.9, "B|C": 0.1}, ...]}`.

    Raises:
        ConfigError: what is wrong, where, and the cure.
    """
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{where}: not JSON: {error}; edge fuse --help shows an example"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    if not isinstance(data, dict) or set(data) != set(KEYS):
        found = ", ".join(data) if isinstance(data, dict) else f"a {type(data).__name__}"
        raise ConfigError(f'{where}: expected an object of "frame" and "masses", found {found}')
    frame = _frame(data["frame"], where)
    sources = data["masses"]
    if not isinstance(sources, list) or not sources:
        raise ConfigError(f"{where}: masses: expected a list of one object a source, at least one")
    return [_mass(one, frame, f"{where}: source {i}") for i, one in enumerate(sources, 1)]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"{twice!r} stands twice in one object; leave one of the two")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no mass; a source that cannot answer gives 1 to the whole frame")


def _frame(names: object, where: str) -> Frame:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f'{where}: frame: expected a list of names, as in ["ok", "crack"]')
    try:
        return Frame(tuple(names))
    except ValueError as error:
        raise ConfigError(f"{where}: frame: {error}") from None


def _mass(said: object, frame: Frame, where: str) -> Mass:
    if not isinstance(said, Mapping):
        raise ConfigError(
            f'{where}: expected an object of sets and their masses, as in {{"ok": 1.0}}'
        )
    try:
        focal: dict[int, float] = {}
        for label, value in said.items():
            mask = frame.subset(label)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"mass of {label} is {value!r}; expected a number")
            if mask in focal:
                raise ValueError(
                    f"{label!r} is a set that stands there already in another order; "
                    "leave one of the two"
                )
            focal[mask] = float(value)
        return Mass(frame, focal)
    except (ValueError, OverflowError) as error:  # a whole number may be larger than a float
        raise ConfigError(f"{where}: {error}{_joined_by(said)}") from None


def _joined_by(said: Mapping[str, object]) -> str:
    """A hint where sets seem to be joined by something else."""
    if any(mark in label for label in said for mark in (",", "+", "&", " or ")):
        return f" (the names of a set are joined by {SEPARATOR!r})"
    return ""
