"""Figures with what they are to be held against: interval, independent groups, split, shortcut.

Intervals are 95 %: a bootstrap that draws groups (machines, tiles, assemblies) anew inside each
class and then recordings inside each group, since recordings of one machine are alike; and, for
rates of independent parts, Clopper & Pearson's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.statistics import clopper_pearson

Real = NDArray[np.float64]
Labels = NDArray[np.str_]
Statistic = Callable[[NDArray[np.int64]], float]

DRAWS = 2_000
TAILS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of a study."""

    study: str
    what: str
    measure: str  # BA (balanced accuracy), AUROC, escapes, ...
    value: float
    low: float
    high: float
    judged: int  # recordings or parts
    groups: int  # independent ones among them
    split: str
    role: str = "detector"  # or "shortcut": what no detector should need; or "goal"
    note: str = ""


def balanced_accuracy(truth: Labels, said: Labels) -> float:
    """Mean over the classes of the share that is named rightly."""
    return float(np.mean([np.mean(said[truth == name] == name) for name in np.unique(truth)]))


def auroc(is_defective: NDArray[np.bool_], score: Real) -> float:
    """Chance that a defective one scores above a good one, ties half: Mann & Whitney 1947."""
    ranks = stats.rankdata(score)
    bad, good = int(is_defective.sum()), int((~is_defective).sum())
    return float((ranks[is_defective].sum() - bad * (bad + 1) / 2.0) / (bad * good))


def interval(
    classes: Labels, groups: Labels, statistic: Statistic, seed: int = 0
) -> tuple[float, float]:
    """95 % of the statistic of the rows drawn: groups within each class, rows within each group."""
    rng = np.random.default_rng(seed)
    members = {
        name: [np.flatnonzero((classes == name) & (groups == one))
               for one in np.unique(groups[classes == name])]
        for name in np.unique(classes)
    }  # fmt: skip
    found = []
    for _ in range(DRAWS):
        rows = [
            group[rng.integers(0, len(group), len(group))] if len(group) > 1 else group
            for each in members.values()
            for group in (each[i] for i in rng.integers(0, len(each), len(each)))
        ]
        found.append(statistic(np.concatenate(rows)))
    low, high = np.percentile(found, TAILS)
    return float(low), float(high)


def accuracy(
    study: str, what: str, truth: Labels, said: Labels, groups: Labels, split: str,
    *, role: str = "detector", note: str = "",
) -> Figure:  # fmt: skip
    """Balanced accuracy with its interval."""
    low, high = interval(truth, groups, lambda rows: balanced_accuracy(truth[rows], said[rows]))
    value = balanced_accuracy(truth, said)
    number = len(np.unique(groups))
    return Figure(study, what, "BA", value, low, high, len(truth), number, split, role, note)


def ranking(
    study: str, what: str, is_defective: NDArray[np.bool_], score: Real, groups: Labels, split: str,
    *, role: str = "detector", note: str = "",
) -> Figure:  # fmt: skip
    """AUROC with its interval."""
    classes = np.where(is_defective, "defective", "good")
    low, high = interval(classes, groups, lambda rows: auroc(is_defective[rows], score[rows]))
    value = auroc(is_defective, score)
    number = len(np.unique(groups))
    return Figure(study, what, "AUROC", value, low, high, len(score), number, split, role, note)


def two_rates(
    study: str, what: str, found: tuple[int, int], passed: tuple[int, int], groups: int, split: str,
    *, role: str = "detector", note: str = "",
) -> Figure:  # fmt: skip
    """Balanced accuracy of two classes from (right, judged) of each.

    The interval is the mean of two exact ones of 97.5 %, which hold together at 95 % (Bonferroni).
    So few machines leave nothing to draw anew, and of all right a bootstrap knows no doubt.
    """
    ends = [clopper_pearson(*each, confidence=0.975) for each in (found, passed)]
    low, high = (sum(end[side] for end in ends) / 2.0 for side in (0, 1))
    value = (found[0] / found[1] + passed[0] / passed[1]) / 2.0
    judged = found[1] + passed[1]
    counts = f"defective {found[0]}/{found[1]}, good {passed[0]}/{passed[1]}"
    note = "; ".join(filter(None, (note, counts)))
    return Figure(study, what, "BA", value, low, high, judged, groups, split, role, note)


def rate(
    study: str, what: str, measure: str, events: int, trials: int, groups: int, split: str,
    *, role: str = "detector", note: str = "",
) -> Figure:  # fmt: skip
    """A share with its exact interval."""
    low, high = clopper_pearson(events, trials)
    value = events / trials
    return Figure(study, what, measure, value, low, high, trials, groups, split, role, note)
