"""What a method of fusion makes of parts, the limits set on it, and what it then decides.

Every method is reduced to what the appliance decides by (`edge.fusion.decision`): how far it doubts
that a part is ok, how far it holds it for a defect, and, where there is such a thing, how far its
sources contradict each other. For a rule of combination these are 1 - Bel(ok), Bel(any defect) and
the conflict; a baseline has one number for the first two. All limits come from good calibration
parts, and together they fail the same share of them in every method: the limit on doubt, of which
there is one for each method, sees to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Truths = NDArray[np.bool_]

GATED = 0.25  # of the good parts that may fail, the share given to the limit on conflict
REJECTED = 0.3  # and the share that may be called a defect outright
EVEN_BELIEF = 0.5
EVEN_ODDS = 0.0  # logarithm


@dataclass(frozen=True, slots=True)
class Opinion:
    """On many parts: (part,) each. Doubt and charge are in the method's own unit."""

    doubt: Real  # a part passes up to a limit on this
    charge: Real  # it is called a defect above a limit on this
    conflict: Real  # 0 for methods that know none
    is_silent: Truths  # the method has no answer: the part is uncertain
    even: float  # the charge at which a defect is as likely as not: no defect below it


@dataclass(frozen=True, slots=True)
class Limits:
    """Up to each of these, a part passes."""

    doubt: float
    charge: float
    conflict: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of each part one of the three is true: it passed, is called a defect, or is uncertain."""

    passed: Truths
    defect: Truths

    @property
    def uncertain(self) -> Truths:
        return ~self.passed & ~self.defect


def open_minded(doubt: Real, even: float = EVEN_ODDS) -> Opinion:
    """Of a method that knows one number a part: what it doubts is what it charges."""
    nothing = np.zeros(doubt.shape)
    return Opinion(doubt, doubt, nothing, np.zeros(doubt.shape, bool), even)


def joined(opinions: Sequence[Opinion]) -> Opinion:
    """On the parts of all, in this order."""
    return Opinion(
        np.concatenate([one.doubt for one in opinions]),
        np.concatenate([one.charge for one in opinions]),
        np.concatenate([one.conflict for one in opinions]),
        np.concatenate([one.is_silent for one in opinions]),
        opinions[0].even,
    )


def settle(good: Opinion, rate: float, *, gated: bool) -> Limits:
    """Limits under which no more than `rate` of these good parts fail to pass.

    Some of the rate goes to the limit on conflict (if the
    method is `gated`), some to calling a defect outright, and the limit on doubt takes the rest.
    """
    conflict = float(np.quantile(good.conflict, 1.0 - GATED * rate)) if gated else np.inf
    charge = max(good.even, float(np.quantile(good.charge, 1.0 - REJECTED * rate)))
    is_failed = (good.conflict > conflict) | (good.charge > charge) | good.is_silent
    allowed = int(rate * is_failed.size) - int(is_failed.sum())
    doubts = np.sort(good.doubt[~is_failed])
    if not doubts.size:
        return Limits(-np.inf, charge, conflict)
    return Limits(float(doubts[-1 - max(0, allowed)]), charge, conflict)


def decide(opinion: Opinion, limits: Limits) -> Verdicts:
    """A defect is looked for first, as the appliance does."""
    defect = (opinion.charge > limits.charge) & ~opinion.is_silent
    passed = (opinion.doubt <= limits.doubt) & (opinion.conflict <= limits.conflict)
    return Verdicts(passed & ~defect & ~opinion.is_silent, defect)
