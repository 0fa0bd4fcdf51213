"""A logistic curve in the logarithm of a size, and profile likelihood bounds of it. Pure."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
_REACH = 6.0  # of bounds around the estimate, in ln a: a factor of 400
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Fit:
    """The most likely curve: ln a -> logit POD."""

    intercept: float
    slope: float
    log_likelihood: float

    def size(self, pod: float) -> float:
        """The severity that is found with this probability."""
        return math.exp((_logit(pod) - self.intercept) / self.slope)

    def pod(self, size: float) -> float:
        return 0.5 * (1.0 + math.tanh(0.5 * (self.intercept + self.slope * math.log(size))))


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
