"""What has to hold for an acceptance, and whether it does. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edge.accept.agreement import Agreement
from edge.accept.attempts import History
from edge.accept.escapes import Escapes
from edge.accept.latency import LATE_SHARE, Latency
from edge.accept.singles import Comparison
from edge.accept.words import interval, one_in, percent, times

State = Literal["met", "not met", "not measured"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One demand: what is asked, what was found, and whether that is enough."""

    name: str
    wanted: str
    found: str
    state: State


def criteria(
    history: History,
    escapes: Escapes,
    agreement: Agreement,
    comparison: Comparison,
    latency: Latency,
) -> tuple[Criterion, ...]:
    """All demands, in the order in which a reader asks."""
    return (
        _use(history),
        _escape(escapes),
        _agreement(agreement),
        _comparison(comparison),
        _latency(latency),
    )


def _use(history: History) -> Criterion:
    wanted = "the bundle was never judged on any of these parts in another set"
    if history.overlapping:
        found = f"some were in another set on {', '.join(map(day, history.overlapping))}"
        return Criterion("Parts not used before", wanted, found, "not met")
    again = f"this very set {times(len(history.same))} before: the same figures again"
    found = again if history.same else "never used for this bundle"
    return Criterion("Parts not used before", wanted, found, "met")


def _escape(escapes: Escapes) -> Criterion:
    name = "Escape bound"
    wanted = (
        f"at most {percent(escapes.target)} of defective parts pass, "
        f"at {percent(escapes.confidence)} confidence"
    )
    if not escapes.parts:
        return Criterion(name, wanted, "no part at or above its limit", "not measured")
    found = f"{escapes.escaped} of {escapes.parts} passed: at most {percent(escapes.bound.upper)}"
    if escapes.is_met:
        return Criterion(name, wanted, found, "met")
    cure = f"; needs {escapes.missing} more defective parts without an escape"
    return Criterion(name, wanted, found + cure, "not met")


def _agreement(agreement: Agreement) -> Criterion:
    words = "; ".join(_worst(agreement))
    if not agreement.has_repeats:
        words += "; repeatability not measured: no part was shown twice"
    state: State = "not met"
    if agreement.grade in ("acceptable", "marginal"):
        state = "met"
    elif agreement.grade == "not measured":
        state = "not measured"
    wanted = "at least marginal by AIAG: effectiveness 80 %, miss 5 %, false alarm 10 %"
    return Criterion("Measuring system (MSA)", wanted, f"{agreement.grade}: {words}", state)


def _worst(agreement: Agreement) -> Iterator[str]:
    rows = agreement.appraisers
    if rows:
        yield f"effectiveness {percent(min(one.effectiveness.share for one in rows))}"
        yield f"miss {percent(max(one.miss.share for one in rows))}"
        yield f"false alarm {percent(max(one.false_alarm.share for one in rows))}"


def _comparison(comparison: Comparison) -> Criterion:
    name, wanted = "Against the best single sensor", "not worse at as many good parts stopped"
    best, pair = comparison.best, comparison.paired
    if best is None or not pair.pairs:
        return Criterion(name, wanted, "nothing to compare", "not measured")
    found = (
        f"{comparison.missed} missed, {best.sensor} alone {best.missed} of {pair.pairs}: "
        f"{interval(pair.low, pair.high, 'points')} fewer"
    )
    if not (comparison.is_better or comparison.is_worse):
        found += "; no difference is shown"
    return Criterion(name, wanted, found, "not met" if comparison.is_worse else "met")


def _latency(latency: Latency) -> Criterion:
    wanted = (
        f"at most {one_in(LATE_SHARE)} verdicts after {latency.deadline_ms:g} ms, "
        f"at {percent(latency.confidence)} confidence"
    )
    if not latency.is_measured:
        cure = "not measured: record live verdicts, or give --bench FILE"
        return Criterion("Latency bound", wanted, cure, "not measured")
    found = f"{latency.over} of {latency.runs} late: at most {percent(latency.late_bound)}"
    if latency.is_met:
        return Criterion("Latency bound", wanted, found, "met")
    cure = f"; needs {latency.missing} more runs in time"
    return Criterion("Latency bound", wanted, found + cure, "not met")


def day(time: str) -> str:
    """Date and minute of an ISO time."""
    return time[:16].replace("T", " ")
