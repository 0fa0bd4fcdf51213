"""The decision path of one verdict, on a terminal or as plain lines."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.explain.again import BEFORE, counterfactual, criteria
from edge.fusion.frame import SEPARATOR
from edge.grounds import NOT_KNOWN, sentence
from edge.verdict import Verdict

COLOURS = {"ok": "green", "defect": "bold red", "uncertain": "yellow"}


def show(verdict: Verdict, console: Console) -> None:
    """From what was seen to what was said."""
    _head(verdict, console)
    _lines(console, "how healthy each sensor was", _health(verdict))
    _print(console, "what each sensor said", _said(verdict, console))
    if any(report.windows for report in verdict.sensors.values()):
        _print(console, "what each window of a sensor said", _windows(verdict, console))
    _print(console, "where they contradict each other", _conflict(verdict, console))
    _print(console, f"together, by {verdict.rule}", _together(verdict, console))
    _lines(console, "what decided", _thresholds(verdict))
    _lines(console, "what would decide otherwise", _otherwise(verdict))
    _lines(console, "when", _timing(verdict))


def _head(verdict: Verdict, console: Console) -> None:
    said = f"{verdict.decision} {verdict.defect}".strip()
    where = f"{verdict.site}/{verdict.line}/{verdict.station}"
    console.print(
        Text(f"part {verdict.part} at {where}: ") + Text(said, style=COLOURS[verdict.decision])
    )
    console.print(Text(f"because {verdict.reason}"))
    if verdict.degraded:
        console.print(Text(f"degraded: {verdict.degraded_reason}", style="yellow"))
    bundle = f"{verdict.bundle} {verdict.bundle_version}".strip() or "none for this recipe"
    console.print(Text(f"verdict {verdict.id}, bundle {bundle}"))
    if verdict.certificate:
        console.print(Text(verdict.certificate, style="" if verdict.certified else "yellow"))


def _said(verdict: Verdict, console: Console) -> Table:
    table = _table(console, "sensor", "class", "probability", "on the set", "mass")
    for name, report in verdict.sensors.items():
        classes, sets = _ranked(report.probabilities), _ranked(report.mass)
        for i, ((one, chance), (label, mass)) in enumerate(
            zip_longest(classes, sets, fillvalue=("", None))
        ):
            on = set_words(label, tuple(verdict.belief)) if label else ""
            table.add_row("" if i else name, one, _number(chance), on, _number(mass))
    return table


def _windows(verdict: Verdict, console: Console) -> Table:
    table = _table(console, "sensor", "from", "status", "believed", "likeliest", "mass on it")
    for name, report in verdict.sensors.items():
        for i, one in enumerate(report.windows):
            label = max(one.mass, key=one.mass.__getitem__, default="")
            on = set_words(label, tuple(verdict.belief)) if label else ""
            state = f"{one.status}: {one.reason}" if one.reason else one.status
            believed = f"{100 * one.reliability:.3g} %"
            sensor = "" if i else name
            table.add_row(
                sensor, f"{one.offset_s:g} s", state, believed, on, _number(one.mass.get(label))
            )
        if report.windows:
            apart = f"apart by {_number(report.conflict_within)} at least"
            table.add_row("", "all", apart, "", "", "")
    return table


def _ranked(values: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(values.items(), key=lambda one: -one[1])


def _health(verdict: Verdict) -> Iterator[str]:
    for name, report in verdict.sensors.items():
        why = f": {report.reason}" if report.reason else ""
        believed = f"believed {100 * report.reliability:.3g} %"
        yield f"{name} ({report.detector}): {report.status}, {believed}{why}"


def set_words(label: str, hypotheses: Sequence[str]) -> str:
    """A set for people: a large one by what it leaves out."""
    names = label.split(SEPARATOR)
    without = [one for one in hypotheses if one not in names]
    if not without:
        return NOT_KNOWN
    if len(without) < len(names):
        return f"not {', '.join(without)}"
    return " or ".join(names)


def _conflict(verdict: Verdict, console: Console) -> Table:
    table = _table(console, "sensor", "brings", "of the conflict", "with each other alone")
    for name, report in verdict.sensors.items():
        part = f"{report.conflict_share / verdict.conflict:.0%}" if verdict.conflict else "-"
        pairs = ", ".join(f"{o} {_number(v)}" for o, v in report.conflict_with.items())
        table.add_row(name, _number(report.conflict_share), part, pairs or "-")
    table.add_row("all", _number(verdict.conflict), "", "")
    return table


def _together(verdict: Verdict, console: Console) -> Table:
    table = _table(console, "hypothesis", "belief", "plausibility")
    for name, belief in verdict.belief.items():
        table.add_row(name, _number(belief), _number(verdict.plausibility[name]))
    return table


def _thresholds(verdict: Verdict) -> Iterator[str]:
    held, defect, passing = criteria(verdict), verdict.belief_defect, verdict.belief_passing
    if held is None or defect is None or passing is None:
        yield BEFORE
        return
    limits, given = held.thresholds, f"belief in {verdict.good}"
    if verdict.unasked:
        given += f" (nobody asked about {verdict.unasked})"
    yield _held("belief in a defect", defect, ">=", limits.defect_belief, "to reject")
    yield _held(given, passing, ">=", limits.ok_belief, "to pass")
    yield _held("conflict", verdict.conflict, "<=", limits.conflict, "to pass")
    if verdict.barred:
        yield f"it could not pass whatever was said: {verdict.barred}"


def _held(what: str, value: float, sign: str, limit: float, to: str) -> str:
    is_met = value >= limit if sign == ">=" else value <= limit
    return f"{what} {_number(value)}, {to} {sign} {_number(limit)}: {'yes' if is_met else 'no'}"


def _otherwise(verdict: Verdict) -> Iterator[str]:
    yield counterfactual(verdict)
    others = [
        sentence(name, report.flip, ())
        for name, report in verdict.sensors.items()
        if report.flip and name != verdict.flip_sensor
    ]
    yield from others


def _timing(verdict: Verdict) -> Iterator[str]:
    yield f"triggered {verdict.time}, known to the box {verdict.trigger_age_ms:.1f} ms later"
    late = "late" if verdict.late else "in time"
    yield f"sealed {verdict.sensor_to_sealed_ms:.1f} ms after the last sample it needed, {late}"
    if verdict.recovered:
        yield "judged after an interruption: nobody watched this part"


# --- how it looks ------------------------------------------------------------------------------


def _table(console: Console, *columns: str) -> Table:
    table = Table(box=SIMPLE if console.is_terminal else None, pad_edge=False)
    for name in columns:
        is_number = name in {"probability", "mass", "brings", "belief", "plausibility"}
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    return table


def _print(console: Console, title: str, table: Table) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    console.print(table)


def _lines(console: Console, title: str, lines: Iterator[str]) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    for line in lines:
        console.print(Text(f"  {line}"))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
