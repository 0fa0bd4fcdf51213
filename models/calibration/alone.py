"""All sensors together against each alone: the same parts, the same rate of false rejects.

A sensor alone passes a part by its own belief that nothing is wrong, with a limit that fails as
many good parts as the fused verdict fails, rejected or uncertain. The limit is set on the very
parts it is counted on, in the sensor's favour; so were the fused thresholds chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Thresholds
from models.calibration.evidence import Evidence
from models.calibration.standings import Standings
from models.statistics import mcnemar

Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pair:
    """Of the same defects at or above their limit: how many pass, and the exact McNemar test."""

    defects: int
    escapes: int  # of the sensor alone
    fused_escapes: int
    only_alone: int  # pass the sensor and not all together
    only_fused: int  # the other way round
    p_value: float

    @property
    def times_fewer(self) -> float:
        """Escapes alone, over fused ones; infinite where none escapes fusion but some do alone."""
        if self.fused_escapes:
            return self.escapes / self.fused_escapes
        return float("inf") if self.escapes else 1.0


@dataclass(frozen=True, slots=True)
class Alone:
    """One sensor against all."""

    sensor: str
    good: int
    good_failed: int  # by the sensor alone; the fused verdict fails at least as many
    every: Pair  # all kinds of defect
    seen: Pair  # those that this sensor can see


def compared(
    evidence: Evidence, fused: Standings, limits: Thresholds, singles: Sequence[Standings]
) -> list[Alone]:
    """Every sensor alone, the one with the fewest escapes first.

    `fused` and `singles` are of `evidence`; parts on which any sensor was too sick are left out.
    """
    everyone = _rows(evidence, fused.names)
    passed = fused.said(limits).passed
    found = []
    for one in singles:
        (name,) = one.names
        here = np.searchsorted(_rows(evidence, one.names), everyone)
        own = one.passing[here] >= _limit(one.passing[here][fused.is_good], fused, passed)
        found.append(
            Alone(
                name,
                good=int(fused.is_good.sum()),
                good_failed=int((~own & fused.is_good).sum()),
                every=_pair(own, passed, fused.is_counted),
                seen=_pair(own, passed, one.is_counted[here]),
            )
        )
    return sorted(found, key=lambda row: row.every.escapes)


def _rows(evidence: Evidence, names: Sequence[str]) -> NDArray[np.intp]:
    """As in `standings`: parts on which all of these were to be believed."""
    return np.flatnonzero(np.all([evidence.reliability[name] > 0.0 for name in names], axis=0))


def _limit(passing_good: NDArray[np.float64], fused: Standings, passed: Truths) -> float:
    """Of belief: below it lie at most as many good parts as the fused verdict fails.

    Never so low that a part passes which is barred: those have a belief below 0.
    """
    failed = int((~passed & fused.is_good).sum())
    ordered = np.sort(passing_good)
    return max(0.0, float(ordered[min(failed, ordered.size - 1)])) if ordered.size else 0.0


def _pair(alone: Truths, fused: Truths, among: Truths) -> Pair:
    only_alone = int((alone & ~fused & among).sum())
    only_fused = int((fused & ~alone & among).sum())
    return Pair(
        defects=int(among.sum()),
        escapes=int((alone & among).sum()),
        fused_escapes=int((fused & among).sum()),
        only_alone=only_alone,
        only_fused=only_fused,
        p_value=mcnemar(only_alone, only_fused),
    )
