"""Magnet tiles, good or defective: cross-validated by tile, beside what shape and number give away.

Every picture of a tile is judged by networks that saw no picture of it; the seeds' answers are
averaged. A clip is judged by the clip network, and by the mean of the picture network's answers.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from edge.errors import ConfigError
from models.study.recordings import tile_pictures
from models.study.recordings.figures import Figure, Labels, Real, auroc, interval, ranking
from models.study.recordings.tile_lesson import Answers, Lesson, ask, located, teach
from models.study.recordings.tile_pictures import Clip

STUDY = "tiles"
FOLDS = 4
SPLIT = f"{FOLDS} folds by tile"
PARITY = "clip network less the mean over its pictures"


@dataclass(frozen=True, slots=True)
class Tiles:
    """The answers on every clip: (clip, seed) log odds of a defect, by networks that never saw it.

    `clip_place` and `picture_place`: AUROC of the map's places against the mask, NaN of a good one.
    """

    tile: Labels
    kind: Labels
    fold: NDArray[np.int64]
    is_whole: NDArray[np.bool_]
    pixels: Real
    frames: Real
    clip: Real
    pictures: Real
    clip_place: Real
    picture_place: Real

    @property
    def is_defective(self) -> NDArray[np.bool_]:
        return np.asarray(self.kind != "good")


@dataclass(frozen=True, slots=True)
class _Task:
    """Teach on all but one fold, answer on it."""

    folder: Path
    fold: int
    seed: int
    lesson: Lesson
    threads: int


def judge(folder: Path, seeds: int, lesson: Lesson, jobs: int) -> Tiles:
    """Teach a network a fold and seed; every clip's answers by those that never saw its tile."""
    clips = tile_pictures.read(folder)
    threads = max(1, torch.get_num_threads() // jobs)
    tasks = [_Task(folder, f, seed, lesson, threads) for seed in range(seeds) for f in range(FOLDS)]
    found: list[list[Answers]] = [[] for _ in clips]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = pool.map(_answer, tasks)
        for asked in track(done, f"teaching {len(tasks)} networks", total=len(tasks)):
            for index, answer in asked:
                found[index].append(answer)
    return Tiles(
        tile=np.array([clip.tile for clip in clips]),
        kind=np.array([clip.kind for clip in clips]),
        fold=tile_pictures.folds(clips, FOLDS, seed=0),
        is_whole=np.array([clip.is_whole for clip in clips]),
        pixels=np.array([float(clip.pictures[0].grey.size) for clip in clips]),
        frames=np.array([float(len(clip.pictures)) for clip in clips]),
        clip=np.array([[one.clip for one in each] for each in found]),
        pictures=np.array([[one.pictures.mean() for one in each] for each in found]),
        clip_place=np.array([[located(one.clip_map, one.mask) for one in each] for each in found]),
        picture_place=np.array(
            [[located(one.picture_map, one.mask) for one in each] for each in found]
        ),
    )


def save(tiles: Tiles, path: Path) -> None:
    """As NPZ, for `read`."""
    np.savez_compressed(path, **{name: getattr(tiles, name) for name in Tiles.__slots__})


def read(path: Path) -> Tiles:
    """What `save` wrote.

    Raises:
        ConfigError: no such file, or another.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Tiles(**{name: kept[name] for name in Tiles.__slots__})
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{path}: no answers on tiles ({error}); make them by "
            "`python -m models study tiles --answers FILE`"
        ) from error


def study(tiles: Tiles) -> list[Figure]:
    """AUROC of both networks, of each kind, of the maps, and of the shortcuts."""
    bad, whole = tiles.is_defective, tiles.is_whole
    seeds = tiles.clip.shape[1]
    scores = {
        f"clip network, {seeds} seeds": tiles.clip.mean(axis=1),
        f"mean over its pictures, {seeds} seeds": tiles.pictures.mean(axis=1),
        f"both, {seeds} seeds": tiles.clip.mean(axis=1) + tiles.pictures.mean(axis=1),
    }
    found = []
    for (what, score), each in zip(
        scores.items(), (tiles.clip, tiles.pictures, tiles.clip + tiles.pictures), strict=True
    ):
        alone = [auroc(bad, one) for one in each.T]
        note = f"each seed alone {np.mean(alone):.3f} ({min(alone):.3f} to {max(alone):.3f})"
        found.append(ranking(STUDY, what, bad, score, tiles.tile, SPLIT, note=note))
        found.append(
            ranking(
                STUDY, f"{what}, tiles of all six exposures", bad[whole], score[whole],
                tiles.tile[whole], SPLIT,
            )
        )  # fmt: skip
    both = scores[f"both, {seeds} seeds"]
    for kind in sorted(set(tiles.kind[bad].tolist())):
        kept = ~bad | (tiles.kind == kind)
        found.append(
            ranking(STUDY, f"both, {kind}", bad[kept], both[kept], tiles.tile[kept], SPLIT)
        )
    found.append(_parity(tiles))
    found += [_place(tiles, "clip map", tiles.clip_place)]
    found += [_place(tiles, "mean of the picture maps", tiles.picture_place)]
    for what, score in (("pixels", tiles.pixels), ("number of frames", tiles.frames)):
        side = 1.0 if auroc(bad, score) >= 0.5 else -1.0
        found.append(
            ranking(
                STUDY, f"{what} alone", bad, side * score, tiles.tile, "none: its better side",
                role="shortcut",
            )
        )  # fmt: skip
    return found


def _parity(tiles: Tiles) -> Figure:
    """What time takes away: the exposures of a tile are one view, so that it can add nothing."""
    bad = tiles.is_defective
    clip, pictures = tiles.clip.mean(axis=1), tiles.pictures.mean(axis=1)

    def gained(rows: NDArray[np.int64]) -> float:
        return auroc(bad[rows], clip[rows]) - auroc(bad[rows], pictures[rows])

    low, high = interval(np.where(bad, "bad", "good"), tiles.tile, gained)
    value = gained(np.arange(len(bad)))
    groups = len(np.unique(tiles.tile))
    return Figure(STUDY, PARITY, "AUROC, difference", value, low, high, len(bad), groups, SPLIT)


def _place(tiles: Tiles, what: str, place: Real) -> Figure:
    """Of a defective tile, how surely a place of the defect is hotter than one beside it."""
    bad = tiles.is_defective & np.isfinite(place).all(axis=1)
    mean = place.mean(axis=1)
    kinds, groups = tiles.kind[bad], tiles.tile[bad]
    low, high = interval(kinds, groups, lambda rows: float(mean[bad][rows].mean()))
    return Figure(
        STUDY, f"{what} against the masks", "AUROC of places", float(mean[bad].mean()), low, high,
        int(bad.sum()), len(np.unique(groups)), SPLIT,
    )  # fmt: skip


def _answer(task: _Task) -> list[tuple[int, Answers]]:
    torch.set_num_threads(task.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    clips: list[Clip] = tile_pictures.read(task.folder)
    fold = tile_pictures.folds(clips, FOLDS, seed=0)
    taught = [clip for clip, one in zip(clips, fold, strict=True) if one != task.fold]
    network = teach(taught, task.lesson, task.seed, device)
    asked: list[int] = np.flatnonzero(fold == task.fold).tolist()
    return [(index, ask(network, clips[index], device)) for index in asked]
