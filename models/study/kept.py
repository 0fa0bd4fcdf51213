"""What the bundle's INT8 networks answer to simulated parts: a few numbers a part, in one file.

Each process simulates a part, asks the networks by the appliance's own runner, and forgets the
recording, so that no part ever lies on the disk.
"""

import json
import os
from collections.abc import Mapping
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
from edge.inference import openvino
from edge.inference.runner import Runner
from models import dataset
from models.answers import Answered
from models.dataset import COMPARISON, SPLITS, Parts, Split, network_inputs
from sensors.simulator.cause import HYPOTHESES

SHARD = 25  # parts a task
CALIBRATION = next(split for split in SPLITS if split.name == "calibration")
COMPARED = (CALIBRATION, COMPARISON)


@dataclass(frozen=True, slots=True)
class Kept:
    """Answers to set limits by, others to compare by, and who answered."""

    calibration: Answered
    comparison: Answered
    networks: Mapping[str, str]  # file -> SHA-256
    engine: str


def collect(bundle: Bundle, parts: int, jobs: int) -> Kept:
    """Simulate `parts` parts of each split, and ask the networks about them."""
    tasks = [
        (bundle.folder, split, start, min(SHARD, parts - start))
        for split in COMPARED
        for start in range(0, parts, SHARD)
    ]
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    spawn = get_context("spawn")  # not forked: an engine's threads may run here
    shards: dict[str, list[Answered]] = {split.name: [] for split in COMPARED}
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=one_thread) as pool:
        found = pool.map(_answer, tasks)
        label = f"simulating and asking, {SHARD} parts a step"
        for task, shard in zip(tasks, track(found, label, total=len(tasks)), strict=True):
            shards[task[1].name].append(shard)
    calibration, comparison = (_joined(shards[split.name]) for split in COMPARED)
    return Kept(calibration, comparison, networks(bundle), _engine(bundle.folder))


def networks(bundle: Bundle) -> dict[str, str]:
    """The hash of each network's file: answers belong to these and no others."""
    manifest = bundle.manifest
    return {one.file: manifest.files[one.file] for one in manifest.detectors.values()}


def save(kept: Kept, path: Path) -> None:
    """Write everything into one npz file."""
    columns: dict[str, NDArray[np.generic]] = {}
    for split, answered in zip(COMPARED, (kept.calibration, kept.comparison), strict=True):
        columns[f"{split.name}.hypothesis"] = answered.truth.hypothesis
        columns[f"{split.name}.severity"] = answered.truth.severity
        for name, logits in answered.int8.items():
            columns[f"{split.name}.int8.{name}"] = logits
    who = np.array(json.dumps({"networks": dict(kept.networks), "engine": kept.engine}))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # a path without .npz would be given one
        np.savez_compressed(file, allow_pickle=False, who=who, **columns)


def read(path: Path, bundle: Bundle) -> Kept:
    """What `save` wrote.

    Raises:
        ValueError: other networks answered than those of the bundle.
    """
    with np.load(path) as data:
        who = json.loads(str(data["who"]))
        if who["networks"] != networks(bundle):
            raise ValueError(
                f"{path}: answers of other networks than those in {bundle.folder}; make the file "
                "again by `python -m models evaluate --fusion --save`"
            )
        names = list(bundle.manifest.detectors)
        calibration, comparison = (_read_split(data, split, names) for split in COMPARED)
    return Kept(calibration, comparison, who["networks"], who["engine"])


def _read_split(
    data: Mapping[str, NDArray[np.generic]], split: Split, names: list[str]
) -> Answered:
    hypothesis, severity = data[f"{split.name}.hypothesis"], data[f"{split.name}.severity"]
    truth = Parts(hypothesis.astype(np.int64), severity.astype(np.float32), np.empty(0))
    logits = {name: data[f"{split.name}.int8.{name}"].astype(np.float64) for name in names}
    return Answered(truth, logits, {})


def _answer(task: tuple[Path, Split, int, int]) -> Answered:
    folder, split, start, count = task
    answer = runners(folder)
    causes = []
    logits: dict[str, list[NDArray[np.float32]]] = {name: [] for name in answer}
    for part in dataset.parts(split, start, count):
        causes.append(part.cause)
        for name, values in network_inputs(part).items():
            logits[name].append(answer[name].run(values)["logits"])
    truth = Parts(
        np.array([HYPOTHESES.index(one.hypothesis) for one in causes]),
        np.array([one.severity for one in causes], np.float32),
        np.empty(0),
    )
    return Answered(truth, {n: np.array(rows, np.float64) for n, rows in logits.items()}, {})


@cache
def runners(folder: Path) -> dict[str, Runner]:
    """Compiled once a process."""
    return {
        name: openvino.open_runner(folder / one.file, one.input, threads=1)
        for name, one in load(folder).manifest.detectors.items()
    }


def _engine(folder: Path) -> str:
    every = runners(folder).values()
    return ", ".join(sorted({f"{one.name} {one.precision}" for one in every}))


def one_thread() -> None:
    """Processes share the cores already; threads inside them only get in each other's way."""
    cv2.setNumThreads(1)


def _joined(shards: list[Answered]) -> Answered:
    truth = Parts(
        np.concatenate([one.truth.hypothesis for one in shards]),
        np.concatenate([one.truth.severity for one in shards]),
        np.empty(0),
    )
    names = list(shards[0].int8)
    return Answered(truth, {n: np.concatenate([one.int8[n] for one in shards]) for n in names}, {})
