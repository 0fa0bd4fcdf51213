"""Rules that walk every choice of one focal set a source, and land where those meet or join.

Each takes the conjunctive combination, its conflict on the empty set, and the sources.
"""

from collections.abc import Sequence

from edge.fusion.errors import TotalConflict
from edge.fusion.mass import Mass

Focal = dict[int, float]


def conjunction(masses: Sequence[Mass]) -> Focal:
    """Every product of masses, on the intersection of its sets; conflict is on the empty one."""
    joint: Focal = dict(masses[0].items())
    for mass in masses[1:]:
        items = list(mass.items())
        met: Focal = {0: joint.pop(0, 0.0)}  # the empty set meets nothing: it keeps its mass
        get = met.get  # looked up once: this loop is what every part waits for
        for a, x in joint.items():
            for b, y in items:
                at = a & b
                met[at] = get(at, 0.0) + x * y
        joint = met
    return joint


def conjunctive(joint: Focal, _masses: Sequence[Mass]) -> Focal:
    """The conjunctive combination as it is (Smets 1990): conflict stays on the empty set."""
    return joint


def dempster(joint: Focal, _masses: Sequence[Mass]) -> Focal:
    """Conflict is divided out (Dempster 1967; Shafer 1976, ch. 3).

    Raises:
        TotalConflict: there is nothing else.
    """
    agreed = {a: x for a, x in joint.items() if a}
    total = sum(agreed.values())
    if total <= 0.0:
        raise TotalConflict(
            "the sources have no hypothesis in common (conflict 1): Dempster's rule has no answer. "
            "Discount the sources, so that each leaves something open, or take yager"
        )
    return {a: x / total for a, x in agreed.items()}


def yager(joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Conflict goes to the whole frame: not known (Yager 1987)."""
    everything = masses[0].frame.everything
    focal = {a: x for a, x in joint.items() if a}
    focal[everything] = focal.get(everything, 0.0) + joint.get(0, 0.0)
    return focal


def dubois_prade(_joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Each product of k focal sets goes to their intersection, or to the union of all k if empty.

    Dubois & Prade 1988, for k sources as Dezert & Smarandache 2009, An introduction to DSmT,
    section 2.6.3. Products with the same intersection and the same union so far are carried on as
    one.
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


def disjunctive(_joint: Focal, masses: Sequence[Mass]) -> Focal:
    """Every product of masses, on the union of its sets (Dubois & Prade 1986)."""
    joined: Focal = dict(masses[0].items())
    for mass in masses[1:]:
        items = list(mass.items())
        further: Focal = {}
        for a, x in joined.items():
            for b, y in items:
                further[a | b] = further.get(a | b, 0.0) + x * y
        joined = further
    return joined
