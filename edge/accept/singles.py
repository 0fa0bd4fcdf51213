"""Each sensor alone on the same parts, failing as many good ones as all of them together. Pure.

A sensor alone passes a part when it holds it for good with at least a limit. The limit is set on
these very parts, so that the sensor stops at least as many good showings as the appliance did; and
the best of all sensors is chosen on them too. Both favour the single sensor: what is left is a
difference that it cannot explain away.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.accept.exact import CONFIDENCE
from edge.accept.paired import Paired, paired
from edge.accept.showing import Showing
from edge.manifest import Detector


@dataclass(frozen=True, slots=True)
class Alone:
    """One sensor by itself."""

    sensor: str
    limit: float  # of its probability of a good part
    good_stopped: int  # showings
    missed: int  # physical parts at or above their limit
    own_missed: int  # of these, kinds that its detector has a class for
    own_parts: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All sensors together against the best single one."""

    sensors: tuple[Alone, ...]  # the best first
    good_showings: int
    good_stopped: int  # by all together
    missed: int  # physical parts that all together let pass
    paired: Paired  # found by all together but not by the best, and the reverse

    @property
    def best(self) -> Alone | None:
        return self.sensors[0] if self.sensors else None

    @property
    def is_better(self) -> bool:
        """It is shown that all together find more."""
        return self.paired.low > 0.0

    @property
    def is_worse(self) -> bool:
        return self.paired.high < 0.0


def compare(
    showings: Sequence[Showing],
    own_kinds: Mapping[str, frozenset[str]],
    confidence: float = CONFIDENCE,
) -> Comparison:
    """`own_kinds`: sensor -> defects that its detector can name."""
    good = [one for one in showings if one.label.is_good]
    rejects = [one for one in showings if one.label.is_reject]
    stopped = sum(one.is_stopped for one in good)
    fused = _found(rejects, lambda one: one.is_stopped)
    limits = {name: limit(_scores(good, name), stopped) for name in own_kinds}
    alone = [_alone(name, limits[name], good, rejects, own_kinds[name]) for name in own_kinds]
    alone.sort(key=lambda one: one.missed)
    other = _found(rejects, _stops(alone[0].sensor, alone[0].limit)) if alone else {}
    only_fused = sum(fused[group] and not other[group] for group in other)
    only_other = sum(other[group] and not fused[group] for group in other)
    return Comparison(
        sensors=tuple(alone),
        good_showings=len(good),
        good_stopped=stopped,
        missed=sum(not found for found in fused.values()),
        paired=paired(len(other), only_fused, only_other, confidence),
    )


def kinds_seen(detector: Detector, good: str) -> frozenset[str]:
    """Defects that a detector has a class for."""
    classes = [one for one in detector.classes if good not in one.hypotheses]
    return frozenset(name for one in classes for name in one.hypotheses)


def limit(good_scores: Sequence[float], stopped: int) -> float:
    """The least limit below which at least `stopped` of the good parts lie."""
    ordered = sorted(good_scores)
    if not ordered:
        return math.inf
    return math.nextafter(ordered[stopped - 1], math.inf) if stopped else ordered[0]


def _alone(
    name: str,
    at: float,
    good: Sequence[Showing],
    rejects: Sequence[Showing],
    own: frozenset[str],
) -> Alone:
    stops = _stops(name, at)
    found = _found(rejects, stops)
    kinds = {one.label.group: one.label.hypothesis for one in rejects}
    own_found = [found[group] for group, kind in kinds.items() if kind in own]
    return Alone(
        sensor=name,
        limit=at,
        good_stopped=sum(map(stops, good)),
        missed=sum(not one for one in found.values()),
        own_missed=sum(not one for one in own_found),
        own_parts=len(own_found),
    )


def _stops(name: str, at: float) -> Callable[[Showing], bool]:
    return lambda one: _score(one, name) < at


def _found(rejects: Sequence[Showing], stops: Callable[[Showing], bool]) -> dict[str, bool]:
    """Whether each physical part was stopped at every showing."""
    found: dict[str, bool] = {}
    for one in rejects:
        found[one.label.group] = found.get(one.label.group, True) and stops(one)
    return found


def _scores(showings: Sequence[Showing], name: str) -> list[float]:
    return [_score(one, name) for one in showings]


def _score(one: Showing, name: str) -> float:
    """A part that its sensor did not see is not passed by it."""
    passing = one.passing.get(name)
    return -1.0 if passing is None else passing
