"""Probability of detection against severity, from hits and misses. Pure.

After MIL-HDBK-1823A: logit POD(a) = b0 + b1 ln a, by maximum likelihood. The logarithm is taken
because severities are multiples spread evenly over ratios, and because POD then falls to 0 with the
size. A *hit* is a defect that did not pass; each physical part counts once, by its first showing.

Bounds are of the profile likelihood, not Wald's: they keep their confidence where hits and misses
hardly overlap, as with a good inspection, and they are not symmetric where the likelihood is not.
a90/95 is the size that is found nine times in ten, with 95 % confidence that it is no larger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.accept.exact import CONFIDENCE, upper_bound
from edge.accept.logistic import Fit, Real, bound, fit

ADVISED = 60  # hit/miss targets over the range of sizes (MIL-HDBK-1823A)
BAND = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
STRANGE = 0.05  # chance, by the curve, of so many misses at or above the limit


@dataclass(frozen=True, slots=True)
class BandPoint:
    """One height of the curve: the size with this POD, and one-sided bounds on either side."""

    pod: float
    size: float
    low: float | None  # None: not bounded
    high: float | None


@dataclass(frozen=True, slots=True)
class Detection:
    """Hits and misses of one kind of defect, and what follows."""

    kind: str
    hits: tuple[float, ...]  # severities, rising
    misses: tuple[float, ...]
    state: str  # "fitted", or in words why there is no curve
    intercept: float | None
    slope: float | None
    a50: float | None
    a90: float | None
    a90_95: float | None  # None beside a90: not bounded by these parts
    band: tuple[BandPoint, ...]
    found_above: int  # at or above the limit: hits
    parts_above: int
    proven_above: float | None  # POD there at least this: exact, without a curve; 29 of 29: 0.90
    chance_above: float | None  # by the curve, of so many misses there, or more

    @property
    def count(self) -> int:
        return len(self.hits) + len(self.misses)

    @property
    def is_few(self) -> bool:
        return self.count < ADVISED

    @property
    def is_strange(self) -> bool:
        """The curve is surer above the limit than the parts are: it may never reach 1."""
        return self.chance_above is not None and self.chance_above < STRANGE


def detection(
    kind: str, rows: Sequence[tuple[float, bool]], confidence: float = CONFIDENCE
) -> Detection:
    """From (severity, is a hit) of each part."""
    hits = tuple(sorted(severity for severity, is_hit in rows if is_hit))
    misses = tuple(sorted(severity for severity, is_hit in rows if not is_hit))
    above = [(severity, is_hit) for severity, is_hit in rows if severity >= 1.0]
    found = sum(is_hit for _, is_hit in above)
    proven = 1.0 - upper_bound(len(above) - found, len(above), confidence) if above else None
    why = _obstacle(hits, misses)
    one = None if why else fit(*_columns(rows))
    if one is not None and one.slope <= 0.0:
        why, one = "POD does not rise with severity on these parts: no curve of this form", None
    band = _band(rows, one, confidence) if one else ()
    ninety = next((point for point in band if point.pod == 0.9), None)
    return Detection(
        kind=kind,
        hits=hits,
        misses=misses,
        state=why or "fitted",
        intercept=one.intercept if one else None,
        slope=one.slope if one else None,
        a50=one.size(0.5) if one else None,
        a90=one.size(0.9) if one else None,
        a90_95=ninety.high if ninety else None,
        band=band,
        found_above=found,
        parts_above=len(above),
        proven_above=proven,
        chance_above=_chance([1.0 - one.pod(s) for s, _ in above], len(above) - found)
        if one
        else None,
    )


def first_showings(rows: Sequence[tuple[str, float, bool]]) -> list[tuple[float, bool]]:
    """(severity, hit) of each group's first row."""
    first: dict[str, tuple[float, bool]] = {}
    for group, severity, is_hit in rows:
        first.setdefault(group, (severity, is_hit))
    return list(first.values())


def _chance(shares: Sequence[float], events: int) -> float:
    """Of at least `events` among independent trials, each with its own share."""
    exactly = np.zeros(events)  # k of the trials so far, k < events
    if not events:
        return 1.0
    exactly[0] = 1.0
    for share in shares:
        exactly[1:] = exactly[1:] * (1.0 - share) + exactly[:-1] * share
        exactly[0] *= 1.0 - share
    return float(max(0.0, 1.0 - exactly.sum()))


def _obstacle(hits: Sequence[float], misses: Sequence[float]) -> str:
    """Why no curve can be fitted, in words; "" where one can."""
    if not hits and not misses:
        return "no part of this kind"
    if not misses:
        return f"no miss among {len(hits)}: no curve can be fitted, POD is bounded instead"
    if not hits:
        return f"no hit among {len(misses)}: this kind is not found at all"
    if misses[-1] <= hits[0]:
        return (
            f"complete separation: all misses up to {misses[-1]:.2f}, all hits from {hits[0]:.2f} "
            "on; the curve steps between them, its steepness is not known"
        )
    if hits[-1] <= misses[0]:
        return "smaller defects were found and larger ones missed: no curve of this form"
    return ""


def _columns(rows: Sequence[tuple[float, bool]]) -> tuple[Real, Real]:
    return (
        np.log([severity for severity, _ in rows]),
        np.array([float(is_hit) for _, is_hit in rows]),
    )


def _band(rows: Sequence[tuple[float, bool]], one: Fit, confidence: float) -> tuple[BandPoint, ...]:
    sizes, is_hit = _columns(rows)
    return tuple(
        BandPoint(
            pod,
            one.size(pod),
            bound(sizes, is_hit, one, pod, confidence, -1.0),
            bound(sizes, is_hit, one, pod, confidence, 1.0),
        )
        for pod in BAND
    )
