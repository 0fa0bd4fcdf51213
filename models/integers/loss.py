"""What two forms of one network answer to the same examples, and how much worse one is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.datasets.examples import Examples

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Loss:
    """Of the integer form against the float one; both on the same examples."""

    points: float  # percentage points of balanced accuracy; negative: integers are better
    divergence: float  # mean Kullback-Leibler divergence from the float answers, nats
    agreement: float  # share of examples to which both name the same class


def compared(exact: Real, integer: Real, examples: Examples) -> Loss:
    """From logits (example, class) of both forms."""
    p, q = log_shares(exact), log_shares(integer)
    return Loss(
        points=100.0 * (balanced(exact, examples) - balanced(integer, examples)),
        divergence=float((np.exp(p) * (p - q)).sum(axis=1).mean()),
        agreement=float((exact.argmax(axis=1) == integer.argmax(axis=1)).mean()),
    )


def balanced(logits: Real, examples: Examples) -> float:
    """Mean over classes of the share that is right, weighted by what each example teaches."""
    right = (logits.argmax(axis=1) == examples.labels) * examples.weights
    classes = logits.shape[1]
    hits = np.bincount(examples.labels, right, classes)
    total = np.bincount(examples.labels, examples.weights, classes)
    there = total > 0.0
    return float((hits[there] / total[there]).mean())


def log_shares(logits: Real) -> Real:
    """Logarithm of the softmax."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
