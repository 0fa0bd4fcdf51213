"""Every figure with its interval, and with how many independent parts stand behind it.

Examples of one group (windows of one recording, parts of one lot) are alike, and counting each as a
trial makes an interval too narrow. So a rate over examples that are their own groups has the exact
interval of Clopper & Pearson; everything else is drawn again group by group (Efron 1979, the
percentile interval of a cluster bootstrap: Field & Welsh 2007, J. R. Stat. Soc. B 69, 369-390).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.statistics import clopper_pearson

DRAWS = 2000
CONFIDENCE = 0.95
EXACT, DRAWN, FEW = "clopper-pearson", "bootstrap by group", "clopper-pearson on groups"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, between what bounds it lies with 95 % confidence, and what it rests on."""

    value: float
    low: float
    high: float
    examples: int
    groups: int
    method: str

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"

    @property
    def data(self) -> dict[str, Any]:
        """For JSON."""
        said = asdict(self)
        return {key: round(v, 5) if isinstance(v, float) else v for key, v in said.items()}


def rate(events: NDArray[np.bool_], groups: Sequence[str], seed: int = 1) -> Figure | None:
    """Share of the examples that are events; None of no examples."""
    trials = len(events)
    if not trials:
        return None
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    happened = int(events.sum())
    if len(names) == trials:
        return Figure(happened / trials, *clopper_pearson(happened, trials), trials, trials, EXACT)
    if happened in (0, trials):  # drawn again it is the same for ever; of groups it may be counted
        low, high = clopper_pearson(len(names) if happened else 0, len(names))
        return Figure(happened / trials, low, high, trials, len(names), FEW)
    counts = np.bincount(number)
    hits = np.bincount(number, events)
    drawn = np.random.default_rng(seed).integers(0, len(names), (DRAWS, len(names)))
    shares = hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return _drawn(happened / trials, shares, trials, len(names))


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float],
    groups: Sequence[str],
    seed: int = 1,
    draws: int = DRAWS,
) -> Figure:
    """A figure of examples by their rows, its groups drawn again.

    `statistic` may give NaN for a draw in which it means nothing (a class is missing).
    """
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(number, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(number))[:-1])
    is_single = len(rows) == len(order)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        chosen = random.integers(0, len(rows), len(rows))
        found.append(
            statistic(order[chosen] if is_single else np.concatenate([rows[i] for i in chosen]))
        )
    whole = statistic(np.arange(len(number)))
    return _drawn(whole, np.asarray(found), len(number), len(names))


def _drawn(value: float, found: NDArray[np.float64], examples: int, groups: int) -> Figure:
    tail = 50.0 * (1.0 - CONFIDENCE)
    kept = found[np.isfinite(found)]
    low, high = np.percentile(kept, [tail, 100.0 - tail]) if kept.size else (np.nan, np.nan)
    return Figure(value, float(low), float(high), examples, groups, DRAWN)
