"""From the combined mass to ok, a defect, or uncertain; and why, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from edge.fusion.combination import Combination
from edge.fusion.frame import Frame
from edge.manifest import Thresholds

Outcome = Literal["ok", "defect", "uncertain"]
UNKNOWN = "unknown"  # a defect, and no telling which


@dataclass(frozen=True, slots=True)
class Absence:
    """A sensor that said nothing of this part, or was too sick to be believed at all."""

    sensor: str
    is_accepted: bool  # the plant lets parts pass without it; else each is to be inspected
    excludes: int  # hypotheses it could have ruled out


class Standing(NamedTuple):
    """The numbers that are held against the thresholds."""

    defect: float  # belief in any defect
    passing: float  # belief in ok, or in an unasked defect where ok is possible too
    conflict: float


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a part is held against, whatever the sensors say of it."""

    frame: Frame
    good: str
    thresholds: Thresholds
    unasked: int = 0  # defects that nobody asks about
    bars: tuple[str, ...] = ()  # why it may not pass, however good the evidence

    @property
    def defects(self) -> int:
        return self.frame.everything & ~self.frame.mask([self.good])

    @property
    def passing(self) -> int:
        return self.frame.mask([self.good]) | self.unasked

    def standing(self, combination: Combination) -> Standing:
        mass = combination.mass
        passing = mass.belief(self.passing)
        if self.unasked:
            passing -= mass.belief(self.unasked)
        return Standing(mass.belief(self.defects), passing, combination.conflict)

    def outcome(self, standing: Standing) -> Outcome:
        limits = self.thresholds
        return self.outcome_when(
            standing.defect >= limits.defect_belief,
            standing.passing >= limits.ok_belief,
            standing.conflict <= limits.conflict,
        )

    def outcome_when(self, is_defect: bool, is_believed: bool, is_agreed: bool) -> Outcome:
        """From which thresholds are met: of a defect, of ok, of conflict."""
        if is_defect:
            return "defect"
        return "ok" if is_believed and is_agreed and not self.bars else "uncertain"


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision on one part."""

    decision: Outcome
    defect: str  # a hypothesis, "unknown", or "" when it is no defect
    reason: str


def criteria(
    frame: Frame,
    good: str,
    thresholds: Thresholds,
    absent: Sequence[Absence],
    *,
    watched: int,
    doubted: Sequence[str] = (),
) -> Criteria:
    """What a part is held against; `watched` are the hypotheses that working sensors can rule out.

    Ok needs that no sensor is absent whose parts are to be inspected, one that is at work, and none
    that is `doubted` in words: not healthy, or it saw something foreign, which may be the part.

    An absent sensor that is accepted is no reason to believe its defects away, only to stop asking
    about them: belief in ok is taken after conditioning on "none of the defects that it alone could
    have ruled out" (Shafer 1976, ch. 3, unnormalised as Smets has it). Mass that says ok *or* such
    a defect then counts as ok; mass that says such a defect and nothing else never does, and a
    defect that a working sensor watches is never conditioned away.
    """
    unasked = 0
    for one in absent:
        unasked |= one.excludes & ~watched if one.is_accepted else 0
    bars = [*doubted, *(f"{one.sensor} is absent" for one in absent if not one.is_accepted)]
    if not watched:
        bars.append("no working sensor can rule out any defect")
    return Criteria(frame, good, thresholds, unasked, tuple(bars))


def decide(
    combination: Combination,
    frame: Frame,
    good: str,
    thresholds: Thresholds,
    absent: Sequence[Absence],
    *,
    watched: int,
) -> Decided:
    """Judge a part by its `criteria`."""
    held = criteria(frame, good, thresholds, absent, watched=watched)
    return decide_by(held, combination, held.standing(combination))


def decide_by(held: Criteria, combination: Combination, standing: Standing) -> Decided:
    """Judge a part that stands so.

    A defect is looked for first: where thresholds are so low that both could be said, it wins.
    Ok needs belief, little conflict, and that nothing bars it.
    """
    limits, (in_defect, in_ok, conflict) = held.thresholds, standing
    outcome = held.outcome(standing)
    if outcome == "defect":
        defect, why = _name(combination, held.frame, held.defects)
        reached = f"belief in a defect {in_defect:.4f} >= {limits.defect_belief:.4f}"
        return Decided(outcome, defect, f"{reached}; {why}")
    given = f"belief in {held.good}"
    if held.unasked:
        given += f" (nobody asked about {held.frame.label(held.unasked)})"
    if outcome == "ok":
        reached = f"{given} {in_ok:.4f} >= {limits.ok_belief:.4f}"
        return Decided(outcome, "", f"{reached}; conflict {conflict:.4f} <= {limits.conflict:.4f}")
    doubts = list(held.bars)
    if in_ok < limits.ok_belief:
        doubts.append(f"{given} {in_ok:.4f} < {limits.ok_belief:.4f}")
    if conflict > limits.conflict:
        doubts.append(f"conflict {conflict:.4f} > {limits.conflict:.4f}")
    doubts.append(f"belief in a defect {in_defect:.4f} < {limits.defect_belief:.4f}")
    return Decided(outcome, "", "; ".join(doubts))


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
