"""Parts with what a detector said of them, and what all of them together decided."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.datasets.examples import Examples
from models.integers.loss import log_shares
from models.temperature import temperature

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """One detector's answers to parts whose truth is known."""

    name: str
    classes: tuple[str, ...]  # the first is the good one
    labels: NDArray[np.int64]  # the class each part belongs to
    shares: Real  # (part, class): calibrated
    groups: tuple[str, ...]
    severity: NDArray[np.float32]
    split: str

    def __len__(self) -> int:
        return int(self.labels.size)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        return np.asarray(self.labels == 0)

    @property
    def is_clear(self) -> NDArray[np.bool_]:
        """Good, or at or above the limit: of what lies between nobody knows what is right."""
        return np.asarray(self.is_good | (self.severity >= 1.0))

    def take(self, rows: NDArray[np.bool_]) -> "Seen":
        """Only these parts."""
        kept = np.flatnonzero(rows)
        return Seen(
            self.name, self.classes, self.labels[kept], self.shares[kept],
            tuple(self.groups[row] for row in kept), self.severity[kept], self.split,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decided:
    """What a bundle decided on parts whose truth is known."""

    hypotheses: tuple[str, ...]  # of each part
    severity: NDArray[np.float32]
    decisions: NDArray[np.str_]  # ok, defect, uncertain
    defects: tuple[str, ...]  # named, or ""
    ok_belief: Real
    groups: tuple[str, ...]
    good: str

    def __len__(self) -> int:
        return len(self.hypotheses)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        return np.array([one == self.good for one in self.hypotheses])

    @property
    def is_reject(self) -> NDArray[np.bool_]:
        """At or above the limit: to pass it is an escape."""
        return np.asarray(~self.is_good & (self.severity >= 1.0))


def of_run(
    name: str,
    classes: Sequence[str],
    validation: tuple[Real, Examples],
    test: tuple[Real, Examples],
) -> Seen:
    """The test examples; the temperature is fitted on the validation ones."""
    logits, held = validation
    fitted = temperature(logits, held.labels, held.weights)
    said, examples = test
    return Seen(
        name, tuple(classes), examples.labels, np.exp(log_shares(said / fitted)),
        examples.groups, examples.severity, "test",
    )  # fmt: skip
