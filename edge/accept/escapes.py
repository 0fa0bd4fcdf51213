"""How many defects may pass, and what it costs in good parts. Pure.

The unit is the physical part. A part at or above its reject limit has *escaped* when it was judged
ok at any of its showings: a part that passes at one of three would pass some day. This bounds the
rate at one showing from above. A part below its limit counts in neither rate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.accept.exact import CONFIDENCE, Rate, needed, rate
from edge.accept.showing import Showing


@dataclass(frozen=True, slots=True)
class Escapes:
    """The escape bound."""

    parts: int  # physical, at or above the limit
    escaped: int
    bound: Rate
    showings: Rate  # the same by showing, with its design effect
    target: float
    confidence: float
    missing: int  # parts without an escape that are still needed; 0: reached
    uncertain: Rate  # showings of defects that were left to an inspection
    kinds: dict[str, Rate]  # by hypothesis, physical parts
    who: tuple[str, ...]  # which escaped, in words

    @property
    def is_met(self) -> bool:
        return self.parts > 0 and self.bound.upper <= self.target


@dataclass(frozen=True, slots=True)
class Good:
    """What happens to good parts; per showing."""

    false_rejects: Rate  # called a defect
    uncertain: Rate  # left to an inspection
    stopped: Rate  # either: the plant handles both


def escapes(showings: Iterable[Showing], target: float, confidence: float = CONFIDENCE) -> Escapes:
    """The bound on the escape rate, against its target."""
    rejects = [one for one in showings if one.label.is_reject]
    by_part: dict[str, list[Showing]] = {}
    for one in rejects:
        by_part.setdefault(one.label.group, []).append(one)
    passed = {group: any(not s.is_stopped for s in seen) for group, seen in by_part.items()}
    bound = rate(passed.items(), confidence)
    kinds = {
        kind: rate(
            ((g, passed[g]) for g, seen in by_part.items() if seen[0].label.hypothesis == kind),
            confidence,
        )
        for kind in sorted({one.label.hypothesis for one in rejects})
    }
    return Escapes(
        parts=len(by_part),
        escaped=sum(passed.values()),
        bound=bound,
        showings=rate(((s.label.group, not s.is_stopped) for s in rejects), confidence),
        target=target,
        confidence=confidence,
        missing=max(0, needed(sum(passed.values()), target, confidence) - len(by_part)),
        uncertain=rate(((s.label.group, s.decision == "uncertain") for s in rejects), confidence),
        kinds=kinds,
        who=tuple(_who(seen) for group, seen in by_part.items() if passed[group]),
    )


def good_parts(showings: Iterable[Showing], confidence: float = CONFIDENCE) -> Good:
    """False rejects and inspections of good parts."""
    good = [one for one in showings if one.label.is_good]
    return Good(
        rate(((s.label.group, s.decision == "defect") for s in good), confidence),
        rate(((s.label.group, s.decision == "uncertain") for s in good), confidence),
        rate(((s.label.group, s.is_stopped) for s in good), confidence),
    )


def _who(seen: Sequence[Showing]) -> str:
    label = seen[0].label
    at = [f"{s.label.index} of {s.label.recording}" for s in seen if not s.is_stopped]
    return (
        f"{label.group}: {label.hypothesis} {label.severity:.2f}, passed {len(at)} of "
        f"{len(seen)} times (part {', '.join(at)})"
    )
