"""The margin of a station's limit, chosen on other stations than those it will judge.

A station's limit is the log-odds of a defect of its highest good part and a margin
(`edge.manifest.Detector.limit_margin`). Too small a margin fails good parts that stray further than
those that set the limit; too large a one passes defects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Machine:
    """Log-odds of a defect, natural units, of parts of one machine or station."""

    good: Sequence[float]
    defective: Sequence[float]


def best_margin(machines: Sequence[Machine], references: int) -> float:
    """The smallest of the margins that tell these machines' parts best, natural units.

    Every part is judged by every choice of so many good ones of its machine that leaves it out.
    Best is the highest mean of the shares of good parts up to the limit and of defects above it;
    the smallest, since a good part that fails is looked at, and a defect that passes is not.

    Raises:
        ValueError: no machine has a defect, or more good parts than are to set a limit.
    """
    pairs = [_over(one, references) for one in machines]
    good, defective = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    if not good.size or not defective.size:
        raise ValueError(
            f"{references} good parts a limit: expected a machine with more of them, and a defect"
        )
    ends = np.unique(np.concatenate([[0.0], good[good > 0.0], defective[defective > 0.0]]))
    told = [np.mean(good <= one) + np.mean(defective > one) for one in ends]
    return float(ends[int(np.argmax(told))])


def _over(machine: Machine, references: int) -> tuple[Real, Real]:
    """How far (good, defective) parts lie above the highest of each choice of good ones."""
    good, defective = [], []
    for chosen in combinations(range(len(machine.good)), references):
        highest = max(machine.good[i] for i in chosen)
        good += [x - highest for i, x in enumerate(machine.good) if i not in chosen]
        defective += [x - highest for x in machine.defective]
    return np.array(good, np.float64), np.array(defective, np.float64)
