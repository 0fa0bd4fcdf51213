"""What came out of a trial, as data."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from edge.trial.account import Account, Key, Row
from edge.trial.figures import Spread, spread
from edge.trial.score import Score, score

DEADLINE_MS = 50.0


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
