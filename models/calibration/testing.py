"""Which candidates keep the escape rate, by tests in a fixed order; the cheapest of them. Pure.

Angelopoulos, Bates, Candes, Jordan & Lei 2021, Learn then Test, arXiv 2110.01052: each candidate is
the hypothesis "more than `rate` of the defects escape". Tested from strict to loose, each at the
full level, until the first that cannot be refuted, the chance that any refuted one is true is at
most that level (fixed-sequence testing). So one may choose freely among them, by these very parts.
Escapes of independent parts are binomial, and so is the p-value, exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from edge.certificate import Costs
from edge.manifest import Thresholds
from models.calibration.candidates import Counts, counted
from models.calibration.standings import Standings
from models.statistics import at_most, trials_needed


@dataclass(frozen=True, slots=True)
class Tested:
    """A candidate and what it did to the certifying parts."""

    limits: Thresholds
    counts: Counts
    p_value: float  # of the escapes, if the rate were too high
    cost: float  # expected, a part


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of thresholds, and whether it was shown to keep the rate."""

    chosen: Tested
    is_certified: bool
    candidates: int
    held: int  # of these, from the strictest on
    defects_missing: int  # more defective parts with which the strictest would have held


def certified(
    candidates: Sequence[Thresholds], parts: Standings, costs: Costs, rate: float, confidence: float
) -> Outcome:
    """The cheapest candidate that keeps the rate at this confidence.

    Where none does, the cheapest of all, which promises nothing; `defects_missing` says how far off
    the strictest was.
    """
    level = 1.0 - confidence
    tried = (_tested(limits, parts, costs, rate) for limits in candidates)
    if held := list(takewhile(lambda one: one.p_value <= level, tried)):
        return Outcome(min(held, key=_cost), True, len(candidates), len(held), 0)
    every = [_tested(limits, parts, costs, rate) for limits in candidates]
    strictest = every[0].counts
    missing = trials_needed(int(strictest.escapes), rate, confidence) - strictest.defects
    return Outcome(min(every, key=_cost), False, len(candidates), 0, missing)


def _cost(one: Tested) -> float:
    return one.cost


def _tested(limits: Thresholds, parts: Standings, costs: Costs, rate: float) -> Tested:
    counts = counted(parts, limits)
    p_value = at_most(int(counts.escapes), counts.defects, rate)
    return Tested(limits, counts, p_value, float(counts.cost(costs)))
