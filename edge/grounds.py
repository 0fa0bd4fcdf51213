"""What a decision rests on: who brings the conflict, and what would decide otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from edge.fusion.combination import Combination
from edge.fusion.counterfactual import STRAIGHT, flips, least
from edge.fusion.counterfactual import Flip as Change
from edge.fusion.decision import Criteria, Standing
from edge.verdict import Flip, SensorReport

NOT_KNOWN = "'not known'"
SEARCHED = "rule {rule} has no closed form; edge explain searches for it"


@dataclass(frozen=True, slots=True)
class Grounds:
    """Of one decision."""

    reports: Mapping[str, SensorReport]  # with their conflicts and flips
    counterfactual: str
    nearest: str  # sensor whose change is the least, "" for none
    share: float | None


def grounds(
    rule: str,
    combination: Combination,
    reports: Mapping[str, SensorReport],
    sets: Sequence[Mapping[int, str]],
    held: Criteria,
    standing: Standing,
) -> Grounds:
    """`reports` and `sets` are in the order of the combination's sources."""
    if rule in STRAIGHT:
        changes = flips(rule, combination.sources, sets, held, standing)
    else:
        changes = [None] * len(sets)
    found = [_flip(one, sets[i], held) if one else None for i, one in enumerate(changes)]
    nearest = least(changes)
    sensor = list(reports)[nearest.source] if nearest else ""
    words = sentence(sensor, found[nearest.source] if nearest else None, held.bars)
    if rule not in STRAIGHT:
        words = SEARCHED.format(rule=rule)
    elif not any(sets):
        words = "no sensor is at work whose evidence could change"
    return Grounds(
        dict(_reports(combination, reports, found)),
        words,
        sensor,
        round(nearest.share, 6) if nearest else None,
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
    shares = combination.shares
    for i, (sensor, report) in enumerate(reports.items()):
        brought = {
            "conflict_share": round(shares[i], 6),
            "conflict_with": conflicts[sensor],
            "flip": found[i],
        }
        yield sensor, report.model_copy(update=brought)
