"""Probability of detection against severity, from hits and misses. Pure.

After MIL-HDBK-1823A: logit POD(a) = b0 + b1 ln a, by maximum likelihood. The logarithm is taken
because severities are multiples spread evenly over ratios, and because POD then falls to 0 with the
size. A *hit* is a defect that did not pass; each physical part counts once, by its first showing.

Bounds are of the profile likelihood, not Wald's: they keep their confidence where hits and misses
hardly overlap, as with a good inspection, and they are not symmetric where the likelihood is not.
a90/95 is the size that is found nine times in ten, with 95 % confidence that it is no larger.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edge.accept.exact import CONFIDENCE

Real = NDArray[np.float64]
ADVISED = 60  # hit/miss targets over the range of sizes (MIL-HDBK-1823A)
BAND = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
_REACH = 6.0  # of bounds around the estimate, in ln a: a factor of 400
_STEPS = 60


@dataclass(frozen=True, slots=True)
class BandPoint:
    """One height of the curve: the size with this POD, and one-sided bounds on either side."""

    pod: float
    size: float
    low: float | None  # None: not bounded
    high: float | None


@dataclass(frozen=True, slots=True)
class Detection:
    """Hits and misses of one kind of defect, and what follows."""

    kind: str
    hits: tuple[float, ...]  # severities, rising
    misses: tuple[float, ...]
    state: str  # "fitted", or in words why there is no curve
    intercept: float | None
    slope: float | None
    a50: float | None
    a90: float | None
    a90_95: float | None  # None beside a90: not bounded by these parts
    band: tuple[BandPoint, ...]
    found_above: int  # at or above the limit: hits
    parts_above: int
    proven_above: float | None  # POD there at least this, exactly; None when one was missed

    @property
    def count(self) -> int:
        return len(self.hits) + len(self.misses)

    @property
    def is_few(self) -> bool:
        return self.count < ADVISED


@dataclass(frozen=True, slots=True)
class Fit:
    """The most likely curve: ln a -> logit POD."""

    intercept: float
    slope: float
    log_likelihood: float

    def size(self, pod: float) -> float:
        """The severity that is found with this probability."""
        return math.exp((_logit(pod) - self.intercept) / self.slope)


def detection(
    kind: str, rows: Sequence[tuple[float, bool]], confidence: float = CONFIDENCE
) -> Detection:
    """From (severity, is a hit) of each part."""
    hits = tuple(sorted(severity for severity, is_hit in rows if is_hit))
    misses = tuple(sorted(severity for severity, is_hit in rows if not is_hit))
    above = [is_hit for severity, is_hit in rows if severity >= 1.0]
    proven = (1.0 - confidence) ** (1.0 / len(above)) if above and all(above) else None
    why = _obstacle(hits, misses)
    one = None if why else fit(*_columns(rows))
    if one is not None and one.slope <= 0.0:
        why, one = "POD does not rise with severity on these parts: no curve of this form", None
    band = _band(rows, one, confidence) if one else ()
    ninety = next((point for point in band if point.pod == 0.9), None)
    return Detection(
        kind=kind,
        hits=hits,
        misses=misses,
        state=why or "fitted",
        intercept=one.intercept if one else None,
        slope=one.slope if one else None,
        a50=one.size(0.5) if one else None,
        a90=one.size(0.9) if one else None,
        a90_95=ninety.high if ninety else None,
        band=band,
        found_above=sum(above),
        parts_above=len(above),
        proven_above=proven,
    )


def fit(sizes: Real, is_hit: Real) -> Fit:
    """Maximum likelihood by Newton's method; `sizes` are logarithms, `is_hit` 0 or 1: (part,).

    Raises:
        ValueError: hits and misses are separated: the likelihood has no maximum.
    """
    design = np.stack([np.ones_like(sizes), sizes])
    beta = np.zeros(2)
    value = _likelihood(beta @ design, is_hit)
    for _ in range(_STEPS):
        share = _share(beta @ design)
        gradient = design @ (is_hit - share)
        curvature = (design * (share * (1.0 - share))) @ design.T
        try:
            step: Real = np.asarray(np.linalg.solve(curvature, gradient), np.float64)
        except np.linalg.LinAlgError as error:
            raise ValueError("hits and misses are separated") from error
        beta, value, before = *_climb(design, is_hit, beta, step, value), value
        if value - before < 1e-12:
            return Fit(float(beta[0]), float(beta[1]), value)
    raise ValueError("hits and misses are separated")


def bound(
    sizes: Real, is_hit: Real, one: Fit, pod: float, confidence: float, side: float = 1.0
) -> float | None:
    """One-sided bound, upper or (side -1) lower, of the size found with probability `pod`.

    The farthest size whose profile likelihood lies within chi-squared (1 degree of freedom) of the
    maximum; after Cheng & Iles 1983, Technometrics 25, 77-86, whose bands are for both parameters
    at once. None where it is beyond a factor of 400.
    """
    drop = NormalDist().inv_cdf(confidence) ** 2 / 2.0
    centre = math.log(one.size(pod))
    inside, outside = 0.0, _REACH
    slope = one.slope
    if one.log_likelihood - _profile(sizes, is_hit, centre + side * outside, pod, slope) < drop:
        return None
    for _ in range(_STEPS):
        middle = (inside + outside) / 2.0
        lost = one.log_likelihood - _profile(sizes, is_hit, centre + side * middle, pod, slope)
        if lost < drop:
            inside = middle
        else:
            outside = middle
        if outside - inside < 1e-9:
            break
    return math.exp(centre + side * (inside + outside) / 2.0)


def first_showings(rows: Sequence[tuple[str, float, bool]]) -> list[tuple[float, bool]]:
    """(severity, hit) of each group's first row."""
    first: dict[str, tuple[float, bool]] = {}
    for group, severity, is_hit in rows:
        first.setdefault(group, (severity, is_hit))
    return list(first.values())


def _obstacle(hits: Sequence[float], misses: Sequence[float]) -> str:
    """Why no curve can be fitted, in words; "" where one can."""
    if not hits and not misses:
        return "no part of this kind"
    if not misses:
        return f"no miss among {len(hits)}: no curve can be fitted, POD is bounded instead"
    if not hits:
        return f"no hit among {len(misses)}: this kind is not found at all"
    if misses[-1] <= hits[0]:
        return (
            f"complete separation: all misses up to {misses[-1]:.2f}, all hits from {hits[0]:.2f} "
            "on; the curve steps between them, its steepness is not known"
        )
    if hits[-1] <= misses[0]:
        return "smaller defects were found and larger ones missed: no curve of this form"
    return ""


def _columns(rows: Sequence[tuple[float, bool]]) -> tuple[Real, Real]:
    return (
        np.log([severity for severity, _ in rows]),
        np.array([float(is_hit) for _, is_hit in rows]),
    )


def _band(rows: Sequence[tuple[float, bool]], one: Fit, confidence: float) -> tuple[BandPoint, ...]:
    sizes, is_hit = _columns(rows)
    return tuple(
        BandPoint(
            pod,
            one.size(pod),
            bound(sizes, is_hit, one, pod, confidence, -1.0),
            bound(sizes, is_hit, one, pod, confidence, 1.0),
        )
        for pod in BAND
    )


def _profile(sizes: Real, is_hit: Real, at: float, pod: float, slope: float) -> float:
    """Largest log likelihood of the curves that pass through (at, pod)."""
    run, level = sizes - at, _logit(pod)
    value = _likelihood(level + slope * run, is_hit)
    for _ in range(_STEPS):
        share = _share(level + slope * run)
        curvature = float((run * run * share * (1.0 - share)).sum())
        if curvature <= 0.0:
            return value
        step = float((run * (is_hit - share)).sum()) / curvature
        for _ in range(_STEPS):  # Newton's step may overshoot: halve it until it climbs
            higher = _likelihood(level + (slope + step) * run, is_hit)
            if higher >= value:
                break
            step /= 2.0
        slope, value, before = slope + step, max(higher, value), value
        if value - before < 1e-12:
            break
    return value


def _climb(design: Real, is_hit: Real, beta: Real, step: Real, value: float) -> tuple[Real, float]:
    """Newton's step, halved until it climbs."""
    for _ in range(_STEPS):
        higher = _likelihood((beta + step) @ design, is_hit)
        if higher >= value:
            return beta + step, higher
        step = step / 2.0
    return beta, value


def _likelihood(logits: Real, is_hit: Real) -> float:
    """Log likelihood of hits and misses."""
    return float((is_hit * logits - np.logaddexp(0.0, logits)).sum())


def _share(logits: Real) -> Real:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))
