"""What the bundle's INT8 networks answer to several windows of simulated parts.

Parts last long enough for three windows, 0.25 s apart. Of each defective part there is a twin
without the defect, of the same motor, at the same speed, with the same noise: its first window
stands for a defect that does not show yet.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from edge.bundle import Bundle, load
from edge.manifest import ClipInput, Detector, SeriesInput
from models.dataset import FRAME_OFFSET_S, Split
from models.study.kept import one_thread, runners
from sensors.picture import picture
from sensors.simulator.cause import HYPOTHESES, OK, Cause
from sensors.simulator.part import SimulatedPart, simulate_part

Real = NDArray[np.float64]
Logits = Mapping[str, Real]  # detector -> (part, window, class)

OFFSETS_S = (0.0, 0.25, 0.5)
BEFORE = len(OFFSETS_S)  # number of the window in which no defect shows yet: the twin's first
DURATION_S = 1.05
SHARD = 10
PARTS = Split("windows", seed=707, first_station=1120, stations=150, defect_share=0.5)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the networks answered to every window of every part."""

    hypothesis: NDArray[np.int64]
    severity: Real
    logits: Logits


def collect(bundle: Bundle, parts: int, jobs: int) -> Kept:
    """Simulate parts, and ask the networks about each window."""
    tasks = [(bundle.folder, start, min(SHARD, parts - start)) for start in range(0, parts, SHARD)]
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=one_thread) as pool:
        shards = list(track(pool.map(_answer, tasks), "simulating", total=len(tasks)))
    return Kept(
        np.concatenate([one.hypothesis for one in shards]),
        np.concatenate([one.severity for one in shards]),
        {n: np.concatenate([one.logits[n] for one in shards]) for n in shards[0].logits},
    )


def _answer(task: tuple[Path, int, int]) -> Kept:
    folder, start, count = task
    answer, detectors = runners(folder), load(folder).manifest.detectors
    causes = []
    logits: dict[str, list[list[NDArray[np.float32]]]] = {name: [] for name in detectors}
    for index in range(start, start + count):
        part = _part(index, None)
        twin = part if part.cause.hypothesis == OK.hypothesis else _part(index, OK)
        causes.append(part.cause)
        views = [(part, offset_s) for offset_s in OFFSETS_S] + [(twin, OFFSETS_S[0])]
        for name, detector in detectors.items():
            cut = [window(seen, detector, offset_s) for seen, offset_s in views]
            logits[name].append([answer[name].run(one)["logits"] for one in cut])
    return Kept(
        np.array([HYPOTHESES.index(one.hypothesis) for one in causes]),
        np.array([one.severity for one in causes], np.float64),
        {name: np.array(rows, np.float64) for name, rows in logits.items()},
    )


def _part(index: int, cause: Cause | None) -> SimulatedPart:
    station, number = PARTS.place(index)
    return simulate_part(
        PARTS.seed,
        station,
        number,
        duration_s=DURATION_S,
        cause=cause,
        defect_share=PARTS.defect_share,
    )


def window(part: SimulatedPart, detector: Detector, offset_s: float) -> NDArray[np.generic]:
    """A detector's input from `offset_s` after the edge on, as the appliance would cut it."""
    wanted = detector.input
    if isinstance(wanted, ClipInput):
        steps = np.arange(wanted.frames) * wanted.stride / wanted.rate_hz
        stated_s = FRAME_OFFSET_S + offset_s + steps
        times_s = np.array(part.frame_times_s)
        nearest = np.abs(times_s[None, :] - stated_s[:, None]).argmin(axis=1)
        return np.stack([picture(part.frames[i], wanted.height, wanted.width) for i in nearest])
    assert isinstance(wanted, SeriesInput)
    first = round(offset_s * wanted.rate_hz)
    wave = part.vibration if detector.sense == "vibration" else part.sound[None]
    return np.ascontiguousarray(wave[:, first : first + wanted.length])


def save(kept: Kept, path: Path) -> None:
    with path.open("wb") as file:
        columns = {f"logits.{name}": rows for name, rows in kept.logits.items()}
        np.savez_compressed(
            file,
            allow_pickle=False,
            hypothesis=kept.hypothesis,
            severity=kept.severity,
            **columns,
        )


def read(path: Path) -> Kept:
    with np.load(path) as data:
        names = [key.removeprefix("logits.") for key in data if key.startswith("logits.")]
        logits = {name: data[f"logits.{name}"] for name in names}
        return Kept(data["hypothesis"], data["severity"], logits)
