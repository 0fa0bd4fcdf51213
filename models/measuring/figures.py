"""Figures of one detector alone and of verdicts, each with its interval and what it rests on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import intervals
from models.intervals import Figure
from models.measuring.seen import Decided, Real, Seen

FALSE_REJECTS = 0.01  # share of good parts that may fail to pass where escapes are counted
BINS = 10  # of a reliability diagram
DRAWS = 500  # of figures that take long


def detector(seen: Seen, false_rejects: float = FALSE_REJECTS) -> dict[str, Any]:
    """All figures of one detector."""
    clear = seen.take(seen.is_clear)
    passes = passing(clear, false_rejects)
    rejects = ~clear.is_good
    named = clear.shares.argmax(axis=1)
    labels, groups = clear.labels, clear.groups
    classes: dict[str, Any] = {}
    for number, name in enumerate(seen.classes):
        own = labels == number
        classes[name] = {
            "named_right": _data(_rate(named == number, own, clear)),
            "passed": _data(_rate(passes, own, clear)),
        }
    return {
        "split": seen.split,
        "parts": len(clear),
        "groups": len(set(groups)),
        "left_out_below_limit": len(seen) - len(clear),
        "balanced_accuracy": intervals.bootstrap(
            lambda rows: _balanced(named[rows], labels[rows]), groups
        ).data,
        "auroc_good_or_defective": intervals.bootstrap(
            lambda rows: auroc(1.0 - clear.shares[rows, 0], rejects[rows]), groups, draws=DRAWS
        ).data,
        "at_false_reject_rate": false_rejects,
        "false_reject_rate": _data(_rate(~passes, ~rejects, clear)),
        "escape_rate": _data(_rate(passes, rejects, clear)),
        "brier_score": intervals.bootstrap(
            lambda rows: brier(clear.shares[rows], labels[rows]), groups
        ).data,
        "classes": classes,
        "confusion": confusion(labels, named, len(seen.classes)).tolist(),
    }


def verdicts(decided: Decided) -> dict[str, Any]:
    """All figures of fused verdicts."""
    good, reject = decided.is_good, decided.is_reject
    said = decided.decisions
    truth = np.array(decided.hypotheses)
    named = np.array(decided.defects)
    clear = good | reject
    groups = [decided.groups[row] for row in np.flatnonzero(clear)]
    score, is_defect = (1.0 - decided.ok_belief)[clear], reject[clear]
    return {
        "parts": int(clear.sum()),
        "groups": len(set(groups)),
        "left_out_below_limit": len(decided) - int(clear.sum()),
        "escape_rate": _data(_rate(said == "ok", reject, decided)),
        "false_reject_rate": _data(_rate(said == "defect", good, decided)),
        "uncertain_good": _data(_rate(said == "uncertain", good, decided)),
        "good_not_passed": _data(_rate(said != "ok", good, decided)),
        "uncertain_defective": _data(_rate(said == "uncertain", reject, decided)),
        "right_names": _data(_rate(named == truth, reject & (said == "defect"), decided)),
        "auroc_by_belief_in_ok": intervals.bootstrap(
            lambda rows: auroc(score[rows], is_defect[rows]), groups, draws=DRAWS
        ).data,
        "escape_rate_by_defect": {
            name: _data(_rate(said == "ok", reject & (truth == name), decided))
            for name in sorted(set(truth[reject]))
        },
    }


def passing(seen: Seen, false_rejects: float, seed: int = 1) -> NDArray[np.bool_]:
    """Which parts pass where `false_rejects` of the good ones may fail to.

    The limit for one half of the groups is set on the good parts of the other half: one that is set
    on the parts it is measured on always holds.
    """
    names = sorted(set(seen.groups))
    order = np.random.default_rng(seed).permutation(len(names))
    half = {names[place]: turn % 2 for turn, place in enumerate(order)}
    side = np.array([half[group] for group in seen.groups])
    passes = np.zeros(len(seen), bool)
    for one in (0, 1):
        healthy = seen.shares[(side != one) & seen.is_good, 0]
        limit = np.quantile(healthy, false_rejects) if healthy.size else 1.0
        passes[side == one] = seen.shares[side == one, 0] >= limit
    return passes


def auroc(score: Real, positive: NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann & Whitney 1947)."""
    ups, downs = int(positive.sum()), int((~positive).sum())
    if not ups or not downs:
        return float("nan")
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - 0.5 * (counts - 1))[place]  # of ties the mean
    return float((rank[positive].sum() - ups * (ups + 1) / 2.0) / (ups * downs))


def roc(score: Real, positive: NDArray[np.bool_]) -> tuple[Real, Real]:
    """(false positive rate, true positive rate) at every threshold, from strict to loose."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits, misses = np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]
    return (
        np.concatenate([[0.0], misses / max(1, misses[-1])]),
        np.concatenate([[0.0], hits / max(1, hits[-1])]),
    )


def reliability(shares: Real, labels: NDArray[np.int64]) -> list[tuple[float, float, int]]:
    """Of each bin of the highest share: its mean, how often that class is right, how many parts."""
    top = shares.max(axis=1)
    right = shares.argmax(axis=1) == labels
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        (float(top[place == one].mean()), float(right[place == one].mean()), int(n))
        for one, n in enumerate(np.bincount(place, minlength=BINS))
        if n
    ]


def brier(shares: Real, labels: NDArray[np.int64]) -> float:
    """Mean squared distance of the shares from the truth, 0 to 2 (Brier 1950, eq. 2).

    Not the expected calibration error: drawn again that one is always larger, by chance alone.
    """
    truth = np.eye(shares.shape[1])[labels]
    return float(((shares - truth) ** 2).sum(axis=1).mean())


def confusion(
    labels: NDArray[np.int64], named: NDArray[np.intp], classes: int
) -> NDArray[np.int64]:
    """(true class, named class): parts."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, named), 1)
    return table


def _balanced(named: NDArray[np.intp], labels: NDArray[np.int64]) -> float:
    there = np.unique(labels)
    return float(np.mean([(named[labels == one] == one).mean() for one in there]))


def _rate(
    event: NDArray[np.bool_], among: NDArray[np.bool_], parts: Seen | Decided
) -> Figure | None:
    rows = np.flatnonzero(among)
    return intervals.rate(event[rows], [parts.groups[row] for row in rows])


def _data(figure: Figure | None) -> dict[str, Any] | None:
    return figure.data if figure else None
