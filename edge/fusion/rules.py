"""Rules of combination: one table, each row one rule of the literature.

Every rule is k-ary: all sources at once, so that rules that are not associative (Yager,
Dubois-Prade) mean one thing and the order of the sensors none. The conflict reported beside the
combined mass is always that of the conjunctive combination, whatever the rule makes of it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from edge.fusion.frame import Frame
from edge.fusion.mass import Mass

Focal = dict[int, float]


class TotalConflict(ArithmeticError):  # noqa: N818 - the textbook's word for it
    """The sources agree on nothing at all, and the rule has no answer to that."""


@dataclass(frozen=True, slots=True)
class Combination:
    """What the sources say together, and how far they contradict each other."""

    mass: Mass
    conflict: float  # mass of the empty set after the conjunctive combination of all
    sources: tuple[Mass, ...]

    @property
    def pairwise(self) -> dict[tuple[int, int], float]:
        """Conflict of sources i < j alone: who contradicts whom."""
        pairs = combinations(range(len(self.sources)), 2)
        return {(i, j): _conflict(self.sources[i], self.sources[j]) for i, j in pairs}


@dataclass(frozen=True, slots=True)
class Rule:
    """A row: `function` takes the conjunctive combination, conflict kept at 0, and the sources."""

    name: str
    source: str
    when: str
    function: Callable[[Focal, Sequence[Mass]], Focal]


def combine(rule_name: str, masses: Sequence[Mass]) -> Combination:
    """Combine sources on one frame.

    A vacuous source is a missing sensor and takes no part. To the conjunctive rules that makes no
    difference; in the others its whole frame would join, or average, what the present ones say.

    Raises:
        TotalConflict: by Dempster's rule, of sources without a common hypothesis.
    """
    rule = named(rule_name)
    frame = _common_frame(masses)
    present = [mass for mass in masses if mass.ignorance < 1.0] or masses[:1]
    joint = _conjunction(present)
    combined = Mass(frame, rule.function(joint, present))
    return Combination(combined, joint.get(0, 0.0), tuple(masses))


def named(rule_name: str) -> Rule:
    """The row of that name."""
    rule = RULES.get(rule_name)
    if rule is None:
        raise ValueError(f"no rule of combination {rule_name!r}; there are {', '.join(RULES)}")
    return rule


def _common_frame(masses: Sequence[Mass]) -> Frame:
    if not masses:
        raise ValueError("nothing to combine; a missing sensor is a vacuous mass")
    frame = masses[0].frame
    for mass in masses[1:]:
        if mass.frame is not frame and mass.frame != frame:
            raise ValueError(f"sources on two frames: {frame} and {mass.frame}")
    return frame


def _conflict(one: Mass, other: Mass) -> float:
    others = list(other.items())
    return sum([x * y for a, x in one.items() for b, y in others if not a & b])


def _conjunction(masses: Sequence[Mass]) -> Focal:
    joint: Focal = dict(masses[0].items())
    for mass in masses[1:]:
        items = list(mass.items())
        met: Focal = defaultdict(float)
        met[0] = joint.pop(0, 0.0)  # the empty set meets nothing: it keeps its mass
        for a, x in joint.items():
            for b, y in items:
                met[a & b] += x * y
        joint = met
    return joint


def _conjunctive(joint: Focal, masses: Sequence[Mass]) -> Focal:
    return joint


def _dempster(joint: Focal, masses: Sequence[Mass]) -> Focal:
    agreed = {a: x for a, x in joint.items() if a}
    total = sum(agreed.values())
    if total <= 0.0:
        raise TotalConflict("the sources have no hypothesis in common (conflict 1)")
    return {a: x / total for a, x in agreed.items()}


def _yager(joint: Focal, masses: Sequence[Mass]) -> Focal:
    everything = masses[0].frame.everything
    focal = {a: x for a, x in joint.items() if a}
    focal[everything] = focal.get(everything, 0.0) + joint.get(0, 0.0)
    return focal


def _dubois_prade(joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Each product of k focal sets goes to their intersection, or to the union of all k if empty.

    Products with the same intersection and the same union so far are carried on as one.
    """
    paths = {(a, a): x for a, x in masses[0].items()}
    for mass in masses[1:]:
        items = list(mass.items())
        further: dict[tuple[int, int], float] = {}
        for (met, joined), x in paths.items():
            for b, y in items:
                key = (met & b, joined | b)
                further[key] = further.get(key, 0.0) + x * y
        paths = further
    focal: Focal = {}
    for (met, joined), x in paths.items():
        focal[met or joined] = focal.get(met or joined, 0.0) + x
    return focal


def _disjunctive(joint: Focal, masses: Sequence[Mass]) -> Focal:
    joined: Focal = dict(masses[0].items())
    for mass in masses[1:]:
        items = list(mass.items())
        further: Focal = {}
        for a, x in joined.items():
            for b, y in items:
                further[a | b] = further.get(a | b, 0.0) + x * y
        joined = further
    return joined


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "yager",
            "Yager 1987, Information Sciences 41, 93-137",
            "safety first: conflict becomes 'not known', and no source is outvoted; the default",
            _yager,
        ),
        Rule(
            "dempster",
            "Dempster 1967, Annals of Mathematical Statistics 38, 325-339; Shafer 1976",
            "reliable, independent sources in low conflict; undefined in total conflict",
            _dempster,
        ),
        Rule(
            "conjunctive",
            "Smets 1990, IEEE PAMI 12, 447-458 (transferable belief model)",
            "as Dempster, with the conflict kept on the empty set as an alarm",
            _conjunctive,
        ),
        Rule(
            "dubois_prade",
            "Dubois & Prade 1988, Computational Intelligence 4, 244-264",
            "as Yager, and what conflicts stays visible: each conflict goes to the union it is of",
            _dubois_prade,
        ),
        Rule(
            "disjunctive",
            "Dubois & Prade 1986, Int. J. General Systems 12, 193-226",
            "at least one source is reliable, and nobody knows which",
            _disjunctive,
        ),
    )
}
