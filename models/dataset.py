"""Simulated parts on disk, as the networks will see them; splits that share nothing.

A split has a seed and a range of stations of its own, and station traits are drawn from both, so
that no part, room, mounting or light of one split occurs in another.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from edge.manifest import ClipInput, SeriesInput
from models.detectors import AUDIO, CAMERA, DESIGNS, VIBRATION
from sensors.picture import picture
from sensors.simulator.cause import HYPOTHESES
from sensors.simulator.part import SimulatedPart, simulate_part

Pixels = NDArray[np.uint8]
SHARD = 250  # parts a file
FRAME_OFFSET_S = 1.0 / 60.0  # of the first wanted picture after the trigger


@dataclass(frozen=True, slots=True)
class Split:
    """Parts for one purpose: `parts` of them, in turn on each of its stations."""

    name: str
    seed: int
    first_station: int
    stations: int
    defect_share: float

    def place(self, index: int) -> tuple[int, int]:
        """(station index, part index) of the split's part number `index`."""
        return self.first_station + index % self.stations, index // self.stations


SPLITS = (
    Split("train", seed=701, first_station=0, stations=400, defect_share=0.75),
    Split("validation", seed=702, first_station=400, stations=100, defect_share=0.75),
    Split("calibration", seed=703, first_station=500, stations=200, defect_share=0.5),
    Split("test", seed=704, first_station=700, stations=200, defect_share=0.5),
)
GOLDEN = Split("golden", seed=705, first_station=900, stations=10, defect_share=0.75)
# Rules are chosen on these, so that the test parts, on which a bundle is measured, choose nothing.
COMPARISON = Split("comparison", seed=706, first_station=910, stations=200, defect_share=0.5)
# What healthy windows measure is learnt on these: a station for each part, as limits must hold on
# stations never seen, and parts of one station are alike.
MONITOR = Split("monitor", seed=707, first_station=1120, stations=20_000, defect_share=0.25)
# Thresholds are chosen on the first and tested on the second. Every part has a station of its own:
# parts of one station are alike, and exact tests want parts drawn independently.
TUNING = Split("tuning", seed=708, first_station=22_000, stations=28_000, defect_share=0.5)
CERTIFYING = Split("certifying", seed=709, first_station=50_000, stations=50_000, defect_share=0.75)
# Of these one sensor after the other goes wrong; they set nothing and choose nothing either.
PROOF = Split("proof", seed=711, first_station=21_500, stations=100, defect_share=0.75)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one sense recorded of many parts, and what was wrong with them."""

    hypothesis: NDArray[np.int64]  # index into HYPOTHESES
    severity: NDArray[np.float32]
    inputs: NDArray[np.generic]  # (part, *shape of the detector's input)

    def __len__(self) -> int:
        return int(self.hypothesis.size)


def simulate(folder: Path, counts: dict[str, int], jobs: int) -> None:
    """Render `counts[split]` parts of each split into `folder`, with `jobs` processes."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        (split, start, min(SHARD, counts[split.name] - start), folder)
        for split in SPLITS
        for start in range(0, counts.get(split.name, 0), SHARD)
    ]
    # Spawned, not forked: a fork of a process in which an engine's threads run may hang. Numerical
    # libraries read their number of threads when they are loaded, so it is set before.
    spawn = get_context("spawn")
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_one_thread) as pool:
        for _ in track(pool.map(_render_shard, tasks), "simulating", total=len(tasks)):
            pass


def load(folder: Path, split: str, sense: str) -> Parts:
    """Every part of a split, as one sense saw it.

    Raises:
        FileNotFoundError: the split was not simulated.
    """
    columns = _columns(folder, split, ("hypothesis", "severity", sense))
    return Parts(columns[0].astype(np.int64), columns[1].astype(np.float32), columns[2])


def load_truth(folder: Path, split: str) -> Parts:
    """What was wrong with every part of a split, without what was recorded of it."""
    hypothesis, severity = _columns(folder, split, ("hypothesis", "severity"))
    return Parts(hypothesis.astype(np.int64), severity.astype(np.float32), np.empty(0))


def network_inputs(part: SimulatedPart) -> dict[str, NDArray[np.generic]]:
    """The three detectors' inputs, as the appliance would cut them."""
    vibration, audio, camera = VIBRATION.input, AUDIO.input, CAMERA.input
    assert isinstance(vibration, SeriesInput)
    assert isinstance(audio, SeriesInput)
    assert isinstance(camera, ClipInput)
    return {
        "camera": clip(part, camera),
        "vibration": part.vibration[:, : vibration.length],
        "audio": part.sound[None, : audio.length],
    }


def clip(part: SimulatedPart, wanted: ClipInput) -> Pixels:
    """The pictures nearest to the wanted times, decoded by the appliance's own function."""
    times_s = np.array(part.frame_times_s)
    stated_s = FRAME_OFFSET_S + np.arange(wanted.frames) * wanted.stride / wanted.rate_hz
    nearest = np.abs(times_s[None, :] - stated_s[:, None]).argmin(axis=1)
    return np.stack([picture(part.frames[i], wanted.height, wanted.width) for i in nearest])


def parts(split: Split, start: int, count: int) -> Iterator[SimulatedPart]:
    """Parts number `start` to `start + count` of a split."""
    for index in range(start, start + count):
        station, part = split.place(index)
        yield simulate_part(split.seed, station, part, defect_share=split.defect_share)


def _columns(folder: Path, split: str, keys: tuple[str, ...]) -> list[NDArray[np.generic]]:
    paths = sorted(folder.glob(f"{split}-*.npz"))
    if not paths:
        raise FileNotFoundError(f"{folder}: no parts of {split!r}; run `simulate` first")
    columns: list[list[NDArray[np.generic]]] = [[] for _ in keys]
    for path in paths:
        with np.load(path) as shard:
            for column, key in zip(columns, keys, strict=True):
                column.append(shard[key])
    return [np.concatenate(column) for column in columns]


def _one_thread() -> None:
    """Processes share the cores already; threads inside them only get in each other's way."""
    cv2.setNumThreads(1)


def _render_shard(task: tuple[Split, int, int, Path]) -> None:
    split, start, count, folder = task
    hypothesis = np.empty(count, np.uint8)
    severity = np.empty(count, np.float32)
    inputs = {
        name: np.empty((count, *one.input.shape), _STORED[name]) for name, one in DESIGNS.items()
    }
    for row, part in enumerate(parts(split, start, count)):
        hypothesis[row] = HYPOTHESES.index(part.cause.hypothesis)
        severity[row] = part.cause.severity
        for name, values in network_inputs(part).items():
            inputs[name][row] = values
    path = folder / f"{split.name}-{start:06d}.npz"
    np.savez(path, allow_pickle=False, hypothesis=hypothesis, severity=severity, **inputs)


# Half precision rounds each sample of the vibration by 0.05 % at most: less than its sensor.
_STORED = {"camera": np.uint8, "vibration": np.float16, "audio": np.float32}
