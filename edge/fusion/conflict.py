"""How far sources contradict each other, in pairs and all together, and who brings how much of it.

Conflict is the mass that the conjunctive combination gives to the empty set: 0 where the sources
can all be right, 1 where they have no hypothesis in common.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations

import numpy as np
from numpy.polynomial.legendre import leggauss  # np.polynomial is loaded by the first who asks

from edge.fusion.mass import Mass
from edge.fusion.products import conjunction
from edge.fusion.transforms import Real, dense, sum_supersets


def pairwise_conflict(masses: Sequence[Mass]) -> dict[tuple[int, int], float]:
    """Conflict of sources i < j alone: who contradicts whom."""
    pairs = combinations(range(len(masses)), 2)
    return {(i, j): _between(masses[i], masses[j]) for i, j in pairs}


def conflict_shares(
    masses: Sequence[Mass],
    whole: float | None = None,
    pairwise: Mapping[tuple[int, int], float] | None = None,
) -> tuple[float, ...]:
    """Each source's share of the conflict of all; together they are the whole of it.

    Who knows the `whole`, and that of pairs, saves three sources as many combinations.

    Shapley's value (1953, A value for n-person games) of the game whose worth is the conflict of a
    set of sources: how much conflict a source brings when sources join one by one, on average over
    all their orders. A vacuous source has none, sources that say the same have as much, and two
    sources that contradict each other have half each: nothing tells which of two is wrong.

    By Owen 1972, Management Science 18(5), 64-79, it is how fast the conflict grows with this
    source's reliability while all are discounted alike, from 0 to 1. Discounted to t, a source of
    commonality q has 1 - t + t q, and a conflict is an alternating sum of products of these: a
    polynomial in t, which Gauss's quadrature integrates exactly. So it takes k^2 2^n steps for k
    sources on n hypotheses, where the definition takes 2^k combinations.
    """
    count = len(masses)
    if count == 0:
        return ()
    if count == 3:
        every = conjunction(masses).get(0, 0.0) if whole is None else whole
        return _shares_of_three(masses, every, pairwise or pairwise_conflict(masses))
    size = masses[0].frame.everything + 1
    common = sum_supersets(np.stack([dense(mass) for mass in masses]))  # (source, set)
    signs = 1.0 - 2.0 * (np.bitwise_count(np.arange(size)) & 1)
    signs[0] = 0.0  # the empty set is common to all: no conflict lies there
    shares = np.zeros(count)
    for at, weight in _quadrature((count + 1) // 2):
        kept = 1.0 - at + at * common
        together = signs * np.prod(kept, axis=0)
        shares += weight * np.sum((common - 1.0) * together / kept, axis=1)
    return tuple(float(share) for share in np.maximum(shares, 0.0))


def _shares_of_three(
    masses: Sequence[Mass], whole: float, pairwise: Mapping[tuple[int, int], float]
) -> tuple[float, ...]:
    """The definition itself: for three sources, the usual station, it is a third of the steps."""
    alone = [mass[0] for mass in masses]
    pairs = [pairwise[1, 2], pairwise[0, 2], pairwise[0, 1]]  # without each
    shares = [
        alone[i] / 3
        + (pairs[j] - alone[k] + pairs[k] - alone[j]) / 6  # joining k, joining j
        + (whole - pairs[i]) / 3
        for i, j, k in ((0, 1, 2), (1, 0, 2), (2, 0, 1))
    ]
    return tuple(max(share, 0.0) for share in shares)


def _between(one: Mass, other: Mass) -> float:
    others = list(other.items())
    return sum([x * y for a, x in one.items() for b, y in others if not a & b])


@cache
def _quadrature(points: int) -> list[tuple[float, float]]:
    """Places and weights for an integral over 0 to 1, exact up to degree 2 points - 1."""
    at, weights = leggauss(points)
    halves: Real = weights / 2
    return [(float(x), float(w)) for x, w in zip((at + 1) / 2, halves, strict=True)]
