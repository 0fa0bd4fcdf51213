"""Every attempt at acceptance, in a file that is only ever appended to.

One JSON object a line. An attempt is on the disk before the first part is judged, so that a process
that is killed leaves it behind; its outcome follows when it is known. Parts are listed by the start
of their hashes: a set from which one part was taken out is recognised.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import ConfigError

NAME = "acceptance.jsonl"
SHORT = 16  # digits of a part's hash: 64 bits, so that two parts are not taken for one


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody asks whether a bundle is good enough on a set."""

    time: str  # ISO 8601
    bundle: str
    bundle_sha256: str
    set_folder: str
    set_sha256: str
    engine: str
    parts: tuple[str, ...] = field(repr=False)  # starts of their hashes

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(one[:SHORT] for one in self.parts))


@dataclass(frozen=True, slots=True)
class History:
    """What was attempted before, as far as it concerns one new attempt."""

    of_bundle: int  # attempts with this bundle, on any set
    of_set: int  # attempts on this very set, with any bundle
    same: tuple[str, ...]  # times of attempts with this bundle on this very set
    overlapping: tuple[str, ...]  # with this bundle on another set that has parts in common
    other_bundles: tuple[str, ...]  # that were judged on any of these parts
    unreadable: int  # lines that are no attempt: a damaged log hides something

    @property
    def is_first_use(self) -> bool:
        """No part of the set was ever shown to this bundle in an acceptance."""
        return not (self.same or self.overlapping)


def recall(path: Path, attempt: Attempt) -> History:
    """What the log holds that concerns `attempt`.

    Raises:
        ConfigError: the log cannot be read.
    """
    earlier, unreadable = _read(path)
    own = [one for one in earlier if one.bundle_sha256 == attempt.bundle_sha256]
    on_set = [one for one in earlier if one.set_sha256 == attempt.set_sha256]
    parts = set(attempt.parts)
    shared = [one for one in earlier if parts & set(one.parts)]
    return History(
        of_bundle=len(own),
        of_set=len(on_set),
        same=tuple(one.time for one in own if one.set_sha256 == attempt.set_sha256),
        overlapping=tuple(
            one.time for one in own if one in shared and one.set_sha256 != attempt.set_sha256
        ),
        other_bundles=tuple(
            dict.fromkeys(o.bundle for o in shared if o.bundle_sha256 != attempt.bundle_sha256)
        ),
        unreadable=unreadable,
    )


def note(path: Path, attempt: Attempt) -> None:
    """Write an attempt down; on the disk when this returns."""
    append(path, {"event": "attempt", **asdict(attempt)})


def append(path: Path, row: Mapping[str, Any]) -> None:
    """One line more, on the disk when this returns.

    Raises:
        ConfigError: the log cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as log:  # whatever is written goes to the end
            size = log.seek(0, os.SEEK_END)
            log.seek(max(size - 1, 0))
            is_torn = size > 0 and log.read(1) != b"\n"
            log.write((b"\n" if is_torn else b"") + json.dumps(row).encode() + b"\n")
            log.flush()
            os.fsync(log.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(
            f"{path}: the attempt cannot be written down ({error.strerror}); without its log no "
            "acceptance is made: mend the folder, or name another file by --log"
        ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> tuple[Sequence[Attempt], int]:
    try:
        lines = path.read_text().splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the log of attempts cannot be read: {error}") from error
    found, unreadable = [], 0
    for line in filter(None, lines):
        try:
            row = json.loads(line)
            if row.pop("event") == "attempt":
                found.append(Attempt(**row))
        except (ValueError, TypeError, KeyError, AttributeError):
            unreadable += 1
    return found, unreadable
