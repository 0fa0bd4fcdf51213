"""A plain classifier of few numbers, to hold networks and shortcuts against."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.study.recordings.figures import Labels, Real


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Linear discriminant analysis, every class as likely, its covariance shrunk to a multiple of
    the identity on standardised inputs (Hastie, Tibshirani & Friedman 2009, section 4.3).
    """

    names: Labels
    middle: Real
    spread: Real
    weights: Real  # (class, input)
    offsets: Real

    def __call__(self, inputs: Real) -> Labels:
        scores = (inputs - self.middle) / self.spread @ self.weights.T + self.offsets
        return np.asarray(self.names[scores.argmax(axis=1)])


def discriminant(inputs: Real, labels: Labels, shrinkage: float) -> Discriminant:
    """Fitted to (row, input)."""
    middle, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-12
    scaled = (inputs - middle) / spread
    names: Labels
    index: NDArray[np.int64]
    names, index = np.unique(labels, return_inverse=True)
    means = np.stack([scaled[index == k].mean(axis=0) for k in range(len(names))])
    within = scaled - means[index]
    covariance = within.T @ within / len(within)
    even = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    shrunk = (1.0 - shrinkage) * covariance + shrinkage * even
    weights = np.linalg.solve(shrunk, means.T).T
    offsets = -0.5 * np.sum(weights * means, axis=1)
    return Discriminant(names, middle, spread, weights, offsets)
