"""What the appliance makes of many labelled parts, sensor by sensor, kept on disk.

Each process takes parts from a source, asks the networks, hears the answers (`edge.judge.hear`) and
keeps the masses: a few numbers a part. They belong to one bundle's networks and calibration on one
engine, not to its thresholds; what is there already is not made again. Remove the folder when the
program itself hears differently.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from edge.bundle import Bundle, load
from edge.certificate import Ran
from edge.config import Sensor
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from edge.judge import Answer, Heard, hear
from edge.manifest import Manifest
from edge.verdict import SensorReport, Status
from models.calibration.parts import Asked, Source, asked, sensors

Real = NDArray[np.float64]
SHARD = 25  # parts a file


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of many parts: the truth, and by detector what its sensor said and how far it is believed."""

    hypothesis: NDArray[np.int64]  # (part,), index into the manifest's hypotheses
    severity: Real  # (part,), 1 is the reject limit
    mass: Mapping[str, Real]  # detector -> (part, focal set), in the order of `focal_sets`
    reliability: Mapping[str, Real]  # detector -> (part,)
    is_foreign: Mapping[str, NDArray[np.bool_]]  # detector -> (part,): it may not pass
    ran: Mapping[str, Ran]
    sha256: str  # of every window, in order

    def __len__(self) -> int:
        return int(self.hypothesis.size)

    def heard(self, row: int, sensor: Sensor, manifest: Manifest) -> Heard:
        """One sensor's word on one part, as `edge.judge.hear` gave it."""
        frame, name = Frame(manifest.hypotheses), sensor.input
        focal = zip(focal_sets(manifest, name), self.mass[name][row].tolist(), strict=True)
        reliability = float(self.reliability[name][row])
        status: Status = "ok" if reliability == 1.0 else "sick"
        report = SensorReport(status=status, detector=name, reliability=reliability)
        mass = Mass(frame, {focal_set: mass for focal_set, mass in focal if mass > 0.0})
        unfamiliar = "unlike healthy ones" if self.is_foreign[name][row] else ""
        return Heard(Answer(sensor, "ok"), report, mass, {}, unfamiliar)


def focal_sets(manifest: Manifest, detector: str) -> list[int]:
    """Every set that a detector can give mass to."""
    frame = Frame(manifest.hypotheses)
    classes = manifest.detectors[detector].classes
    return sorted({frame.mask(one.hypotheses) for one in classes} | {frame.everything})


@dataclass(frozen=True, slots=True)
class _Task:
    folder: Path  # of the bundle
    engine: str
    source: Source
    start: int
    count: int
    file: Path


def collect(
    bundle: Bundle, engine: str, source: Source, parts: int, *, kept: Path, jobs: int
) -> Evidence:
    """The first `parts` parts of a source, those made before taken from the folder `kept`.

    Raises:
        ValueError: what is kept there was answered by another version of the engine.
    """
    speaks = bundle.manifest.sha256_of("hypotheses", "good", "detectors", "files")
    folder = kept / f"{speaks[:16]}-{engine}"
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        _Task(
            bundle.folder,
            engine,
            source,
            start,
            min(SHARD, parts - start),
            folder / f"{source.name}-{start:06d}-{min(SHARD, parts - start)}.npz",
        )
        for start in range(0, parts, SHARD)
    ]
    missing = [task for task in tasks if not task.file.exists()]
    if missing:
        os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        spawn = get_context("spawn")  # not forked: an engine's threads may run here
        label = f"{source.name}: simulating and asking, {SHARD} parts a step"
        with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_one_thread) as pool:
            for _ in track(pool.map(_keep, missing), label, total=len(missing)):
                pass
    return _joined([_read(task.file, bundle.manifest) for task in tasks], folder)


def _keep(task: _Task) -> None:
    bundle, networks = _asked(task.folder, task.engine)
    manifest = bundle.manifest
    truths, heard, digests = [], [], []
    for part in task.source.answered(task.start, task.count, networks):
        truths.append(part.truth)
        heard.append([hear(answer, bundle) for answer in part.answers])
        digests.append(part.sha256)
    columns: dict[str, NDArray[np.generic]] = {
        "hypothesis": np.array([manifest.hypotheses.index(one.hypothesis) for one in truths]),
        "severity": np.array([one.severity for one in truths], np.float64),
        "sha256": np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32),
    }
    for place, sensor in enumerate(networks.sensors):
        said, name = [row[place] for row in heard], sensor.input
        columns[f"reliability.{name}"] = np.array([one.report.reliability for one in said])
        columns[f"foreign.{name}"] = np.array([bool(one.unfamiliar) for one in said])
        columns[f"mass.{name}"] = np.array([_row(one.mass, manifest, name) for one in said])
    ran = {
        name: {"engine": one.runner.name, "precision": one.runner.precision}
        for name, one in networks.detectors.items()
    }
    draft = task.file.with_suffix(".tmp")
    with draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, ran=np.array(json.dumps(ran)), **columns)
    draft.replace(task.file)  # whole or not at all: a run that is cut short is taken up again


def _row(mass: Mass, manifest: Manifest, detector: str) -> list[float]:
    sets = focal_sets(manifest, detector)
    if strange := set(mass.focal) - set(sets):
        raise ValueError(f"{detector}: mass on {strange}, which is no set of its classes")
    return [mass[one] for one in sets]


@cache
def _asked(folder: Path, engine: str) -> tuple[Bundle, Asked]:
    """Loaded and compiled once a process."""
    bundle = load(folder)
    return bundle, asked(bundle, engine)


def _one_thread() -> None:
    """Processes share the cores already; threads inside them only get in each other's way."""
    cv2.setNumThreads(1)


def _read(file: Path, manifest: Manifest) -> Evidence:
    with np.load(file, allow_pickle=False) as data:
        ran = {name: Ran(**row) for name, row in json.loads(str(data["ran"])).items()}
        names = [sensor.input for sensor in sensors(manifest)]
        return Evidence(
            data["hypothesis"].astype(np.int64),
            data["severity"],
            {name: data[f"mass.{name}"] for name in names},
            {name: data[f"reliability.{name}"] for name in names},
            {name: data[f"foreign.{name}"] for name in names},
            ran,
            data["sha256"].tobytes().hex(),
        )


def _joined(shards: Sequence[Evidence], folder: Path) -> Evidence:
    first = shards[0]
    if any(one.ran != first.ran for one in shards):
        raise ValueError(f"{folder}: different engines answered; remove it and calibrate again")
    names = list(first.mass)
    return Evidence(
        np.concatenate([one.hypothesis for one in shards]),
        np.concatenate([one.severity for one in shards]),
        {name: np.concatenate([one.mass[name] for one in shards]) for name in names},
        {name: np.concatenate([one.reliability[name] for one in shards]) for name in names},
        {name: np.concatenate([one.is_foreign[name] for one in shards]) for name in names},
        first.ran,
        hashlib.sha256(bytes.fromhex("".join(one.sha256 for one in shards))).hexdigest(),
    )
