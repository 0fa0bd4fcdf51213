"""The rule for sources that are not independent: what they share counts once."""

import math
from collections.abc import Sequence

import numpy as np

from edge.fusion.errors import Undefined
from edge.fusion.mass import Mass
from edge.fusion.products import Focal
from edge.fusion.transforms import Real, dense, part_supersets, sum_supersets

EPSILON = float(np.finfo(np.float64).eps)


def cautious(_joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Of each set the least weight of any source; conflict stays on the empty set.

    Denoeux 2008, Artificial Intelligence 172, 234-264. Every mass that leaves something open is a
    conjunctive combination of simple ones, each on one set A and the frame, with weight w(A) on the
    frame (Smets 1995). Where independent sources multiply their weights, dependent ones take the
    least, the strongest statement. No source is neutral: a vacuous one has weights of 1, which may
    be the least (Pichon & Denoeux 2008, FLAIRS 21).

    To the first source only that is added which the others say beyond it, one simple mass after
    another: sums of products, none of them negative, so that also the smallest mass is right.

    Raises:
        Undefined: a source that leaves nothing open: it has no weights.
    """
    _check_open(masses)
    weights, rounding = _log_weights(masses)
    beyond = weights.min(axis=0) - weights[0]  # <= 0: (set,)
    focal = dict(masses[0].items())
    for mask in np.flatnonzero(beyond < -2 * rounding).tolist():
        focal = _joined_by_simple(focal, mask, float(beyond[mask]))
    return focal


def _log_weights(masses: Sequence[Mass]) -> tuple[Real, Real]:
    """ln w(A) = - sum over B that hold A of (-1)^(|B| - |A|) ln q(B) (Smets 1995), and its error.

    The whole frame has none.  # (source, set), (set,)
    """
    logarithms = np.log(sum_supersets(np.stack([dense(mass) for mass in masses])))
    weights = -part_supersets(logarithms)
    weights[:, -1] = 0.0
    added = sum_supersets(np.abs(logarithms)).max(axis=0)
    return weights, EPSILON * len(masses[0].frame.hypotheses) * added


def _joined_by_simple(focal: Focal, at: int, log_weight: float) -> Focal:
    """The conjunctive combination with the simple mass of this weight on the set `at`."""
    kept, moved = math.exp(log_weight), -math.expm1(log_weight)
    joint = {mask: kept * value for mask, value in focal.items()}
    for mask, value in focal.items():
        joint[mask & at] = joint.get(mask & at, 0.0) + moved * value
    return joint


def _check_open(masses: Sequence[Mass]) -> None:
    for number, mass in enumerate(masses, 1):
        if mass.ignorance <= 0.0:
            raise Undefined(
                f"the cautious rule needs sources that leave something open, and source {number} "
                "puts nothing on the whole frame; discount it first, by 0.99 say"
            )
