"""The rule for sources that are not independent: what they share counts once."""

from collections.abc import Sequence

import numpy as np

from edge.fusion.errors import Undefined
from edge.fusion.mass import Mass
from edge.fusion.products import Focal
from edge.fusion.transforms import (
    Real,
    dense,
    part_supersets,
    sparse,
    sum_supersets,
)


def cautious(_joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Of each set the least weight of any source; conflict stays on the empty set.

    Denoeux 2008, Artificial Intelligence 172, 234-264. Every mass that leaves something open is a
    conjunctive combination of simple ones, each on one set A and the frame, with weight w(A) on the
    frame (Smets 1995). Where independent sources multiply their weights, dependent ones take the
    least, the strongest statement. No source is neutral: a vacuous one has weights of 1, which may
    be the least (Pichon & Denoeux 2008, FLAIRS 21).

    Only what the others say beyond the first is combined with it, so that sources that say the same
    give exactly that.

    Raises:
        Undefined: a source that leaves nothing open: it has no weights.
    """
    _check_open(masses)
    common = sum_supersets(np.stack([dense(mass) for mass in masses]))  # (source, set)
    weights = _log_weights(np.log(common))
    beyond = weights.min(axis=0) - weights[0]  # <= 0: (set,)
    # A simple mass of weight w on A has commonality 1 on subsets of A, and w on all other sets.
    factor = np.exp(beyond.sum() - sum_supersets(beyond))
    joint = common[0] * factor
    frame = masses[0].frame
    focal = dict(sparse(frame, part_supersets(joint)).items())
    # The frame's commonality is its mass: no rounding, however small, and weights need it above 0
    focal[frame.everything] = float(joint[-1])
    return focal


def _log_weights(log_common: Real) -> Real:
    """ln w(A) = - sum over B that hold A of (-1)^(|B| - |A|) ln q(B) (Smets 1995).

    The whole frame has none.  # (source, set)
    """
    weights = -part_supersets(log_common)
    weights[..., -1] = 0.0
    return weights


def _check_open(masses: Sequence[Mass]) -> None:
    for number, mass in enumerate(masses, 1):
        if mass.ignorance <= 0.0:
            raise Undefined(
                f"the cautious rule needs sources that leave something open, and source {number} "
                "puts nothing on the whole frame; discount it first, by 0.99 say"
            )
