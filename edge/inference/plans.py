"""Engines that took long to build, kept on the box that built them.

An engine is of use to exactly the library, device and driver that it was built with: `Made` says
with what. It is also code that the device runs, so nothing is taken from here whose hash is not the
one that was written down beside it.
"""

import hashlib
import json
import os
import platform
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge.errors import EngineStale
from edge.inference.runner import Precision

FORMAT = 2
KEPT = 64  # engines; one that is kept beyond that takes the place of the one least lately used
CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that an engine depends on."""

    network: str  # sha256 of the ONNX file
    window: str  # its input, and how many windows at most: "float32 3x12800, 8"
    asked: Precision
    library: str  # "tensorrt 10.16.1.11"
    device: str  # "NVIDIA H100 80GB HBM3, SM90", or `processor()`
    driver: str  # of a GPU

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
    with suppress(OSError):  # somebody else's folder: it may be read all the same
        os.utime(file)
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
    _keep_few(where)


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


def processor() -> str:
    """Model of this box's, and the flags that matter to integer and float sums."""
    model, flags = platform.processor() or platform.machine(), set[str]()
    with suppress(OSError):
        for line in CPU_INFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                model = value.strip()
            elif name.strip() in {"flags", "Features"}:
                flags = set(value.split())
                break
    known = sorted(f for f in flags if f.startswith(("avx", "amx", "asimd", "i8mm", "sve")))
    return f"{model} ({' '.join(known)})"


def _keep_few(where: Path) -> None:
    with suppress(FileNotFoundError):  # another process was faster
        used = sorted(where.glob("*.plan"), key=lambda one: one.stat().st_mtime_ns)
        for file in used[:-KEPT]:
            file.unlink()
            file.with_suffix(".json").unlink()


def _file(where: Path, made: Made) -> Path:
    """Of a network and what is asked of it; with what it was made stands in the file beside it."""
    asked = hashlib.sha256(f"{made.network} {made.window}".encode()).hexdigest()[:24]
    return where / f"{asked}-{made.asked}.plan"


def _timings(where: Path, made: Made) -> Path:
    whole = replace(made, network="", window="", asked="int8")
    return where / f"{hashlib.sha256(repr(whole).encode()).hexdigest()[:24]}.timings"
