"""How every part would stand if only some of the sensors were at work, the others accepted absent.

By the appliance's own `edge.judge.together`: the same masses, absences, criteria. Where a part
stands does not depend on the thresholds; these are then held against many parts at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.fusion.decision import Decided, decide_by
from edge.fusion.frame import Frame
from edge.judge import Answer, Together, hear, together
from edge.manifest import Manifest, Thresholds
from models.calibration.evidence import Evidence
from models.calibration.parts import sensors

Real = NDArray[np.float64]
Truths = NDArray[np.bool_]
NEVER = -1.0  # less than any threshold


@dataclass(frozen=True, slots=True)
class Said:
    """The verdicts on many parts: where neither is true, a part is uncertain."""

    passed: Truths
    rejected: Truths

    @property
    def uncertain(self) -> Truths:
        return ~self.passed & ~self.rejected


@dataclass(frozen=True, slots=True)
class Standings:
    """Of the parts on which exactly `names` were at work: (part,) each."""

    names: tuple[str, ...]
    unasked: tuple[str, ...]  # defects that no sensor at work can see
    passing: Real  # NEVER of a part that looks foreign to a sensor: it may not pass
    defect: Real
    conflict: Real
    is_good: Truths
    is_counted: Truths  # at or above its limit, of a kind that the sensors at work can see
    is_unasked: Truths  # at or above its limit, of another kind

    def said(self, limits: Thresholds) -> Said:
        """As `edge.fusion.decision.Criteria.outcome`, on all parts."""
        rejected = self.defect >= limits.defect_belief
        passed = (self.passing >= limits.ok_belief) & (self.conflict <= limits.conflict)
        return Said(passed & ~rejected, rejected)


def subsets(manifest: Manifest) -> Iterator[tuple[str, ...]]:
    """Every set of detectors that may be at work, all of them first."""
    names = tuple(manifest.detectors)
    for size in range(len(names), 0, -1):
        yield from combinations(names, size)


def standings(evidence: Evidence, bundle: Bundle, names: tuple[str, ...]) -> Standings:
    """Where every part stands with the sensors of these detectors alone.

    A part on which one of them was too sick to be believed belongs to a smaller set, and is left
    out.
    """
    manifest = bundle.manifest
    is_sound = np.all([evidence.reliability[name] > 0.0 for name in names], axis=0)
    rows = np.flatnonzero(is_sound)
    numbers = np.empty((rows.size, 3))
    unasked = 0
    for at, found in enumerate(_together(evidence, bundle, names, rows.tolist())):
        unasked = found.criteria.unasked
        standing = found.criteria.standing(found.combination)
        if found.criteria.bars:
            standing = standing._replace(passing=NEVER)
        numbers[at] = standing
    defect, passing, conflict = numbers.T
    frame = Frame(manifest.hypotheses)
    unseen = frame.names(unasked)
    hypothesis = np.array(manifest.hypotheses)[evidence.hypothesis[rows]]
    is_good = hypothesis == manifest.good
    is_reject = ~is_good & (evidence.severity[rows] >= 1.0)
    is_unseen = np.isin(hypothesis, unseen)
    return Standings(
        names,
        tuple(unseen),
        passing,
        defect,
        conflict,
        is_good,
        is_reject & ~is_unseen,
        is_reject & is_unseen,
    )


def decided(evidence: Evidence, bundle: Bundle) -> list[Decided]:
    """The appliance's decision on every part, all sensors asked."""
    names = tuple(bundle.manifest.detectors)
    return [
        decide_by(one.criteria, one.combination, one.criteria.standing(one.combination))
        for one in _together(evidence, bundle, names, range(len(evidence)))
    ]


def _together(
    evidence: Evidence, bundle: Bundle, names: tuple[str, ...], rows: Iterable[int]
) -> Iterator[Together]:
    manifest = bundle.manifest
    everyone = sensors(manifest)
    left_out = {s.input: hear(Answer(s, "silent", "left out"), bundle) for s in everyone}
    for row in rows:
        yield together(
            [
                evidence.heard(row, s, manifest) if s.input in names else left_out[s.input]
                for s in everyone
            ],
            bundle,
        )
