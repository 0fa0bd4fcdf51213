"""The proof as tables for people, data for programs, and a picture."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from models.study.comparison import Rate
from models.study.proof import MISSING, POLICIES, SOUND, Proof, Row

HOLDS = "holds"
COLUMNS = (
    "noticed",
    "escapes, 95 %",
    "p to missing",
    "good failed",
    "of these uncertain",
    "defects uncertain",
    "misled",
)


def show(proof: Proof, console: Console) -> None:
    """A table a sensor and mode, then what does not hold."""
    for (sensor, mode), rows in groupby(proof.rows, lambda row: (row.sensor, row.policy)):
        title = f"{sensor} goes wrong, policy: {mode}"
        console.print(_table(title, list(rows)))
    for line in summary(proof):
        console.print(line, markup=False, highlight=False)


def summary(proof: Proof) -> Iterator[str]:
    """In words, a line a mode, and a line for each row that does not hold."""
    first = proof.rows[0]
    yield (
        f"{proof.parts} parts: {first.escapes.trials} defects at or above their reject limit, "
        f"{first.failed.trials} good; bundle {proof.bundle}."
    )
    for mode in POLICIES:
        rows = [row for row in proof.rows if row.policy == mode and row.group]
        broken = [row for row in rows if row.faults]
        yield f"policy {mode}: holds in {len(rows) - len(broken)} of {len(rows)} rows."
        for row in broken:
            yield f"  does not hold: {row.sensor}, {row.mishap}: {verdict(row)}"


def verdict(row: Row) -> str:
    """The requirement's, in words."""
    return ", ".join(row.faults) or HOLDS


def save(proof: Proof, path: Path) -> None:
    """Everything as JSON."""
    data = asdict(proof) | {"summary": list(summary(proof))}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def draw(proof: Proof, path: Path) -> None:
    """Escapes and failed good parts with their intervals; a panel a sensor and mode."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a second that only pictures need

    panels = [
        (key, list(rows)) for key, rows in groupby(proof.rows, lambda row: (row.policy, row.sensor))
    ]
    panels.sort(key=lambda panel: panel[0])
    across = len({sensor for (_, sensor), _ in panels})
    figure = Figure(figsize=(7 * across, 20), layout="constrained")
    axes = figure.subplots(-(-len(panels) // across), across, squeeze=False)
    for axis, ((mode, sensor), rows) in zip(axes.flat, panels, strict=False):
        for shift, colour, name, label in (
            (-0.15, "tab:red", "escapes", "defects that escape"),
            (0.15, "tab:blue", "failed", "good parts failed"),
        ):
            rates: list[Rate] = [getattr(row, name) for row in rows]
            middle = [100 * one.share for one in rates]
            below = [m - 100 * one.low for m, one in zip(middle, rates, strict=True)]
            above = [100 * one.high - m for m, one in zip(middle, rates, strict=True)]
            places = [place + shift for place in range(len(rows))]
            axis.errorbar(
                middle, places, xerr=(below, above), fmt="o", ms=3, color=colour, label=label
            )
        told = next(row for row in rows if row.mishap == MISSING)
        axis.axvspan(100 * told.escapes.low, 100 * told.escapes.high, color="tab:red", alpha=0.15)
        axis.set_yticks(range(len(rows)), [row.mishap for row in rows], fontsize=7)
        axis.set_xscale("symlog", linthresh=1.0)
        axis.set_xlim(0.0, 110.0)
        axis.set_xticks((0, 1, 10, 100), ("0", "1", "10", "100 %"))
        axis.invert_yaxis()
        axis.grid(axis="x", alpha=0.3)
        axis.set_title(f"{sensor}, policy {mode}; the band: told missing", fontsize=9)
    figure.axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


def _table(title: str, rows: list[Row]) -> Table:
    table = Table("what goes wrong", box=SIMPLE, title=title, title_justify="left")
    for name in (*COLUMNS, "requirement"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.mishap,
            _share(row.noticed),
            _rate(row.escapes),
            f"{row.escape_p:.2g} ({row.escaped_more[0]}:{row.escaped_more[1]})",
            _rate(row.failed),
            str(row.uncertain_good.events),
            _share(row.uncertain_defective),
            _share(row.misled),
            verdict(row) if row.group else "",
            style="bold" if row.mishap in (SOUND, MISSING) else "red" if row.faults else None,
        )
        if row.mishap == MISSING:
            table.add_section()
    return table


def _share(rate: Rate) -> str:
    return f"{100 * rate.share:.1f} %"


def _rate(rate: Rate) -> str:
    interval = f"{100 * rate.low:.2f}-{100 * rate.high:.2f}"
    return f"{rate.events} = {100 * rate.share:.2f} % ({interval})"
