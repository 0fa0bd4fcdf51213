"""Choices that were made on this box, on disk; and whether they are still true of it.

A choice holds for exactly what it was measured with: `Key` lists everything that an engine depends
on. What differs is said by name, so that nobody wonders why a box is slow after an update.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.bundle import Bundle
from edge.inference import plans
from edge.inference.runner import ENGINES, Candidate

FORMAT = 1
DRIVER = Path("/proc/driver/nvidia/version")
DEVICES = Path("/proc/driver/nvidia/gpus")
JETSON = Path("/proc/device-tree/model")


@dataclass(frozen=True, slots=True)
class Key:
    """Everything that the choice of a detector's engine depends on."""

    network: str  # sha256 of the ONNX file
    window: str  # shape of its input
    processor: str  # model and instruction set
    device: str  # a GPU, "" for none
    driver: str  # of the GPU
    threads: str
    libraries: str  # engines that are installed, with versions

    def differs(self, other: "Key") -> str:
        """What is another now, in words; "" when nothing is."""
        mine, theirs = asdict(self), asdict(other)
        return "; ".join(
            f"{name} was {mine[name] or 'none'}, is {theirs[name] or 'none'}"
            for name in mine
            if mine[name] != theirs[name]
        )


@dataclass(frozen=True, slots=True)
class Remembered:
    """A choice, and what it was made with."""

    key: Key
    candidate: Candidate


def key_of(bundle: Bundle, detector: str, threads: int) -> Key:
    """As this box is now."""
    passport = bundle.manifest.detectors[detector]
    return Key(
        network=bundle.manifest.files[passport.file],
        window="x".join(str(size) for size in passport.input.shape),
        processor=plans.processor(),
        device=", ".join(_devices()),
        driver=_first_line(DRIVER),
        threads=str(threads),
        libraries=", ".join(sorted({row.installed for row in ENGINES if row.installed})),
    )


def remember(bundle: Bundle, chosen: Mapping[str, Remembered], where: Path) -> Path:
    """Write the choices of a bundle in place of earlier ones; whole or not at all."""
    file = _file(bundle, where)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = {name: asdict(one) for name, one in chosen.items()}
    text = json.dumps({"format": FORMAT, "bundle": bundle.label, "detectors": rows}, indent=1)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as draft:
        draft.write(text + "\n")
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(file)
    return file


def recall(bundle: Bundle, where: Path) -> dict[str, Remembered]:
    """What was chosen for a bundle; nothing where nothing was, or what is there is not ours."""
    try:
        data = json.loads(_file(bundle, where).read_text())
        if data["format"] != FORMAT:
            return {}
        return {
            name: Remembered(Key(**row["key"]), Candidate(**row["candidate"]))
            for name, row in data["detectors"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _file(bundle: Bundle, where: Path) -> Path:
    return where / f"{bundle.manifest.name}-{bundle.sha256[:16]}.json"


def _devices() -> list[str]:
    """GPUs by their model; a Jetson's is the board."""
    found = []
    for one in sorted(DEVICES.glob("*/information")):
        rows = one.read_text(errors="replace").splitlines()
        found += [row.partition(":")[2].strip() for row in rows if row.startswith("Model")]
    return found or ([board] if (board := _first_line(JETSON).strip("\0")) else [])


def _first_line(file: Path) -> str:
    try:
        return file.read_text().splitlines()[0].strip()
    except (OSError, IndexError):
        return ""
