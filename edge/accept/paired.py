"""Two methods on the same parts: whether one finds more, and by how much. Pure."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from edge.accept.exact import CONFIDENCE, mcnemar

_STEPS = 100


@dataclass(frozen=True, slots=True)
class Paired:
    """How two methods fared on the same `pairs`; the difference is first minus second."""

    pairs: int
    only_first: int
    only_second: int
    p_value: float
    difference: float
    low: float
    high: float


def paired(pairs: int, only_first: int, only_second: int, confidence: float = CONFIDENCE) -> Paired:
    """Exact McNemar test, and Tango's score interval of the difference of the two shares.

    Tango 1998, Statistics in Medicine 17, 891-908: it keeps its confidence where few pairs differ,
    as here, and has a width also where none does.
    """
    difference = (only_first - only_second) / pairs if pairs else math.nan
    low, high = tango(pairs, only_first, only_second, confidence)
    p_value = mcnemar(only_first, only_second)
    return Paired(pairs, only_first, only_second, p_value, difference, low, high)


def tango(
    pairs: int, only_first: int, only_second: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Interval of the difference of two paired shares; NaN without a pair."""
    if not pairs:
        return math.nan, math.nan
    limit = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    low = -_end(pairs, only_second, only_first, limit)
    return low, _end(pairs, only_first, only_second, limit)


def _end(pairs: int, gained: int, lost: int, limit: float) -> float:
    """The largest difference whose score lies within `limit`."""
    inside, outside = (gained - lost) / pairs, 1.0
    for _ in range(_STEPS):
        middle = (inside + outside) / 2.0
        if -_score(pairs, gained, lost, middle) <= limit:
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2.0


def _score(pairs: int, gained: int, lost: int, difference: float) -> float:
    """Standardised gap between the observed difference and a supposed one.

    `nuisance` is the most likely share of pairs that only the second method finds, given that
    difference: the root of a quadratic (Tango 1998, eq. 16).
    """
    middle = -gained - lost + (2 * pairs - gained + lost) * difference
    last = -lost * difference * (1.0 - difference)
    nuisance = (math.sqrt(max(middle**2 - 8 * pairs * last, 0.0)) - middle) / (4 * pairs)
    variance = pairs * (2.0 * nuisance + difference * (1.0 - difference))
    gap = gained - lost - pairs * difference
    if variance <= 0.0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)
