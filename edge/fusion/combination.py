"""What several sources say together, by a rule, and how far they contradict each other.

The conflict reported beside the combined mass is always that of the conjunctive combination,
whatever the rule makes of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.fusion.conflict import conflict_shares, pairwise_conflict
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from edge.fusion.products import conjunction
from edge.fusion.rules import named


@dataclass(frozen=True, slots=True)
class Combination:
    """What the sources say together, and how far they contradict each other."""

    mass: Mass
    conflict: float  # mass of the empty set after the conjunctive combination of all
    sources: tuple[Mass, ...]

    @property
    def pairwise(self) -> dict[tuple[int, int], float]:
        """Conflict of sources i < j alone: who contradicts whom."""
        return pairwise_conflict(self.sources)

    @property
    def shares(self) -> tuple[float, ...]:
        """How much of the conflict each source brings; together they are the conflict."""
        return conflict_shares(self.sources, self.conflict)


def combine(rule_name: str, masses: Sequence[Mass], *, literally: bool = False) -> Combination:
    """Combine sources on one frame.

    A vacuous source is a missing sensor and takes no part. To rules for which it is neutral that
    makes no difference; in the others its whole frame would join, or average, what the present ones
    say. `literally` takes it as the published formula does, one source among others.

    Raises:
        TotalConflict: the rule has no answer to sources that agree on nothing (dempster: no common
            hypothesis; deng: every distance is 1).
        Undefined: the rule is not defined for a source (deng, xiao, pcr5, pcr6: mass on the empty
            set; cautious: nothing left open).
        ValueError: no such rule, no source, or sources on two frames.
    """
    rule = named(rule_name)
    frame = _common_frame(masses)
    present = [mass for mass in masses if literally or mass.ignorance < 1.0] or masses[:1]
    joint = conjunction(present)
    combined = Mass(frame, rule.function(joint, present))
    return Combination(combined, joint.get(0, 0.0), tuple(masses))


def _common_frame(masses: Sequence[Mass]) -> Frame:
    if not masses:
        raise ValueError("nothing to combine; a missing sensor is a vacuous mass")
    frame = masses[0].frame
    for mass in masses[1:]:
        if mass.frame is not frame and mass.frame != frame:
            raise ValueError(
                f"sources on two frames: {', '.join(frame.hypotheses)} and "
                f"{', '.join(mass.frame.hypotheses)}; state them on one"
            )
    return frame
