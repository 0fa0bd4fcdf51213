"""What came out of a trial, as data and in words."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.trial.account import Account, Key, Row
from edge.trial.figures import Spread, spread
from edge.trial.score import Score, score

DEADLINE_MS = 50.0
SHOWN_KEYS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a trial. Recovered parts are those that an interruption left unwatched."""

    triggers: int
    parts: int  # triggers with a verdict
    missing: tuple[Key, ...]
    unheard: tuple[Key, ...]  # of the missing, those never echoed: nobody had accepted them
    duplicates: tuple[Key, ...]
    unannounced: tuple[Key, ...]
    contradicted: tuple[Key, ...]  # the PLC was told otherwise than the subscriber
    redelivered: int
    recovered: int
    degraded: int
    late: int
    plc_results: int  # fresh ones, to be acted upon
    plc_late: int
    latency_ms: Spread  # outside the daemon, parts that were watched
    own_latency_ms: Spread  # by the daemon's own clock points, the same parts
    recovered_latency_ms: Spread
    edge_error_ms: Spread  # how far off the daemon put the parts' edges
    over_deadline: int  # of the watched parts, measured outside
    decisions: dict[str, int]
    score: Score
    engines: dict[str, list[str]]
    restarts: int
    rows: tuple[Row, ...]

    @property
    def is_sound(self) -> bool:
        """Exactly one verdict a trigger, and one truth for everybody."""
        return not (self.missing or self.duplicates or self.unannounced or self.contradicted)

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        names = ("missing", "unheard", "duplicates", "unannounced", "contradicted")
        spreads = ("latency_ms", "own_latency_ms", "recovered_latency_ms", "edge_error_ms")
        counts = (
            "triggers", "parts", "redelivered", "recovered", "degraded", "late", "plc_results",
            "plc_late", "over_deadline", "decisions", "engines", "restarts",
        )  # fmt: skip
        return {
            **{name: getattr(self, name) for name in counts},
            **{name: len(getattr(self, name)) for name in names},
            "keys": {n: [list(k) for k in getattr(self, n)] for n in names if getattr(self, n)},
            **{name: getattr(self, name).as_data() for name in spreads},
            **asdict(self.score),
            "verdicts": [_row(row) for row in self.rows],
        }


def conclude(account: Account, restarts: int) -> Outcome:
    """Close the books."""
    rows = account.rows()
    watched = [row for row in rows if not row.verdict.recovered]
    recovered = [row for row in rows if row.verdict.recovered]
    return Outcome(
        triggers=len(account.missing) + account.judged,
        parts=account.judged,
        missing=tuple(account.missing),
        unheard=tuple(account.unheard),
        duplicates=tuple(account.duplicates),
        unannounced=tuple(account.unannounced),
        contradicted=tuple(account.contradicted),
        redelivered=account.redelivered,
        recovered=len(recovered),
        degraded=sum(row.verdict.degraded for row in watched),
        late=sum(row.verdict.late for row in watched),
        plc_results=sum(not t.is_late for r in account.results.values() for t in r),
        plc_late=sum(t.is_late for r in account.results.values() for t in r),
        latency_ms=spread(row.latency_ms for row in watched),
        own_latency_ms=spread(row.own_latency_ms for row in watched),
        recovered_latency_ms=spread(row.latency_ms for row in recovered),
        edge_error_ms=spread(abs(row.edge_error_ms) for row in watched),
        over_deadline=sum(row.latency_ms > DEADLINE_MS for row in watched),
        decisions=dict(Counter(row.verdict.decision for row in rows)),
        score=score((r.truth, r.verdict.decision, r.verdict.defect) for r in rows),
        engines=_engines(rows),
        restarts=restarts,
        rows=tuple(rows),
    )


def _row(row: Row) -> dict[str, Any]:
    verdict = row.verdict
    told = ("station", "sequence", "part", "decision", "defect", "reason", "degraded_reason",
            "recovered", "late")  # fmt: skip
    return {
        **{name: getattr(verdict, name) for name in told},
        "latency_ms": round(row.latency_ms, 3),
        "edge_error_ms": round(row.edge_error_ms, 3),
        "truth": asdict(row.truth) if row.truth else None,
    }


def _engines(rows: list[Row]) -> dict[str, list[str]]:
    engines: dict[str, set[str]] = {}
    for row in rows:
        for report in row.verdict.sensors.values():
            if report.engine:
                engines.setdefault(report.detector, set()).add(report.engine)
    return {detector: sorted(names) for detector, names in sorted(engines.items())}


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
    said = sorted({name for row in counted.confusion.values() for name in row})
    table = Table(title="truth (rows) and verdict (columns)", title_justify="left")
    table.add_column("truth", style="dim")
    for name in said:
        table.add_column(name, justify="right")
    for truth, row in counted.confusion.items():
        table.add_row(truth, *(str(row[name]) if name in row else "" for name in said))
    return table
