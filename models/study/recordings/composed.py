"""Parts composed of independent recordings: no public set has three senses of one part.

A part is a tile's clip, a window of a motor's vibration and a window of an engine's sound, put
together by label alone. Every answer comes from a study's own split, by a detector that never saw
the tile, the load or the car, and is calibrated on other folds. Defects are composed two ways:
shown by all three senses, and by one of them while the other two are good, which no single sense
can find. A part fails when it does not pass; being uncertain is failing too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.study.recordings import adi, engine, evidence
from models.study.recordings.figures import TAILS, Figure, Labels, Real
from models.study.recordings.motors import HEALTHY
from models.study.recordings.tiles import Tiles

STUDY = "composed"
PARTS = 2_000  # good ones, and as many defective
DRAWS = 200
EVEN = 0.5  # belief in good from which a part passes, in a defect from which it is called one
MEASURES = ("escapes", "good failed", "good called defective")
SPLIT = "every answer from its own study's split"


@dataclass(frozen=True, slots=True)
class Sense:
    """Answers to draw from: (answer,) each."""

    name: str
    odds: Real  # calibrated, of a defect
    is_defective: NDArray[np.bool_]
    group: Labels  # independent tile, assembly or recording

    def groups(self, is_defective: bool) -> list[NDArray[np.int64]]:
        """Rows of each group of this state."""
        mine = self.is_defective == is_defective
        return [np.flatnonzero(mine & (self.group == one)) for one in np.unique(self.group[mine])]


def study(tiles: Tiles, motors: Sequence[adi.Judged], engines: list[engine.Engine]) -> list[Figure]:
    """Escapes and failed good parts, of each sense alone and fused."""
    senses = [_of_tiles(tiles), _of_motors(motors), _of_engines(engines)]
    return [figure for shown in ("all three", "one") for figure in _composed(senses, shown)]


def _composed(senses: list[Sense], shown: str) -> list[Figure]:
    rng = np.random.default_rng(11)
    whole = [{state: one.groups(state) for state in (True, False)} for one in senses]
    value = _rates(senses, whole, shown, rng, PARTS)
    again = []
    for _ in range(DRAWS):
        drawn = [
            {state: [each[i] for i in rng.integers(0, len(each), len(each))]
             for state, each in one.items()}
            for one in whole
        ]  # fmt: skip
        again.append(_rates(senses, drawn, shown, rng, PARTS // 10))
    groups = min(len(each) for one in whole for each in one.values())
    figures = []
    for name, rates in value.items():
        for side, measure in enumerate(MEASURES):
            low, high = np.percentile([one[name][side] for one in again], TAILS)
            figures.append(
                Figure(
                    STUDY, f"{name}; defects shown by {shown}", measure, rates[side],
                    float(low), float(high), PARTS, groups, SPLIT,
                )
            )  # fmt: skip
    return figures


def _rates(
    senses: list[Sense], groups: list[dict[bool, list[NDArray[np.int64]]]], shown: str,
    rng: np.random.Generator, parts: int,
) -> dict[str, tuple[float, float, float]]:  # fmt: skip
    """`MEASURES` of every method on parts composed anew."""
    is_shown = np.ones((2 * parts, len(senses)), bool)
    if shown == "one":
        is_shown = np.arange(len(senses)) == rng.integers(0, len(senses), (2 * parts, 1))
    is_shown[:parts] = False
    odds = [
        np.array([one.odds[_row(each[bool(state)], rng)] for state in is_shown[:, place]])
        for place, (one, each) in enumerate(zip(senses, groups, strict=True))
    ]
    answers = {
        f"{one.name} alone": (said <= 0.0, said > 0.0)
        for one, said in zip(senses, odds, strict=True)
    }
    joint = evidence.fused(odds)
    answers["fused (Yager), beliefs"] = (joint.good >= EVEN, joint.defective >= EVEN)
    answers["fused (Yager), even bet"] = (joint.odds <= 0.0, joint.odds > 0.0)
    return {
        name: (
            float(passes[parts:].mean()),
            float(1.0 - passes[:parts].mean()),
            float(is_called[:parts].mean()),
        )
        for name, (passes, is_called) in answers.items()
    }


def _row(groups: list[NDArray[np.int64]], rng: np.random.Generator) -> int:
    """Of a group drawn evenly, one answer."""
    group = groups[int(rng.integers(len(groups)))]
    return int(group[int(rng.integers(len(group)))])


def _of_tiles(tiles: Tiles) -> Sense:
    odds = evidence.calibrated(tiles.clip.mean(axis=1), tiles.is_defective, tiles.fold)
    return Sense("camera", odds, tiles.is_defective, tiles.tile)


def _of_motors(each: Sequence[adi.Judged]) -> Sense:
    """Windows under both loads, each judged by a network of the other load."""
    odds, bad, group, load = [], [], [], []
    for judged in each:
        healthy = judged.conditions.index(HEALTHY)
        for motor, windows in zip(judged.motors, judged.windows, strict=True):
            good = np.clip(windows[:, healthy], 1e-6, 1.0 - 1e-6)
            odds += list(np.log1p(-good) - np.log(good))
            bad += [motor.condition != HEALTHY] * len(good)
            group += [f"{motor.condition} {motor.load_lb} lb"] * len(good)
            load += [motor.load_lb] * len(good)
    is_defective = np.array(bad)
    calm = evidence.calibrated(np.array(odds), is_defective, np.array(load))
    return Sense("vibration", calm, is_defective, np.array(group))


def _of_engines(engines: list[engine.Engine]) -> Sense:
    """Windows of 8 s against the highest of three normal recordings of the car (logarithm)."""
    odds, bad, group, car = [], [], [], []
    for place, one in enumerate(engines):
        normal = [e for e in engines if e.car == one.car and not e.is_faulty and e is not one]
        means = [float(e.heard.irregularity.mean()) for e in normal[:3]]
        odds += list(np.log(one.heard.irregularity / engine.limit(means, 1.0)))
        bad += [one.is_faulty] * len(one.heard.irregularity)
        group += [f"{one.car} {place}"] * len(one.heard.irregularity)
        car += [one.car] * len(one.heard.irregularity)
    is_defective, cars = np.array(bad), np.array(car)
    calm = evidence.calibrated(
        np.array(odds), is_defective, np.unique(cars, return_inverse=True)[1]
    )
    return Sense("sound", calm, is_defective, np.array(group))
