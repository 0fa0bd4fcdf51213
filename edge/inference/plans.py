"""Engines that took minutes to build, kept on the box that built them.

An engine is of use to exactly the library, GPU and driver that it was built with: `Made` says with
what. It is also code that the GPU runs, so nothing is taken from here whose hash is not the one
that was written down beside it.
"""

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge.errors import EngineStale
from edge.inference.runner import Precision

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that an engine depends on."""

    network: str  # sha256 of the ONNX file
    window: str  # its input, and how many windows at most: "float32 3x12800, 8"
    asked: Precision
    library: str  # "tensorrt 10.16.1.11"
    gpu: str  # "NVIDIA H100 80GB HBM3, SM90"
    driver: str

    def differs(self, other: "Made") -> str:
        """What is another now, in words; "" when nothing is."""
        mine, theirs = asdict(self), asdict(other)
        return "; ".join(
            f"{name} was {mine[name]}, is {theirs[name]}"
            for name in mine
            if mine[name] != theirs[name]
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A serialised engine."""

    made: Made
    data: bytes
    precision: Precision  # what it really multiplies in


def folder() -> Path:
    """CACHE_DIRECTORY, which systemd gives a service, or the user's cache folder (XDG)."""
    given = os.environ.get("CACHE_DIRECTORY")
    if given:
        return Path(given) / "engines"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "edge-verdict" / "engines"


def recall(where: Path, made: Made) -> Plan | None:
    """The engine that was built for this network; None where none was.

    Raises:
        EngineStale: one was, with something else or not whole; says what.
    """
    file = _file(where, made)
    try:
        data = file.read_bytes()
        row = json.loads(file.with_suffix(".json").read_text())
        if row["format"] != FORMAT:
            raise EngineStale(f"{file.name}: kept as format {row['format']}, not {FORMAT}")
        found = Plan(Made(**row["made"]), data, row["precision"])
        sha256 = row["sha256"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineStale(f"{file.name}: cannot be read: {error}") from error
    if changed := found.made.differs(made):
        raise EngineStale(f"{file.name}: {changed}")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise EngineStale(f"{file.name}: is not what was written down")
    return found


def remember(where: Path, plan: Plan) -> None:
    """Keep an engine in place of an earlier one. Readers find both files or an EngineStale."""
    file = _file(where, plan.made)
    row = {
        "format": FORMAT,
        "made": asdict(plan.made),
        "precision": plan.precision,
        "sha256": hashlib.sha256(plan.data).hexdigest(),
    }
    write(file, plan.data)
    write(file.with_suffix(".json"), json.dumps(row, indent=1).encode())


def timings(where: Path, made: Made) -> bytes:
    """What builders measured on this GPU so far; nothing where none did."""
    try:
        return _timings(where, made).read_bytes()
    except OSError:
        return b""


def remember_timings(where: Path, made: Made, measured: bytes) -> None:
    if measured:
        write(_timings(where, made), measured)


def write(file: Path, data: bytes) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as draft:
        draft.write(data)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(file)


def _file(where: Path, made: Made) -> Path:
    """Of a network and what is asked of it; with what it was made stands in the file beside it."""
    asked = hashlib.sha256(f"{made.network} {made.window}".encode()).hexdigest()[:24]
    return where / f"{asked}-{made.asked}.plan"


def _timings(where: Path, made: Made) -> Path:
    whole = replace(made, network="", window="", asked="int8")
    return where / f"{hashlib.sha256(repr(whole).encode()).hexdigest()[:24]}.timings"
