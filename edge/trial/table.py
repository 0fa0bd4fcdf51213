"""Verdicts as they come: a live table on a terminal, plain lines elsewhere."""

from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.trial.account import Row
from edge.trial.score import said_label, truth_label
from edge.verdict import SensorReport, Verdict
from sensors.recording import Truth

SHOWN_NOTES = 4
MARGIN = 8 + SHOWN_NOTES  # lines around the rows
REFRESH_HZ = 4
COLOURS = {"ok": "green", "defect": "red", "uncertain": "yellow"}


class Screen(Protocol):
    """Where a trial shows what happens."""

    def __enter__(self) -> "Screen": ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def row(self, row: Row) -> None: ...
    def note(self, text: str) -> None: ...
    def status(self, text: str) -> None: ...


def screen(console: Console, detectors: Sequence[str]) -> Screen:
    """The kind that fits this output."""
    return LiveTable(console, detectors) if console.is_terminal else Lines(console, detectors)


class Lines:
    """One line a part, for logs and pipes."""

    def __init__(self, console: Console, detectors: Sequence[str]) -> None:
        self._console = console
        self._detectors = detectors

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held."""

    def row(self, row: Row) -> None:
        verdict = row.verdict
        said = "  ".join(f"{d}: {said_by(verdict.sensors, d)}" for d in self._detectors)
        self._say(
            f"{verdict.part:<14} {said_label(verdict.decision, verdict.defect):<14} "
            f"Bel(ok) {verdict.belief_ok:.2f} Pl(ok) {verdict.plausibility_ok:.2f} "
            f"K {verdict.conflict:.2f}  {said}  {row.latency_ms:.1f} ms  "
            f"{marks(verdict)}[truth: {truth_words(row.truth)}]"
        )

    def note(self, text: str) -> None:
        self._say(f"-- {text}")

    def status(self, text: str) -> None:
        self._say(f"-- {text}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveTable:
    """The last parts in a table that is redrawn in place, with what happened below it."""

    def __init__(self, console: Console, detectors: Sequence[str]) -> None:
        self._detectors = detectors
        self._rows: deque[Row] = deque(maxlen=max(4, console.size.height - MARGIN))
        self._notes: deque[str] = deque(maxlen=SHOWN_NOTES)
        self._status = ""
        self._live = Live(
            console=console,
            refresh_per_second=REFRESH_HZ,
            get_renderable=self._picture,
            vertical_overflow="crop",
        )

    def __enter__(self) -> "LiveTable":
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def row(self, row: Row) -> None:
        self._rows.append(row)

    def note(self, text: str) -> None:
        self._notes.append(text)

    def status(self, text: str) -> None:
        self._status = text

    def _picture(self) -> Group:
        notes = [Text(note, style="yellow") for note in list(self._notes)]
        return Group(self._table(), Text(self._status, style="dim"), *notes)

    def _table(self) -> Table:
        table = Table(expand=True, box=None, header_style="bold", pad_edge=False)
        table.add_column("part", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        for name in ("Bel(ok)", "Pl(ok)", "conflict"):
            table.add_column(name, justify="right", no_wrap=True)
        for detector in self._detectors:
            table.add_column(detector, no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("ms", justify="right", no_wrap=True)
        table.add_column("truth", style="dim", no_wrap=True)
        for row in list(self._rows):
            table.add_row(*self._cells(row))
        return table

    def _cells(self, row: Row) -> list[Text | str]:
        verdict = row.verdict
        said = Text(said_label(verdict.decision, verdict.defect), style=COLOURS[verdict.decision])
        return [
            verdict.part,
            said.append(f" {marks(verdict)}".rstrip(), style="magenta"),
            f"{verdict.belief_ok:.2f}",
            f"{verdict.plausibility_ok:.2f}",
            f"{verdict.conflict:.2f}",
            *(said_by(verdict.sensors, detector) for detector in self._detectors),
            f"{row.latency_ms:.1f}",
            truth_words(row.truth),
        ]


def said_by(sensors: Mapping[str, SensorReport], detector: str) -> str:
    """The likeliest class of each sensor that feeds a detector, or why there is none."""
    reports = [r for r in sensors.values() if r.detector == detector]
    return ", ".join(_said(report) for report in reports) or "-"


def _said(report: SensorReport) -> str:
    if not report.probabilities:
        return report.status
    name = max(report.probabilities, key=lambda k: report.probabilities[k])
    sick = "" if report.status == "ok" else f" ({report.status})"
    return f"{report.probabilities[name]:.2f} {name}{sick}"  # the number survives a narrow column


def marks(verdict: Verdict) -> str:
    """What is special about a verdict: each word only where it applies."""
    words = [
        word
        for word, applies in (
            ("recovered", verdict.recovered),
            ("late", verdict.late and not verdict.recovered),
            ("degraded", verdict.degraded and not verdict.recovered),
        )
        if applies
    ]
    return "".join(f"{word} " for word in words)


def truth_words(truth: Truth | None) -> str:
    if truth is None:
        return "?"
    size = f" {truth.severity:.1f}" if truth.severity else ""
    return truth_label(truth) + size
