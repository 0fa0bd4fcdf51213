"""From the combined mass to ok, a defect, or uncertain; and why, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge.bundle import Thresholds
from edge.fusion.combination import Combination
from edge.fusion.frame import Frame

UNKNOWN = "unknown"  # a defect, and no telling which


@dataclass(frozen=True, slots=True)
class Absence:
    """A sensor that said nothing of this part, or was too sick to be believed at all."""

    sensor: str
    is_accepted: bool  # the plant lets parts pass without it; else each is to be inspected
    excludes: int  # hypotheses it could have ruled out


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision on one part."""

    decision: Literal["ok", "defect", "uncertain"]
    defect: str  # a hypothesis, "unknown", or "" when it is no defect
    reason: str


def decide(
    combination: Combination,
    frame: Frame,
    good: str,
    thresholds: Thresholds,
    absent: Sequence[Absence],
    *,
    watched: int,
) -> Decided:
    """Judge a part; `watched` are the hypotheses that the working sensors can rule out.

    A defect is looked for first: where thresholds are so low that both could be said, it wins.
    Ok needs belief, little conflict, and that no sensor is absent whose parts are to be inspected.

    An absent sensor that is accepted is no reason to believe its defects away, only to stop asking
    about them: belief in ok is taken after conditioning on "none of the defects that it alone could
    have ruled out" (Shafer 1976, ch. 3, unnormalised as Smets has it). Mass that says ok *or* such
    a defect then counts as ok; mass that says such a defect and nothing else never does, and a
    defect that a working sensor watches is never conditioned away. With no sensor at work nothing
    passes.
    """
    defects = frame.everything & ~frame.mask([good])
    believed = combination.mass.belief(defects)
    if believed >= thresholds.defect_belief:
        defect, why = _name(combination, frame, defects)
        reached = f"belief in a defect {believed:.4f} >= {thresholds.defect_belief:.4f}"
        return Decided("defect", defect, f"{reached}; {why}")
    unasked = 0
    for one in absent:
        unasked |= one.excludes & ~watched if one.is_accepted else 0
    belief, given = _belief_in_ok(combination, frame, good, unasked)
    conflict = combination.conflict
    doubts = [f"{one.sensor} is absent" for one in absent if not one.is_accepted]
    if not watched:
        doubts.append("no working sensor can rule out any defect")
    if belief < thresholds.ok_belief:
        doubts.append(f"{given} {belief:.4f} < {thresholds.ok_belief:.4f}")
    if conflict > thresholds.conflict:
        doubts.append(f"conflict {conflict:.4f} > {thresholds.conflict:.4f}")
    if doubts:
        doubts.append(f"belief in a defect {believed:.4f} < {thresholds.defect_belief:.4f}")
        return Decided("uncertain", "", "; ".join(doubts))
    reached = f"{given} {belief:.4f} >= {thresholds.ok_belief:.4f}"
    return Decided("ok", "", f"{reached}; conflict {conflict:.4f} <= {thresholds.conflict:.4f}")


def _belief_in_ok(
    combination: Combination, frame: Frame, good: str, unasked: int
) -> tuple[float, str]:
    """Belief in ok, conditioned on none of the `unasked` defects; and what that belief is in."""
    mass = combination.mass
    if not unasked:
        return mass.belief(frame.mask([good])), f"belief in {good}"
    belief = mass.belief(frame.mask([good]) | unasked) - mass.belief(unasked)
    return belief, f"belief in {good} (nobody asked about {frame.label(unasked)})"


def _name(combination: Combination, frame: Frame, defects: int) -> tuple[str, str]:
    """The one defect believed more than any other is even plausible, if there is one."""
    mass = combination.mass
    names = frame.names(defects)
    belief = {name: mass.belief(frame.mask([name])) for name in names}
    plausibility = {name: mass.plausibility(frame.mask([name])) for name in names}
    best = max(names, key=lambda name: belief[name])
    rival = max((plausibility[name] for name in names if name != best), default=0.0)
    if belief[best] > rival:
        return best, f"{best}: belief {belief[best]:.4f} > plausibility {rival:.4f} of any other"
    return UNKNOWN, f"open which: belief in {best} {belief[best]:.4f}, another may have {rival:.4f}"
