"""The engine's number at a car that was commissioned: what `edge commission` gains there.

The irregularity becomes a detector of two classes by the other two cars: its logarithm, scaled and
shifted by a logistic fit to their recordings. The unseen car is commissioned by some of its normal
recordings, in every choice that leaves out the one judged, as in the study's own rows.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.study.recordings import commissioned
from models.study.recordings.commissioned import Recording
from models.study.recordings.engine import REFERENCES, Engine
from models.study.recordings.evidence import platt
from models.study.recordings.figures import Figure, Real, two_rates
from models.study.recordings.irregularity import WINDOW_S

NORMAL, FAULTY = "normal", "faulty"
AS_TAUGHT = 0  # normal recordings that the car is commissioned by


def figures(study: str, engines: Sequence[Engine]) -> list[Figure]:
    """Each car unseen in turn: as taught, and commissioned by three, two and one of its normals."""
    cars = sorted({one.car for one in engines})
    found = []
    for count in (*REFERENCES, AS_TAUGHT):
        right: dict[bool, list[bool]] = {True: [], False: []}
        for car in cars:
            others = [one for one in engines if one.car != car]
            own = [one for one in engines if one.car == car]
            for is_faulty, is_right in _judged(own, others, count):
                right[is_faulty].append(is_right)
        words = (
            f"commissioned by the appliance, {count} normal recordings" if count else "as taught"
        )
        bad, good = ((sum(one), len(one)) for one in (right[True], right[False]))
        what = f"irregularity as a detector, {words}"
        found.append(two_rates(study, what, bad, good, len(cars), "each car unseen in turn"))
    return found


def _judged(own: Sequence[Engine], others: Sequence[Engine], count: int) -> list[tuple[bool, bool]]:
    """(faulty, right) of every recording: right with more than half of the choices it is not in."""
    values = np.array([np.log(one.heard.irregularity).mean() for one in others])
    slope, offset = platt(values, np.array([one.is_faulty for one in others]))
    taught = [_recording(one, slope, offset) for one in others if not one.is_faulty]
    bundle = commissioned.bundle((NORMAL, FAULTY), NORMAL, repr((slope, offset)).encode(), taught)
    recorded = [_recording(one, slope, offset) for one in own]
    normal = [one for one, engine in zip(recorded, own, strict=True) if not engine.is_faulty]
    found = []
    for engine, one in zip(own, recorded, strict=True):
        right = [
            commissioned.is_right(commissioned.judged(one, bundle, good), engine.is_faulty)
            for good in combinations([other for other in normal if other is not one], count)
        ]
        found.append((engine.is_faulty, float(np.mean(right)) > 0.5))
    return found


def _recording(one: Engine, slope: float, offset: float) -> Recording:
    """Its windows of 8 s, half of each in the next."""
    length = round(WINDOW_S * one.rate_hz)
    values: Real = np.log(one.heard.irregularity)
    cuts: list[NDArray[np.float32]] = [
        one.sound[None, place * length // 2 : place * length // 2 + length]
        for place in range(len(values))
    ]
    logits = np.stack([np.zeros(len(values)), slope * values + offset], axis=1)
    return commissioned.recording(one.car, cuts, logits, values[:, None], one.rate_hz)
