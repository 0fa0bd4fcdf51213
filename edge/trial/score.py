"""Verdicts against the simulator's truth. Pure.

A defect counts from its reject limit upwards: passing it is an escape. A smaller one may be passed
or rejected; it stands in rows of its own and in neither rate. A false reject is a good part called
defect.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sensors.recording import Truth

GOOD = "ok"
SMALL = " (small)"


@dataclass(frozen=True, slots=True)
class Score:
    """How right the verdicts were."""

    confusion: dict[str, dict[str, int]]  # truth -> what was said -> parts
    good: int
    rejects: int  # parts with a defect at or beyond its limit
    escapes: int  # of these, passed
    named: int  # of these, called defect with the right name
    false_rejects: int  # of the good ones, called defect
    uncertain: int  # of good ones and rejects


def truth_label(truth: Truth) -> str:
    """Row of the confusion table."""
    if truth.hypothesis == GOOD or truth.is_reject:
        return truth.hypothesis
    return truth.hypothesis + SMALL


def said_label(decision: str, defect: str) -> str:
    """Column of the confusion table."""
    return defect if decision == "defect" else decision


def score(judged: Iterable[tuple[Truth | None, str, str]]) -> Score:
    """Count (truth, decision, defect); parts whose truth is not known are left out."""
    confusion: dict[str, Counter[str]] = {}
    tally: Counter[str] = Counter()
    for truth, decision, defect in judged:
        if truth is None:
            continue
        label, said = truth_label(truth), said_label(decision, defect)
        confusion.setdefault(label, Counter())[said] += 1
        tally.update(_judge(truth, label, said, decision))
    return Score(
        {truth: dict(said) for truth, said in sorted(confusion.items())},
        **{name: tally[name] for name in _TALLIES},
    )


_TALLIES = ("good", "rejects", "escapes", "named", "false_rejects", "uncertain")


def _judge(truth: Truth, label: str, said: str, decision: str) -> set[str]:
    is_good = truth.hypothesis == GOOD
    if not is_good and not truth.is_reject:
        return set()
    counts = {"good" if is_good else "rejects"}
    if decision == "uncertain":
        counts.add("uncertain")
    elif is_good and decision == "defect":
        counts.add("false_rejects")
    elif not is_good:
        counts |= {"escapes"} if decision == "ok" else set()
        counts |= {"named"} if said == label else set()
    return counts
