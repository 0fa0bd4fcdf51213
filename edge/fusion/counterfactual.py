"""What would have to be said otherwise for a part to be decided otherwise.

Of one source's mass m a share s is moved to a set A, the others staying as they are:

    m' = (1 - s) m + s [all on A]

A is the whole frame (the source is believed that much less: Shafer's discounting, 1976, ch. 11) or
a set of its own classes (it said that instead). Asked is for the least s at which the decision
becomes another one; which defect is named does not count as another.

Under the conjunctive rules every belief is a sum of products with one factor of each source, so it
moves on a straight line from its value at s = 0 to that with the source replaced by A:

    Bel'(B) = (1 - s) Bel(B) + s Bel_A(B),    conflict' = (1 - s) K + s K_A

Bel_A and K_A follow from the conjunction of the *other* sources alone, each of whose sets meets A.
A threshold is met at the root of a linear function; with three thresholds the decision changes at
three places at most. For Dempster's rule the same holds before it divides: belief reaches t where
the undivided one reaches t (1 - K). Other rules are searched.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.fusion.combination import combine
from edge.fusion.decision import Criteria, Outcome, Standing
from edge.fusion.errors import TotalConflict, Undefined
from edge.fusion.mass import Mass
from edge.fusion.products import Focal, conjunction

STRAIGHT = frozenset({"yager", "conjunctive", "dempster"})  # rules with a closed form
STEPS = 32  # of the search: what comes and goes between two of them is overlooked
HALVINGS = 24
SAME = 1e-12  # roots that are this near are one


@dataclass(frozen=True, slots=True)
class Flip:
    """The least change of one source that makes the decision another one."""

    source: int
    share: float  # of its mass, 0 to below 1; just beyond it the decision is the other one
    to: int  # set to which it moves; the whole frame: it is believed that much less
    becomes: Outcome


_Margins = tuple[float, float, float]  # above the thresholds of defect, ok and conflict; met from 0


def flips(
    rule: str,
    masses: Sequence[Mass],
    sets: Sequence[Iterable[int]],
    held: Criteria,
    standing: Standing,
) -> list[Flip | None]:
    """By closed form, of each source the least change; None where none changes the decision.

    `sets` are those that each source can speak of; a source without any is not at work. `standing`
    is that of the combination by `rule`, one of `STRAIGHT`.
    """
    limits = held.thresholds
    reject, accept, most = limits.defect_belief, limits.ok_belief, limits.conflict
    kept = 1.0 - standing.conflict if rule == "dempster" else 1.0
    start = (
        kept * (standing.defect - reject),
        kept * (standing.passing - accept),
        most - standing.conflict,
    )
    met = (start[0] >= 0.0, start[1] >= 0.0, start[2] >= 0.0)
    good = held.passing & ~held.unasked
    is_conflict_passing = rule == "yager" and held.passing == held.frame.everything
    found: list[Flip | None] = []
    for source, own in enumerate(sets):
        best: Flip | None = None
        others = _others(masses, source)
        for to in _targets(own, held):
            defect, passing, conflict = _replaced(others, to, good, held.unasked)
            if is_conflict_passing:
                passing += conflict
            whole = 1.0 - conflict if rule == "dempster" else 1.0
            end = (defect - whole * reject, passing - whole * accept, most - conflict)
            share, becomes = _first_change(start, end, met, held)
            if becomes and share < (best.share if best else 1.0):
                best = Flip(source, share, to, becomes)
        found.append(best)
    return found


def search(
    rule: str, masses: Sequence[Mass], sets: Sequence[Iterable[int]], held: Criteria
) -> list[Flip | None]:
    """The same by any rule, step by step: hundreds of combinations, not for a deadline.

    A share at which the rule has no answer changes nothing.
    """
    return [
        min(
            (flip for to in _targets(own, held) if (flip := _walk(rule, masses, i, to, held))),
            key=lambda flip: flip.share,
            default=None,
        )
        for i, own in enumerate(sets)
    ]


def least(found: Iterable[Flip | None]) -> Flip | None:
    """The source nearest to deciding otherwise."""
    return min((one for one in found if one), key=lambda flip: flip.share, default=None)


def moved(mass: Mass, share: float, to: int) -> Mass:
    """The mass with this share of all of it on the set `to`."""
    focal = {mask: (1.0 - share) * value for mask, value in mass.items()}
    focal[to] = focal.get(to, 0.0) + share
    return Mass(mass.frame, focal)


def _targets(own: Iterable[int], held: Criteria) -> list[int]:
    """Ignorance first, so that of two changes as small it is the one named."""
    sets = list(own)
    return [held.frame.everything, *sets] if sets else []


# --- closed form -------------------------------------------------------------------------------


def _others(masses: Sequence[Mass], source: int) -> Focal:
    rest = [m for i, m in enumerate(masses) if i != source and m.ignorance < 1.0]
    return conjunction(rest) if rest else {masses[source].frame.everything: 1.0}


def _replaced(others: Focal, to: int, good: int, unasked: int) -> tuple[float, float, float]:
    """Belief in a defect, in passing, and conflict, undivided, had the source said `to` alone."""
    beyond = ~(good | unasked)
    defect = passing = conflict = 0.0
    for mask, value in others.items():
        common = mask & to
        if not common:
            conflict += value
        elif not common & good:
            defect += value
        elif not common & beyond:
            passing += value
    return defect, passing, conflict


def _first_change(
    start: _Margins, end: _Margins, met: tuple[bool, bool, bool], held: Criteria
) -> tuple[float, Outcome | None]:
    """The least root beyond which the decision is another one, and which."""
    roots = []
    for i in (0, 1, 2):
        here, there = start[i], end[i]
        if met[i] != (there >= 0.0):
            roots.append((here / (here - there), i))
    if not roots:
        return 1.0, None
    roots.sort()
    before, now = held.outcome_when(*met), list(met)
    for n, (share, i) in enumerate(roots):
        now[i] = not now[i]
        if n + 1 < len(roots) and roots[n + 1][0] - share < SAME:
            continue
        after = held.outcome_when(*now)
        if after != before:
            return share, after
    return 1.0, None


# --- search ------------------------------------------------------------------------------------


def _walk(rule: str, masses: Sequence[Mass], source: int, to: int, held: Criteria) -> Flip | None:
    def outcome(share: float) -> Outcome | None:
        sources = list(masses)
        sources[source] = moved(masses[source], share, to)
        try:
            return held.outcome(held.standing(combine(rule, sources)))
        except (TotalConflict, Undefined):
            return None

    before = outcome(0.0)
    places = [step / STEPS for step in range(STEPS)] + [1.0 - 1e-6]
    for low, high in pairwise(places):
        becomes = outcome(high)
        if becomes and becomes != before:
            share, becomes = _halve(low, high, before, becomes, outcome)
            return Flip(source, share, to, becomes)
    return None


def _halve(
    low: float,
    high: float,
    before: Outcome | None,
    becomes: Outcome,
    outcome: Callable[[float], Outcome | None],
) -> tuple[float, Outcome]:
    """Where above `low` the decision is `before` no more, and what it is there."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        there = outcome(middle)
        if there and there != before:
            high, becomes = middle, there
        else:
            low = middle
    return high, becomes
