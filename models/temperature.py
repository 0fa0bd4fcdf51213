"""From answers to honest evidence: a temperature, and the priors to be divided out."""

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


def temperature(logits: Real, labels: NDArray[np.int64], weights: NDArray[np.floating]) -> float:
    """The one that makes the likelihood of the labels largest (Guo et al. 2017)."""
    grid = np.geomspace(0.25, 8.0, 251)
    return float(min(grid, key=lambda value: _loss(logits / value, labels, weights)))


def priors(labels: NDArray[np.int64], weights: NDArray[np.floating], classes: int) -> Real:
    """Share of each class in what was taught."""
    taught = np.bincount(labels, weights, classes)
    return np.asarray(taught / taught.sum())


def _loss(logits: Real, labels: NDArray[np.int64], weights: NDArray[np.floating]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_share = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-(log_share[np.arange(labels.size), labels] * weights).sum() / weights.sum())
