"""Magnet tiles, good or defective: cross-validated by tile, beside what shape and number give away.

Every picture of a tile is judged by a network that saw no picture of it. Three seeds are averaged.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from models.study.recordings import tile_pictures
from models.study.recordings.tile_lesson import Answers, Lesson, ask, teach
from models.study.recordings.tile_pictures import Clip

Real = NDArray[np.float64]
FOLDS = 4


@dataclass(frozen=True, slots=True)
class _Task:
    """Teach on all but one fold, answer on it."""

    folder: Path
    fold: int
    seed: int
    lesson: Lesson
    threads: int


def answers(
    folder: Path, seeds: int, lesson: Lesson, jobs: int
) -> tuple[list[Clip], list[list[Answers]]]:
    """Every clip, and its answers by each seed's network that never saw its tile."""
    clips = tile_pictures.read(folder)
    threads = max(1, torch.get_num_threads() // jobs)
    tasks = [_Task(folder, f, seed, lesson, threads) for seed in range(seeds) for f in range(FOLDS)]
    found: list[list[Answers]] = [[] for _ in clips]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = pool.map(_answer, tasks)
        for asked in track(done, f"teaching {len(tasks)} networks", total=len(tasks)):
            for index, answer in asked:
                found[index].append(answer)
    return clips, found


def _answer(task: _Task) -> list[tuple[int, Answers]]:
    torch.set_num_threads(task.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    clips = tile_pictures.read(task.folder)
    fold = tile_pictures.folds(clips, FOLDS, seed=0)
    taught = [clip for clip, one in zip(clips, fold, strict=True) if one != task.fold]
    network = teach(taught, task.lesson, task.seed, device)
    asked: Sequence[int] = np.flatnonzero(fold == task.fold).tolist()
    return [(index, ask(network, clips[index], device)) for index in asked]
