"""From answers to honest evidence: priors, a temperature, and the thresholds of the decision."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Detector, Thresholds
from edge.fusion.combination import Combination, combine
from edge.fusion.evidence import statement
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass

Real = NDArray[np.float64]

FALSE_REJECTS = 0.01  # share of good parts that may fail to pass, by rejection or by doubt
GATED = 0.25  # of that, the share given to the limit on conflict
REJECTED = 0.3  # of that, the share that may be called a defect outright


def temperature(logits: Real, labels: NDArray[np.int64], weights: NDArray[np.floating]) -> float:
    """The one that makes the likelihood of the labels largest (Guo et al. 2017)."""
    grid = np.geomspace(0.25, 8.0, 251)
    return float(min(grid, key=lambda value: _loss(logits / value, labels, weights)))


def priors(labels: NDArray[np.int64], weights: NDArray[np.floating], classes: int) -> Real:
    """Share of each class in what was taught."""
    taught = np.bincount(labels, weights, classes)
    return np.asarray(taught / taught.sum())


def fuse(
    logits: Mapping[str, Real],
    detectors: Mapping[str, Detector],
    frame: Frame,
    rule: str,
) -> list[Combination]:
    """The combined mass of every part, from the detectors in `logits` alone."""
    count = len(next(iter(logits.values())))
    return [
        combine(rule, [_mass(rows[i], detectors[name], frame) for name, rows in logits.items()])
        for i in range(count)
    ]


def thresholds(
    logits: Mapping[str, Real],
    is_good: NDArray[np.bool_],
    detectors: Mapping[str, Detector],
    frame: Frame,
    *,
    rule: str,
    good: str,
) -> list[Thresholds]:
    """A row for all detectors, and one for each smaller set that can tell a part is good."""
    rows = []
    for count in range(len(detectors), 0, -1):
        for names in combinations(sorted(detectors), count):
            if _tells_good([detectors[name] for name in names], good):
                some = {name: logits[name][is_good] for name in names}
                fused = fuse(some, detectors, frame, rule)
                rows.append(_row(fused, frame, good, names))
    everything = rows[0].model_copy(update={"sensors": None})
    return [everything, *rows[1:]]


def _row(
    fused: Sequence[Combination], frame: Frame, good: str, names: tuple[str, ...]
) -> Thresholds:
    """Limits that these good parts overstep as often as allowed."""
    conflict = np.array([one.conflict for one in fused])
    limit = float(np.quantile(conflict, 1.0 - GATED * FALSE_REJECTS))
    belief = np.array([one.mass.belief(frame.mask([good])) for one in fused])
    allowed = FALSE_REJECTS * conflict.size - np.sum(conflict > limit)
    passing = np.sort(belief[conflict <= limit])
    believed = float(passing[max(0, int(allowed))])
    defects = frame.everything & ~frame.mask([good])
    doubt = np.array([one.mass.belief(defects) for one in fused])
    rejected = float(np.quantile(doubt, 1.0 - REJECTED * FALSE_REJECTS))
    return Thresholds(
        ok_belief=_floor(believed),
        defect_belief=max(0.5, _floor(rejected) + 1e-4),
        conflict=_floor(limit) + 1e-4,
        sensors=names,
    )


def _tells_good(detectors: Sequence[Detector], good: str) -> bool:
    """Can these detectors together leave nothing but `good`?"""
    allowed = [
        {h for one in detector.classes if good in one.hypotheses for h in one.hypotheses}
        for detector in detectors
    ]
    return set.intersection(*allowed) == {good}


def _mass(logits: Real, detector: Detector, frame: Frame) -> Mass:
    return statement(logits, detector, frame, 1.0).mass


def _loss(logits: Real, labels: NDArray[np.int64], weights: NDArray[np.floating]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_share = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-(log_share[np.arange(labels.size), labels] * weights).sum() / weights.sum())


def _floor(value: float) -> float:
    return float(np.floor(value * 1e4) / 1e4)
