"""What came out of a combination, as a table for people and as data for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from edge.fusion.combination import Combination
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from edge.fusion.rules import RULES

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule made of the sources, or why it has no answer."""

    rule: str
    sources: Sequence[Mass]
    combination: Combination | None
    refusal: str = ""


def as_data(outcome: Outcome) -> dict[str, Any]:
    """For JSON, every number as it is."""
    combination = outcome.combination
    if combination is None:
        return {"rule": outcome.rule, "refused": outcome.refusal}
    mass, frame = combination.mass, combination.mass.frame
    sets = _sets(mass)
    return {
        "rule": outcome.rule,
        "frame": list(frame.hypotheses),
        "mass": {frame.label(at): mass[at] for at in sorted(mass.focal, key=_order)},
        "belief": {frame.label(at): mass.belief(at) for at in sets},
        "plausibility": {frame.label(at): mass.plausibility(at) for at in sets},
        "pignistic": _pignistic(mass),
        "conflict": combination.conflict,
        "shares": list(combination.shares),
        "pairwise": [
            {"sources": [i + 1, j + 1], "conflict": value}
            for (i, j), value in combination.pairwise.items()
        ],
        "missing": _missing(outcome),
    }


def show(outcome: Outcome, console: Console) -> None:
    """One rule: sets below each other, then the conflict."""
    combination = outcome.combination
    if combination is None:
        console.print(f"{outcome.rule}: {outcome.refusal}", markup=False)
        return
    mass, frame = combination.mass, combination.mass.frame
    bets = _pignistic(mass) or {}
    table = Table("set", box=SIMPLE, title=f"by {outcome.rule}", title_justify="left")
    for name in ("mass", "belief", "plausibility", "pignistic"):
        table.add_column(name, justify="right")
    for at in ([0] if mass[0] else []) + _sets(mass):
        label = frame.label(at)
        numbers = (mass[at], mass.belief(at), mass.plausibility(at), bets.get(label))
        table.add_row(_words(frame, at), *(_number(one) for one in numbers))
    console.print(table)
    _show_conflict(outcome, combination, console)


def show_comparison(outcomes: Sequence[Outcome], console: Console) -> None:
    """Every rule in a row: what to bet on each hypothesis, and what is left open."""
    frame = outcomes[0].sources[0].frame
    table = Table("rule", box=SIMPLE, title="pignistic probability", title_justify="left")
    for name in (*frame.hypotheses, "nothing known", "kept conflict"):
        table.add_column(name, justify="right", overflow="fold")
    answered = [one for one in outcomes if one.combination]
    for one in outcomes:
        if one.combination:
            mass = one.combination.mass
            bets = _pignistic(mass) or {}
            numbers = [*(bets.get(name) for name in frame.hypotheses), mass.ignorance, mass[0]]
            table.add_row(one.rule, *(_number(number) for number in numbers))
        else:
            table.add_row(one.rule, *[NOTHING] * (len(frame.hypotheses) + 2))
    console.print(table)
    for one in outcomes:
        if one.refusal:
            console.print(f"{one.rule}: {one.refusal}", markup=False)
    if answered and answered[0].combination:
        _show_conflict(answered[0], answered[0].combination, console)


def show_rules(console: Console) -> None:
    """What each rule is for."""
    for rule in RULES.values():
        console.print(f"[bold]{rule.name}[/]  {rule.when}")
        console.print(f"    {rule.source}; cost {rule.cost}", style="dim", markup=False)
    console.print(
        "\ncost: k sources of f sets each on n hypotheses; N sets in the result, at most 2^n"
    )


def _show_conflict(outcome: Outcome, combination: Combination, console: Console) -> None:
    shares = ", ".join(f"source {i} {_number(x)}" for i, x in enumerate(combination.shares, 1))
    console.print(f"conflict {_number(combination.conflict)}: of it {shares}")
    pairs = combination.pairwise.items()
    if len(pairs) > 1:
        words = ", ".join(f"{i + 1} and {j + 1} {_number(x)}" for (i, j), x in pairs)
        console.print(f"between two alone: {words}")
    for number in _missing(outcome):
        console.print(f"source {number} knows nothing")


def _sets(mass: Mass) -> list[int]:
    """Every hypothesis, and every larger set that has mass."""
    singles = {1 << i for i in range(len(mass.frame.hypotheses))}
    return sorted(singles | {at for at in mass.focal if at}, key=_order)


def _order(mask: int) -> tuple[int, int]:
    return mask.bit_count(), mask


def _pignistic(mass: Mass) -> dict[str, float] | None:
    return mass.pignistic() if mass[0] < 1.0 else None


def _missing(outcome: Outcome) -> list[int]:
    return [i for i, one in enumerate(outcome.sources, 1) if one.ignorance >= 1.0]


def _words(frame: Frame, mask: int) -> str:
    if mask == frame.everything and len(frame.hypotheses) > 1:
        return "any (not known)"
    return frame.label(mask) if mask else "none (conflict kept)"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.6f}"
