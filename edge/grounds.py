"""What a decision rests on: who brings the conflict, and what would decide otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypedDict

from edge.fusion.combination import Combination
from edge.fusion.conflict import conflict_shares
from edge.fusion.counterfactual import STRAIGHT, flips, least
from edge.fusion.counterfactual import Flip as Change
from edge.fusion.decision import Criteria, Standing
from edge.verdict import Flip, SensorReport

NOT_KNOWN = "'not known'"
SEARCHED = "rule {rule} has no closed form; edge explain searches for it"


class Numbers(TypedDict):
    """What was believed, and what it was held against; keys of the verdict."""

    rule: str
    conflict: float
    ignorance: float
    belief_ok: float
    plausibility_ok: float
    belief: dict[str, float]
    plausibility: dict[str, float]
    good: str
    belief_defect: float
    belief_passing: float
    threshold_defect: float
    threshold_ok: float
    threshold_conflict: float
    unasked: str
    barred: str


@dataclass(frozen=True, slots=True)
class Grounds:
    """Of one decision."""

    numbers: Numbers
    reports: Mapping[str, SensorReport]  # with their conflicts and flips
    counterfactual: str  # in words
    flip_sensor: str  # whose change is the least, "" for none
    flip_share: float | None


def grounds(
    rule: str,
    combination: Combination,
    reports: Mapping[str, SensorReport],
    sets: Sequence[Mapping[int, str]],  # that each sensor at work can speak of, and their classes
    held: Criteria,
    standing: Standing,
) -> Grounds:
    """`reports` and `sets` are in the order of the combination's sources."""
    changes: list[Change | None] = [None] * len(sets)
    if rule in STRAIGHT:
        changes = flips(rule, combination.sources, sets, held, standing)
    found = [_flip(one, sets[i], held) if one else None for i, one in enumerate(changes)]
    nearest = least(changes)
    flip = found[nearest.source] if nearest else None
    sensor = list(reports)[nearest.source] if nearest else ""
    if rule not in STRAIGHT:
        words = SEARCHED.format(rule=rule)
    elif not any(sets):
        words = "no sensor is at work whose evidence could change"
    else:
        words = sentence(sensor, flip, held.bars)
    return Grounds(
        _numbers(rule, combination, held, standing),
        dict(_reports(combination, reports, found)),
        counterfactual=words,
        flip_sensor=sensor,
        flip_share=flip.share if flip else None,
    )


def sentence(sensor: str, flip: Flip | None, bars: Sequence[str]) -> str:
    """What would have decided otherwise."""
    if flip is None:
        words = "no change of one sensor alone decides otherwise"
    else:
        to = flip.said or NOT_KNOWN
        words = f"{sensor}: over {100 * flip.share:.3g} % of its mass moved to {to}"
        words += f" would make it {flip.becomes}"
    return f"{words}; it cannot pass: {', '.join(bars)}" if bars else words


def _numbers(rule: str, combination: Combination, held: Criteria, standing: Standing) -> Numbers:
    mass, frame, limits = combination.mass, held.frame, held.thresholds
    good, everyone = frame.mask([held.good]), frame.hypotheses
    plausible = mass.contour()
    return Numbers(
        rule=rule,
        conflict=round(combination.conflict, 6),
        ignorance=round(mass.ignorance, 6),
        belief_ok=round(mass.belief(good), 6),
        plausibility_ok=round(mass.plausibility(good), 6),
        belief={h: round(mass[1 << i], 6) for i, h in enumerate(everyone)},
        plausibility={h: round(p, 6) for h, p in zip(everyone, plausible, strict=True)},
        good=held.good,
        belief_defect=round(standing.defect, 6),
        belief_passing=round(standing.passing, 6),
        threshold_defect=limits.defect_belief,
        threshold_ok=limits.ok_belief,
        threshold_conflict=limits.conflict,
        unasked=frame.label(held.unasked) if held.unasked else "",
        barred="; ".join(held.bars),
    )


def _flip(change: Change, sets: Mapping[int, str], held: Criteria) -> Flip:
    return Flip(
        share=round(change.share, 6),
        to=held.frame.label(change.to),
        said=sets.get(change.to, ""),
        becomes=change.becomes,
    )


def _reports(
    combination: Combination, reports: Mapping[str, SensorReport], found: Sequence[Flip | None]
) -> Iterator[tuple[str, SensorReport]]:
    conflicts: dict[str, dict[str, float]] = {sensor: {} for sensor in reports}
    pairwise = combination.pairwise
    for (i, one), (j, other) in combinations(enumerate(reports), 2):
        conflicts[one][other] = conflicts[other][one] = round(pairwise[i, j], 6)
    shares = conflict_shares(combination.sources, combination.conflict, pairwise)
    for i, (sensor, report) in enumerate(reports.items()):
        brought = {
            "conflict_share": round(shares[i], 6),
            "conflict_with": conflicts[sensor],
            "flip": found[i],
        }
        yield sensor, report.model_copy(update=brought)
