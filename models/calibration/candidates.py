"""What thresholds cost on given parts, and a path of candidates from strict to loose. Pure.

With costs of an escape, a false reject and an inspection, and a share of defects on the line, every
setting has an expected cost a part. Along the path `ok_belief` falls step by step; with each step
go the limit on conflict and the belief that rejects that cost least on the tuning parts, and
neither ever becomes stricter again. So whatever one setting passes, the next one passes too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.certificate import Costs
from edge.manifest import Thresholds
from models.calibration.standings import Standings

Real = NDArray[np.float64]
LEAST_DEFECT = 0.5  # nobody rejects a part that is more likely sound, by its own evidence
DIGITS = 4  # of a threshold


def _even(low: float, high: float, count: int) -> Real:
    """From low to high, denser towards 0 and 1: evenly by their log odds."""
    odds = np.linspace(np.log(low / (1 - low)), np.log(high / (1 - high)), count)
    return np.unique(np.round(1.0 / (1.0 + np.exp(-odds)), DIGITS))


OK_BELIEFS = _even(0.001, 0.9995, 200)
DEFECT_BELIEFS = _even(LEAST_DEFECT, 0.999, 40)
CONFLICTS = _even(0.005, 0.999, 60)


@dataclass(frozen=True, slots=True)
class Counts:
    """What settings did to parts; the fields broadcast."""

    escapes: NDArray[np.int64]
    uncertain_defects: NDArray[np.int64]
    false_rejects: NDArray[np.int64]
    uncertain_good: NDArray[np.int64]
    defects: int
    good: int

    def cost(self, costs: Costs) -> Real:
        """Expected, of one part of the line; those between good and the limit cost nothing."""
        of_defects = costs.escape * self.escapes + costs.inspection * self.uncertain_defects
        of_good = costs.false_reject * self.false_rejects + costs.inspection * self.uncertain_good
        share = costs.defect_share
        found = share * of_defects / max(1, self.defects)
        return np.asarray(found + (1.0 - share) * of_good / max(1, self.good))


def by_costs_alone(costs: Costs) -> Thresholds:
    """Where nothing was calibrated: as if beliefs were the chances that things are so.

    Then passing costs less than inspecting where 1 - Bel(ok) <= inspection / escape, and rejecting
    where 1 - Bel(defect) <= inspection / false reject.
    """
    return Thresholds(
        ok_belief=max(0.0, 1.0 - costs.inspection / costs.escape),
        defect_belief=max(LEAST_DEFECT, 1.0 - costs.inspection / costs.false_reject),
        conflict=1.0,
    )


def counted(some: Standings, limits: Thresholds) -> Counts:
    """What one setting does."""
    said = some.said(limits)
    return Counts(
        np.array(np.sum(said.passed & some.is_counted)),
        np.array(np.sum(said.uncertain & some.is_counted)),
        np.array(np.sum(said.rejected & some.is_good)),
        np.array(np.sum(said.uncertain & some.is_good)),
        int(some.is_counted.sum()),
        int(some.is_good.sum()),
    )


def path(tuning: Standings, costs: Costs) -> list[Thresholds]:
    """Candidates from the strictest to the loosest."""
    price = _counts_of_all(tuning).cost(costs)  # (ok belief, conflict, defect belief), ascending
    found: list[Thresholds] = []
    conflict, defect = 0, 0
    for ok in range(OK_BELIEFS.size - 1, -1, -1):
        cheapest = price[ok, conflict:, defect:]
        step = np.unravel_index(int(cheapest.argmin()), cheapest.shape)  # of equals the strictest
        conflict, defect = conflict + int(step[0]), defect + int(step[1])
        found.append(
            Thresholds(
                ok_belief=float(OK_BELIEFS[ok]),
                defect_belief=float(DEFECT_BELIEFS[defect]),
                conflict=float(CONFLICTS[conflict]),
                sensors=tuning.names,
            )
        )
    return found


def _counts_of_all(some: Standings) -> Counts:
    """Of every setting of the three grids at once."""
    passed_bad, rejected_bad = _passed(some, some.is_counted)
    passed_good, rejected_good = _passed(some, some.is_good)
    defects, good = int(some.is_counted.sum()), int(some.is_good.sum())
    return Counts(
        escapes=passed_bad,
        uncertain_defects=defects - passed_bad - rejected_bad,
        false_rejects=np.broadcast_to(rejected_good, passed_good.shape),
        uncertain_good=good - passed_good - rejected_good,
        defects=defects,
        good=good,
    )


def _passed(
    some: Standings, among: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of these pass, (ok belief, conflict, defect belief), and are rejected, the last."""
    # Up to which ok belief it passes, from which conflict, and from which defect belief.
    ok = np.searchsorted(OK_BELIEFS, some.passing[among], side="right") - 1
    conflict = np.searchsorted(CONFLICTS, some.conflict[among], side="left")
    defect = np.searchsorted(DEFECT_BELIEFS, some.defect[among], side="right")
    cells = np.zeros((OK_BELIEFS.size + 1, CONFLICTS.size + 1, DEFECT_BELIEFS.size + 1), np.int64)
    np.add.at(cells, (ok + 1, conflict, defect), 1)
    reach = cells[::-1].cumsum(axis=0)[::-1][1:]  # ok beliefs up to its own
    passed = reach.cumsum(axis=1)[:, :-1].cumsum(axis=2)[:, :, :-1]
    rejected = np.array([(some.defect[among] >= one).sum() for one in DEFECT_BELIEFS])
    return passed, rejected


def without_repeats(candidates: list[Thresholds]) -> Iterator[Thresholds]:
    """A setting that is as the one before it would be tested twice."""
    last = None
    for one in candidates:
        if one != last:
            yield one
        last = one
