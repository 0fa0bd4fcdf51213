"""From two-class scores to masses, and fused by the appliance's own rule."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from edge.fusion.combination import combine
from edge.fusion.corrections import discount
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from models.study.recordings.figures import Real

RULE = "yager"
RELIABILITY = 0.99
FRAME = Frame(("good", "defective"))
GOOD, DEFECTIVE = FRAME.mask(["good"]), FRAME.mask(["defective"])


def calibrated(odds: Real, truth: NDArray[np.bool_], fold: NDArray[np.int64]) -> Real:
    """Log odds, scaled and shifted by what the other folds showed, both classes as likely."""
    found = np.zeros(len(odds))
    for one in np.unique(fold):
        known = fold != one
        slope, offset = platt(odds[known], truth[known])
        found[~known] = slope * odds[~known] + offset
    return found


def platt(odds: Real, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """(slope, offset) of the logistic fit: Platt 1999, with its smoothed targets.

    Both classes weigh the same, and the slope is never negative.
    """
    bad, good = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (bad + 1.0) / (bad + 2.0), 1.0 / (good + 2.0))
    weight = np.where(truth, 0.5 / bad, 0.5 / good)
    spread = float(odds.std()) + 1e-12
    middle = float(odds.mean())
    scaled = (odds - middle) / spread

    def cost(parameters: Real) -> float:
        logit = math.exp(parameters[0]) * scaled + parameters[1]
        return float(np.sum(weight * (np.logaddexp(0.0, logit) - target * logit)))

    slope, offset = optimize.minimize(cost, np.zeros(2), method="Nelder-Mead").x
    slope = math.exp(slope) / spread
    return slope, float(offset) - slope * middle


def mass(odds: float) -> Mass:
    """Of one source: good or defective, and a little of neither."""
    probability = 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, odds))))
    return discount(Mass(FRAME, {GOOD: 1.0 - probability, DEFECTIVE: probability}), RELIABILITY)


@dataclass(frozen=True, slots=True)
class Fused:
    """Of each part: (part,) each."""

    good: Real  # belief
    defective: Real  # belief; what both leave open is doubt, or conflict
    odds: Real  # logarithm, of the pignistic probability of a defect: what to bet by


def fused(sources: Sequence[Real]) -> Fused:
    """The sources combined by the appliance's rule."""
    masses = [
        combine(RULE, [mass(float(one)) for one in part]).mass
        for part in zip(*sources, strict=True)
    ]
    share = np.array([one.pignistic()["defective"] for one in masses])
    return Fused(
        np.array([one.belief(GOOD) for one in masses]),
        np.array([one.belief(DEFECTIVE) for one in masses]),
        np.log(share / (1.0 - share)),
    )
