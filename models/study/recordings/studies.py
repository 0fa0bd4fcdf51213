"""Every study by its name: from the command's arguments to figures."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from models.study.recordings import (
    adi,
    adi_commissioned,
    composed,
    cutting,
    engine,
    engine_commissioned,
    fan,
    motors,
    speeds,
    tiles,
)
from models.study.recordings.figures import Figure
from models.study.recordings.tile_lesson import Lesson

FOLDERS = {
    tiles.STUDY: "vision_magnetic_tile",
    adi.STUDY: "vibration_adi_motor",
    speeds.STUDY: "vibration_adi_motor",
    engine.STUDY: "audio_engine_idle",
    fan.STUDY: "vibration_ceiling_fan",
    cutting.STUDY: "sync_cnc_milling_video_audio",
}
SEEDS = {tiles.STUDY: 2, adi.STUDY: 10, speeds.STUDY: 1, cutting.STUDY: 2, composed.STUDY: 3}


def _tiles(arguments: argparse.Namespace) -> list[Figure]:
    return tiles.study(_judged_tiles(arguments, arguments.answers))


def _judged_tiles(arguments: argparse.Namespace, kept: Path | None) -> tiles.Tiles:
    jobs = arguments.jobs or 1
    found = tiles.judge(_folder(arguments, tiles.STUDY), _seeds(arguments), Lesson(), jobs)
    if kept:
        tiles.save(found, kept)
    return found


def _adi(arguments: argparse.Namespace) -> list[Figure]:
    known, seeds = motors.read(_folder(arguments, adi.STUDY)), _seeds(arguments)
    found = adi.study(known, seeds)
    for way in adi.DIRECTIONS:
        found += adi_commissioned.figures(adi.STUDY, known, *way, seeds)
    return found


def _speeds(arguments: argparse.Namespace) -> list[Figure]:
    return speeds.study(_folder(arguments, speeds.STUDY), _seeds(arguments), arguments.jobs or 1)


def _engine(arguments: argparse.Namespace) -> list[Figure]:
    engines = engine.read(_folder(arguments, engine.STUDY))
    return engine.study(engines) + engine_commissioned.figures(engine.STUDY, engines)


def _fan(arguments: argparse.Namespace) -> list[Figure]:
    return fan.study(_folder(arguments, fan.STUDY))


def _cutting(arguments: argparse.Namespace) -> list[Figure]:
    return cutting.study(_folder(arguments, cutting.STUDY), _seeds(arguments))


def _composed(arguments: argparse.Namespace) -> list[Figure]:
    kept = arguments.answers
    known = tiles.read(kept) if kept else _judged_tiles(arguments, None)
    recorded = motors.read(_folder(arguments, adi.STUDY))
    each = [
        adi.together(
            [adi.judge(recorded, *way, seed, adi.Lesson()) for seed in range(_seeds(arguments))]
        )
        for way in adi.DIRECTIONS
    ]
    return composed.study(known, each, engine.read(_folder(arguments, engine.STUDY)))


def _folder(arguments: argparse.Namespace, study: str) -> Path:
    return Path(arguments.data) / FOLDERS[study]


def _seeds(arguments: argparse.Namespace) -> int:
    return int(arguments.seeds or SEEDS[arguments.study])


STUDIES: Mapping[str, Callable[[argparse.Namespace], list[Figure]]] = {
    tiles.STUDY: _tiles,
    adi.STUDY: _adi,
    speeds.STUDY: _speeds,
    engine.STUDY: _engine,
    fan.STUDY: _fan,
    cutting.STUDY: _cutting,
    composed.STUDY: _composed,
}
