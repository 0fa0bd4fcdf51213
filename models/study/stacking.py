"""Multinomial logistic regression, small and regularised, and what it says of parts held out."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.study.opinion import Real

Labels = NDArray[np.int64]

PENALTY = 1.0  # half of it times the sum of squared weights, beside the summed loss
FOLDS = 5


def teach(features: Real, labels: Labels, classes: int) -> Real:
    """Weights of the least penalised loss: (feature and one for the intercept, class)."""
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    inputs = _with_one((features - centre) / spread)
    wanted = np.eye(classes)[labels]
    shape = (inputs.shape[1], classes)

    def loss(flat: Real) -> tuple[float, Real]:
        weights = flat.reshape(shape)
        scores = inputs @ weights
        logs = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
        sloped = inputs.T @ (np.exp(logs) - wanted) + PENALTY * weights
        return -float((logs * wanted).sum()) + PENALTY / 2 * float(flat @ flat), sloped.ravel()

    start = np.zeros(shape).ravel()
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    scaled = np.asarray(found.x, np.float64).reshape(shape)
    slopes = scaled[:-1] / spread[:, None]  # so that they take features as they come
    return np.concatenate([slopes, scaled[-1:] - centre[None, :] @ slopes])


def predict(weights: Real, features: Real) -> Real:
    """Logarithm of each class's probability, up to a factor a part: (part, class)."""
    return np.asarray(_with_one(features) @ weights)


def predict_held_out(features: Real, labels: Labels, classes: int) -> Real:
    """For each part, by a regression that was taught the other folds."""
    fold = np.arange(labels.size) % FOLDS
    scores = np.empty((labels.size, classes))
    for one in range(FOLDS):
        weights = teach(features[fold != one], labels[fold != one], classes)
        scores[fold == one] = predict(weights, features[fold == one])
    return scores


def _with_one(features: Real) -> Real:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)
