"""The comparison as tables for people, data for programs, and a picture."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from edge.fusion.rules import RULES
from models.study.comparison import Comparison, Paired, Rate, Row
from models.study.standing import paragraph, standings

PLAIN_WIDTH = 180  # columns, where no terminal says how many there are
COLUMNS = ("escapes, 95 %", "good failed, 95 %", "rejected", "uncertain", "defects uncertain")


def show(comparison: Comparison, console: Console) -> None:
    """A table a scenario, then the paragraph."""
    for scenario in comparison.scenarios:
        rows = [row for row in comparison.rows if row.scenario == scenario.name]
        best = comparison.best_alone[scenario.name]
        console.print(_table(f"{scenario.name}: {scenario.words}", rows, comparison.default, best))
    console.print(paragraph(comparison), markup=False, highlight=False)


def save(comparison: Comparison, path: Path) -> None:
    """Everything as JSON."""
    path.write_text(json.dumps(as_data(comparison), indent=1) + "\n", encoding="utf-8")


def as_data(comparison: Comparison) -> dict[str, Any]:
    """For JSON, every number as it is."""
    return {
        "default": comparison.default,
        "false_rejects": comparison.false_rejects,
        "calibration_good": comparison.calibration_good,
        "seed": comparison.seed,
        "engine": comparison.engine,
        "scenarios": {row.name: row.words for row in comparison.scenarios},
        "best_alone": dict(comparison.best_alone),
        "standings": standings(comparison),
        "paragraph": paragraph(comparison),
        "rows": [asdict(row) for row in comparison.rows],
    }


def draw(comparison: Comparison, path: Path) -> None:
    """Escapes and failed good parts with their intervals, gated rules only; a panel a scenario."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second that only pictures need

    across = 3
    down = -(-len(comparison.scenarios) // across)
    figure = Figure(figsize=(15, 3.6 * down), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for panel, scenario in zip(panels, comparison.scenarios, strict=False):
        rows = [r for r in comparison.rows if r.scenario == scenario.name and "," not in r.method]
        for shift, colour, name in ((-0.15, "tab:red", "escapes"), (0.15, "tab:blue", "failed")):
            rates: list[Rate] = [getattr(row, name) for row in rows]
            middle = [100 * one.events / one.trials for one in rates]
            below = [m - 100 * one.low for m, one in zip(middle, rates, strict=True)]
            above = [100 * one.high - m for m, one in zip(middle, rates, strict=True)]
            places = [place + shift for place in range(len(rows))]
            label = {"escapes": "defects that escape", "failed": "good parts failed"}[name]
            panel.errorbar(
                middle, places, xerr=(below, above), fmt="o", ms=3, color=colour, label=label
            )
        panel.set_yticks(range(len(rows)), [row.method for row in rows], fontsize=7)
        panel.set_xscale("symlog", linthresh=1.0)
        panel.set_xlim(0.0, 110.0)
        panel.set_xticks((0, 1, 10, 100), ("0", "1", "10", "100 %"))
        panel.invert_yaxis()
        panel.grid(axis="x", alpha=0.3)
        panel.set_title(scenario.name, fontsize=9)
    for empty in panels[len(comparison.scenarios) :]:
        empty.axis("off")
    figure.axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


def _table(title: str, rows: list[Row], default: str, best: str) -> Table:
    table = Table("method", box=SIMPLE, title=title, title_justify="left")
    for name in (*COLUMNS, f"p to {default}", f"p to {best}"):
        table.add_column(name, justify="right")
    for row in rows:
        cells = (
            _rate(row.escapes),
            _rate(row.failed),
            str(row.false_rejects.events),
            str(row.uncertain_good.events),
            str(row.uncertain_defective.events),
            *(_p(row, other) for other in (default, best)),
        )
        name = f"{row.method} ({row.unanswered} unanswered)" if row.unanswered else row.method
        table.add_row(name, *cells, style="bold" if row.method == default else None)
        if row.method == list(RULES)[-1]:
            table.add_section()
    return table


def _rate(rate: Rate) -> str:
    share = 100 * rate.events / rate.trials
    return f"{rate.events} = {share:.2f} % ({100 * rate.low:.2f}-{100 * rate.high:.2f})"


def _p(row: Row, other: str) -> str:
    """Of escapes: p, and on how many defects only this method and only the other erred."""
    pairs: list[Paired] = [pair for pair in row.against if pair.other == other]
    if not pairs:
        return "-"
    (pair,) = pairs
    return f"{pair.escape_p:.2g} ({pair.escaped_here}:{pair.escaped_there})"
