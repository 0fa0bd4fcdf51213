"""Attribute measurement-system analysis, after AIAG MSA, 4th edition, chapter III section C. Pure.

The *reference* of a part is its truth: reject at or above the limit, else accept. A *decision* is
stop (a defect, or uncertain) or pass. An appraiser is a station or shift; a trial is the part
clamped and recorded anew.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

from edge.accept.exact import CONFIDENCE, Rate, rate
from edge.accept.showing import Showing

Grade = Literal["acceptable", "marginal", "not acceptable", "not measured"]
GRADES: tuple[Grade, ...] = ("acceptable", "marginal", "not acceptable", "not measured")
# of effectiveness, miss rate, false alarm rate: AIAG MSA 4th ed., table III-C 9
ACCEPTABLE = (0.90, 0.02, 0.05)
MARGINAL = (0.80, 0.05, 0.10)
GOOD_KAPPA = 0.75


class Rating(NamedTuple):
    """One decision on one part. Pure of how it came about."""

    group: str
    appraiser: str
    trial: str
    is_reject: bool  # the reference
    is_stopped: bool  # the decision


@dataclass(frozen=True, slots=True)
class Appraisal:
    """How one appraiser, or all together, did."""

    appraiser: str
    effectiveness: Rate  # parts that were judged right at every trial
    miss: Rate  # decisions on reject parts: passed
    false_alarm: Rate  # decisions on accept parts: stopped
    kappa: float  # against the reference; NaN where only one answer occurs
    repeatable: Rate | None  # parts judged alike at every trial; None without repeats
    grade: Grade


@dataclass(frozen=True, slots=True)
class Agreement:
    """The whole analysis."""

    appraisers: tuple[Appraisal, ...]
    together: Appraisal
    between: dict[str, float]  # "A x B" -> kappa of two appraisers, trial by trial
    reproducible: Rate | None  # parts on which all appraisers agree at every trial
    has_repeats: bool  # else nothing is known of repeatability
    grade: Grade  # of the worst appraiser


def ratings(showings: Iterable[Showing], *, strict: bool) -> list[Rating]:
    """Decisions of the study; of all parts, where the set holds none that is shown again.

    A part with a defect below its limit is to be accepted, and stopping it is a false alarm, where
    the rules are `strict`; else it may go either way and is left out.
    """
    seen = [one for one in showings if strict or one.label.is_good or one.label.is_reject]
    study = [one for one in seen if one.label.is_repeat] or seen
    return [
        Rating(s.label.group, s.label.appraiser, s.label.trial, s.label.is_reject, s.is_stopped)
        for s in study
    ]


def agreement(rated: Sequence[Rating], confidence: float = CONFIDENCE) -> Agreement:
    """Analyse a study; without any rating all is "not measured"."""
    names = sorted({one.appraiser for one in rated})
    each = [
        appraisal(name or "all", [r for r in rated if r.appraiser == name], confidence)
        for name in names
    ]
    together = appraisal("together", rated, confidence)
    has_repeats = len(rated) > len({one.group for one in rated})
    return Agreement(
        appraisers=tuple(each),
        together=together,
        between={f"{a} x {b}": cohen(_pairs(rated, a, b)) for a, b in combinations(names, 2)},
        reproducible=_alike(rated, confidence) if len(names) > 1 else None,
        has_repeats=has_repeats,
        grade=max((one.grade for one in each), key=GRADES.index, default="not measured"),
    )


def appraisal(name: str, rated: Sequence[Rating], confidence: float = CONFIDENCE) -> Appraisal:
    """Effectiveness by part (table III-C 8), miss and false alarm by decision (table III-C 9)."""
    right: dict[str, bool] = {}
    for one in rated:
        right[one.group] = right.get(one.group, True) and one.is_stopped == one.is_reject
    effectiveness = rate(right.items(), confidence)
    miss = rate(((r.group, not r.is_stopped) for r in rated if r.is_reject), confidence)
    alarm = rate(((r.group, r.is_stopped) for r in rated if not r.is_reject), confidence)
    return Appraisal(
        appraiser=name,
        effectiveness=effectiveness,
        miss=miss,
        false_alarm=alarm,
        kappa=cohen([(r.is_stopped, r.is_reject) for r in rated]),
        repeatable=_alike(rated, confidence) if len(rated) > len(right) else None,
        grade=grade(effectiveness.share, miss.share, alarm.share),
    )


def grade(effectiveness: float, miss: float, false_alarm: float) -> Grade:
    """AIAG's three grades; the worst of the three figures decides."""
    if any(map(math.isnan, (effectiveness, miss, false_alarm))):
        return "not measured"
    for name, (least, missed, alarmed) in zip(GRADES, (ACCEPTABLE, MARGINAL), strict=False):
        if effectiveness >= least and miss <= missed and false_alarm <= alarmed:
            return name
    return "not acceptable"


def cohen(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Agreement beyond chance: Cohen 1960, Educ. Psychol. Meas. 20, 37-46.

    NaN without pairs, or where both say the same one thing throughout: chance explains it all.
    """
    if not pairs:
        return math.nan
    counted, total = Counter(pairs), len(pairs)
    agreed = (counted[True, True] + counted[False, False]) / total
    first = (counted[True, True] + counted[True, False]) / total
    second = (counted[True, True] + counted[False, True]) / total
    by_chance = first * second + (1.0 - first) * (1.0 - second)
    return (agreed - by_chance) / (1.0 - by_chance) if by_chance < 1.0 else math.nan


def _pairs(rated: Iterable[Rating], first: str, second: str) -> list[tuple[bool, bool]]:
    """Decisions of two appraisers on the same part at the same trial."""
    said = {(r.group, r.trial, r.appraiser): r.is_stopped for r in rated}
    return [
        (stopped, said[group, trial, second])
        for (group, trial, appraiser), stopped in said.items()
        if appraiser == first and (group, trial, second) in said
    ]


def _alike(rated: Sequence[Rating], confidence: float) -> Rate:
    """Parts shown more than once that were always judged the same."""
    said: dict[str, list[bool]] = {}
    for one in rated:
        said.setdefault(one.group, []).append(one.is_stopped)
    return rate(
        ((group, len(set(all_)) == 1) for group, all_ in said.items() if len(all_) > 1), confidence
    )
