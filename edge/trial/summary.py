"""What came out of a trial, in words."""

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.trial.account import Key
from edge.trial.outcome import Outcome
from edge.trial.score import GOOD, SMALL, Score

SHOWN_KEYS = 5


def make_console() -> Console:
    """Plain words; a line is as long as it is, where nobody looks at a terminal."""
    return Console(highlight=False, soft_wrap=True)


def show(outcome: Outcome, console: Console) -> None:
    """The summary for people."""
    counted = outcome.score
    console.print()
    show_score(counted, console)
    console.print(
        f"triggers {outcome.triggers}, verdicts {outcome.parts}, redelivered "
        f"{outcome.redelivered}, degraded {outcome.degraded}, late {outcome.late}, recovered "
        f"after an interruption {outcome.recovered}, daemon restarts {outcome.restarts}, "
        f"PLC took {outcome.plc_results} results and {outcome.plc_late} late ones"
    )
    for name, keys, meaning in (
        ("missing", outcome.missing, "triggers without a verdict"),
        ("duplicates", outcome.duplicates, "triggers with two different verdicts"),
        ("unannounced", outcome.unannounced, "verdicts on triggers that nobody gave"),
        ("contradicted", outcome.contradicted, "PLC told otherwise than subscribers"),
    ):
        console.print(_promise(name, keys, meaning))
    if outcome.unheard:
        console.print(
            f"  {len(outcome.unheard)} of the missing were never echoed: they left the PLC's ring "
            "of 16 while the daemon was away"
        )
    console.print(
        f"window end (or trigger, if later) to subscriber: {outcome.latency_ms.in_words()}"
    )
    console.print(f"  by the daemon's own clock points: {outcome.own_latency_ms.in_words()}")
    console.print(f"edge of a part, believed against true: {outcome.edge_error_ms.in_words()}")
    if outcome.recovered:
        console.print(f"  recovered parts: {outcome.recovered_latency_ms.in_words()}")
    engines = ", ".join(f"{d}: {'/'.join(names)}" for d, names in outcome.engines.items())
    console.print(f"engines: {engines or 'none answered'}")


def show_score(counted: Score, console: Console) -> None:
    """Verdicts against the truth, and what of it counts."""
    console.print(_confusion(counted))
    console.print(
        f"rejects {counted.rejects}: {counted.escapes} escaped, {counted.named} called by their "
        f"name; good {counted.good}: {counted.false_rejects} rejected; "
        f"uncertain {counted.uncertain} (small defects count nowhere)"
    )


def _promise(name: str, keys: tuple[Key, ...], meaning: str) -> Text:
    shown = ", ".join(f"{station} {sequence}" for station, sequence in keys[:SHOWN_KEYS])
    more = " ..." if len(keys) > SHOWN_KEYS else ""
    text = f"{name} {len(keys)} ({meaning}{': ' + shown + more if keys else ''})"
    return Text(text, style="bold red" if keys else "green")


def _confusion(counted: Score) -> Table:
    table = Table("truth", "ok", "its defect", "another defect", "uncertain", "called", box=SIMPLE)
    for column in table.columns[1:5]:
        column.justify = "right"
    for truth, said in counted.confusion.items():
        own = truth.removesuffix(SMALL)
        others = {name: n for name, n in said.items() if name not in (own, "ok", "uncertain")}
        cells = (
            said.get("ok", 0),
            said.get(own, 0) if own != GOOD else 0,
            sum(others.values()),
            said.get("uncertain", 0),
        )
        called = ", ".join(f"{name} {n}" for name, n in others.items())
        table.add_row(truth, *(str(n) if n else "" for n in cells), called)
    return table
