"""What a calibration found: a table for people, the same as data, and what is missing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from models.calibration.alone import Alone, Pair
from models.calibration.candidates import Counts
from models.calibration.step import Calibration, Row
from models.statistics import clopper_pearson, holm, upper_bound

COLUMNS = (
    "at work",
    "ok >=",
    "conflict <=",
    "defect >=",
    "escapes",
    "at most",
    "good rejected",
    "good uncertain",
    "defects uncertain",
    "cost a part",
    "not excluded",
)


def show(found: Calibration, console: Console) -> None:
    """One row a set of detectors; below it what is missing where nothing is promised."""
    wanted = found.wanted
    console.print(
        f"wanted: at most {100 * wanted.escape_rate:g} % of defects pass, at "
        f"{100 * wanted.confidence:g} % confidence; an escape costs {wanted.costs.escape:g}, a "
        f"false reject {wanted.costs.false_reject:g}, an inspection {wanted.costs.inspection:g}, "
        f"{100 * wanted.costs.defect_share:g} % of parts have a defect"
    )
    table = Table(*COLUMNS, box=SIMPLE)
    for row in found.rows:
        style = "" if row.outcome.is_certified else "yellow"
        table.add_row(*_cells(row, wanted.confidence), style=style)
    console.print(table)
    if found.alone:
        console.print(_beside(found.alone))
    for line in missing(found):
        console.print(line, style="yellow", soft_wrap=True)


def missing(found: Calibration) -> Iterator[str]:
    """For each set without a promise, how many more parts it would have taken at least."""
    for row in found.rows:
        outcome = row.outcome
        if outcome.is_certified:
            continue
        counts = outcome.chosen.counts
        yield (
            f"{'+'.join(row.names)}: not certified. {counts.defects} parts with a defect that it "
            f"can see were too few: at least {outcome.defects_missing} more are needed"
        )


def as_data(found: Calibration) -> dict[str, Any]:
    """Everything, for the JSON report."""
    wanted = found.wanted
    beside = [
        asdict(one) | {"times_fewer": {"every": _finite(one.every), "seen": _finite(one.seen)}}
        for one in found.alone
    ]
    adjusted = holm([row.outcome.chosen.p_value for row in found.rows])
    return {
        "escape_rate": wanted.escape_rate,
        "confidence": wanted.confidence,
        "costs": wanted.costs.model_dump(),
        "certificate": (
            found.manifest.certificate.model_dump() if found.manifest.certificate else None
        ),
        "alone": beside,
        "rows": [
            {
                "sensors": row.names,
                "thresholds": row.outcome.chosen.limits.model_dump(),
                "is_certified": row.outcome.is_certified,
                "defects_missing": row.outcome.defects_missing,
                "candidates": row.outcome.candidates,
                "candidates_held": row.outcome.held,
                "p_value": row.outcome.chosen.p_value,
                "holm_p": p_value,
                "cost": row.outcome.chosen.cost,
                "certifying": _counts(row.outcome.chosen.counts, wanted.confidence),
                "tuning": _counts(row.tuned, wanted.confidence),
                "unasked": row.parts.unasked,
            }
            for row, p_value in zip(found.rows, adjusted, strict=True)
        ],
    }


def save(found: Calibration, path: Path) -> None:
    """Write the JSON report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_data(found), indent=1) + "\n", encoding="utf-8")


def _beside(alone: Sequence[Alone]) -> Table:
    """Escapes of all together and of each sensor alone, at the same rate of false rejects."""
    table = Table(
        "alone", "good failed", "escapes of all defects", "of those it can see", box=SIMPLE
    )
    for one in alone:
        table.add_row(
            one.sensor, f"{one.good_failed} of {one.good}", _against(one.every), _against(one.seen)
        )
    return table


def _against(pair: Pair) -> str:
    return (
        f"{pair.escapes} against {pair.fused_escapes} fused of {pair.defects} "
        f"({pair.times_fewer:.3g} times fewer; {pair.only_alone} and {pair.only_fused} alone, "
        f"McNemar p {pair.p_value:.2g})"
    )


def _finite(pair: Pair) -> float | None:
    """None where no defect escapes fusion: JSON has no infinity."""
    return pair.times_fewer if np.isfinite(pair.times_fewer) else None


def _counts(counts: Counts, confidence: float) -> dict[str, float]:
    escapes = int(counts.escapes)
    bound = upper_bound(escapes, counts.defects, confidence) if counts.defects else 1.0
    return {
        "defects": counts.defects,
        "escapes": escapes,
        "upper_bound": bound,
        "uncertain_defects": int(counts.uncertain_defects),
        "good": counts.good,
        "false_rejects": int(counts.false_rejects),
        "uncertain_good": int(counts.uncertain_good),
    }


def _cells(row: Row, confidence: float) -> Iterator[str]:
    chosen, parts = row.outcome.chosen, row.parts
    limits, counts = chosen.limits, chosen.counts
    escapes = int(counts.escapes)
    yield "+".join(row.names) + ("" if row.outcome.is_certified else " (not certified)")
    yield f"{limits.ok_belief:.4f}"
    yield f"{limits.conflict:.4f}"
    yield f"{limits.defect_belief:.4f}"
    yield f"{escapes} of {counts.defects}"
    yield (
        f"{100 * upper_bound(escapes, counts.defects, confidence):.2f} %" if counts.defects else "-"
    )
    yield _rate(int(counts.false_rejects), counts.good)
    yield _rate(int(counts.uncertain_good), counts.good)
    yield _rate(int(counts.uncertain_defects), counts.defects)
    yield f"{chosen.cost:.4f}"
    unseen = int(parts.is_unasked.sum())
    total = unseen + counts.defects
    yield f"{100 * unseen / total:.1f} %: {', '.join(parts.unasked)}" if unseen else "-"


def _rate(events: int, trials: int) -> str:
    if not trials:
        return "-"
    low, high = clopper_pearson(events, trials)
    return f"{100 * events / trials:.2f} % ({100 * low:.2f}-{100 * high:.2f})"
