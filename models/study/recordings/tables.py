"""Figures for people and programs."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.study.recordings.figures import Figure

PLAIN_WIDTH = 200  # columns, where no terminal says how many there are


def show(figures: list[Figure]) -> None:
    """A table, shortcuts dimmed."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    table = Table("what", "measure", "value, 95 %", "judged", "groups", "split", "note")
    for one in figures:
        cells = (
            one.what if one.role == "detector" else f"{one.what} ({one.role})",
            one.measure,
            f"{one.value:.3f} ({one.low:.3f}-{one.high:.3f})",
            str(one.judged), str(one.groups), one.split, one.note,
        )  # fmt: skip
        table.add_row(*cells, style=None if one.role == "detector" else "dim")
    console.print(table)


def save(figures: list[Figure], path: Path) -> None:
    """As JSON, every number as it is."""
    text = json.dumps([asdict(one) for one in figures], indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def draw(figures: list[Figure], path: Path) -> None:
    """Every figure with its interval, shortcuts in grey."""
    from matplotlib.figure import Figure as Sheet  # noqa: PLC0415 - a second, only for pictures

    sheet = Sheet(figsize=(9, 1 + 0.28 * len(figures)), layout="constrained")
    panel = sheet.subplots()
    for row, one in enumerate(figures):
        colour = "tab:blue" if one.role == "detector" else "tab:gray"
        panel.plot((one.low, one.high), (row, row), color=colour)
        panel.plot(one.value, row, "o", color=colour)
    labels = [f"{one.what}, {one.split}, {one.measure}" for one in figures]
    panel.set_yticks(range(len(figures)), labels, fontsize=6)
    panel.invert_yaxis()
    panel.grid(axis="x", alpha=0.3)
    sheet.savefig(path, dpi=110)
