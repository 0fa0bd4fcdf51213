"""Figures that claim no more than the samples hold."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NEEDED_ABOVE = 10  # samples beyond a percentile, or it is noise


def nearest_rank(ordered: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` of all samples do not exceed."""
    return ordered[max(1, math.ceil(percent / 100.0 * len(ordered))) - 1]


def is_supported(count: int, percent: float) -> bool:
    """Whether enough of `count` samples lie above that percentile to speak of it."""
    return count - max(1, math.ceil(percent / 100.0 * count)) >= NEEDED_ABOVE


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of one quantity. One with too few samples above it holds the maximum instead."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float
    unsupported: tuple[str, ...]  # percentiles that are the maximum for want of samples

    def as_data(self) -> dict[str, object]:
        """For JSON: the four figures, the number of samples, and what is only a maximum."""
        values = {"p50": self.p50, "p95": self.p95, "p99": self.p99, "max": self.max}
        return {
            **{k: round(v, 3) if self.count else None for k, v in values.items()},
            "count": self.count,
            "maximum_in_place_of": list(self.unsupported),
        }

    def in_words(self, unit: str = "ms") -> str:
        """One line for people, with the supported percentiles only."""
        if not self.count:
            return "no samples"
        shown = [
            f"{name} {getattr(self, name):.1f}"
            for name in ("p50", "p95", "p99")
            if name not in self.unsupported
        ]
        return ", ".join([*shown, f"max {self.max:.1f}"]) + f" {unit} (n = {self.count})"


def spread(samples: Iterable[float]) -> Spread:
    """Percentiles by nearest rank; NaN where there are no samples at all."""
    ordered = sorted(samples)
    if not ordered:
        return Spread(0, math.nan, math.nan, math.nan, math.nan, ())
    count, largest = len(ordered), ordered[-1]
    values: dict[str, float] = {}
    unsupported: list[str] = []
    for percent in (50, 95, 99):
        name = f"p{percent}"
        values[name] = nearest_rank(ordered, percent) if is_supported(count, percent) else largest
        if not is_supported(count, percent):
            unsupported.append(name)
    return Spread(count, values["p50"], values["p95"], values["p99"], largest, tuple(unsupported))
