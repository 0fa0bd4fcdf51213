"""Try every engine and precision this box has on a bundle, and keep the fastest that passes.

Each candidate compiles the bundle's own networks, must give its golden answers again and lead to
the same decisions on its golden parts, and is timed over hundreds of runs. INT8 is not taken for
granted: on some processors float is faster, and on some integers miss the answers. The choice is
kept with everything it depends on (processor, driver, library versions, network, threads); the
daemon takes it with `engine.name = "auto"` in LINE.toml, and says what changed when it no longer
holds.

  edge build shipped:motor             try, show, keep
  edge build bundles/motor --json      the report as data
  edge build bundles/motor --runs 2000 --threads 2

Times are of a hot loop; on a line with pauses between parts count on two to three times as much.
Exit status 0; 1 when a detector has no engine that passes; 2 when the bundle cannot be read.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from edge import bundle as bundles
from edge.build.decisions import golden_parts
from edge.build.memory import Remembered, key_of, remember
from edge.build.trial import RUNS, WARM_UP, Tried, attempt, best
from edge.bundle import Bundle
from edge.config import SHIPPED
from edge.errors import ConfigError
from edge.inference import plans
from edge.inference.runner import Candidate, present

PLAIN_WIDTH = 130  # columns, where no terminal says how many there are
SHIPPED_PREFIX = "shipped:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="a folder, or shipped:NAME")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--runs", type=int, default=RUNS, metavar="N", help="timed of each (default %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="of an engine, as engine.threads"
    )
    parser.add_argument(
        "--cache", type=Path, default=None, metavar="DIR",
        help="where the choice is kept (default: the user's cache folder)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    if options.runs < 1 or options.threads < 1:
        raise ConfigError("--runs and --threads: must be at least 1")
    one = bundles.load(_folder(options.bundle))
    console = Console(stderr=options.json, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=options.json, highlight=False, width=PLAIN_WIDTH)
    tried = try_all(one, threads=options.threads, runs=options.runs, console=console)
    chosen = best(tried)
    kept = {
        name: Remembered(key_of(one, name, options.threads), row.candidate)
        for name, row in chosen.items()
        if row is not None
    }
    file = remember(one, kept, options.cache or plans.folder())
    if options.json:
        sys.stdout.write(json.dumps(as_data(one, tried, chosen, kept), indent=1) + "\n")
    else:
        show(one, tried, chosen, console)
        console.print(f'kept in {file}; the daemon takes it with engine.name = "auto"')
    return 0 if all(chosen.values()) else 1


def candidates() -> Iterator[Candidate]:
    """Of every engine that may work here, every precision that is worth a trial."""
    for row in present():
        yield from (Candidate(row.name, precision) for precision in row.precisions)


def try_all(one: Bundle, *, threads: int, runs: int, console: Console) -> dict[str, list[Tried]]:
    """Every candidate on every detector, with a progress bar."""
    parts, rows = golden_parts(one), list(candidates())
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    found: dict[str, list[Tried]] = {}
    with Progress(*columns, console=console, transient=True) as bar:
        for name in one.manifest.detectors:
            job = bar.add_task(name, total=len(rows) * runs)
            found[name] = []
            for number, candidate in enumerate(rows):
                bar.update(job, description=f"{name} on {candidate}")
                tick = partial(bar.advance, job)
                row = attempt(one, name, candidate, parts, threads=threads, runs=runs, tick=tick)
                found[name].append(row)
                bar.update(job, completed=(number + 1) * runs)
    return found


def as_data(
    one: Bundle,
    tried: dict[str, list[Tried]],
    chosen: dict[str, Tried | None],
    kept: dict[str, Remembered],
) -> dict[str, Any]:
    """For JSON: what was tried, taken and refused, and what the choice depends on."""
    return {
        "bundle": one.label,
        "bundle_sha256": one.sha256,
        "warm_up": WARM_UP,
        "detectors": {
            name: {
                "chosen": str(row.candidate) if (row := chosen[name]) else None,
                "depends_on": asdict(kept[name].key) if name in kept else None,
                "tried": [asdict(one) for one in rows],
            }
            for name, rows in tried.items()
        },
    }


def show(
    one: Bundle, tried: dict[str, list[Tried]], chosen: dict[str, Tried | None], console: Console
) -> None:
    """A table a detector, the fastest first."""
    for name, rows in tried.items():
        table = Table("engine", box=SIMPLE, title=f"{one.label} {name}", title_justify="left")
        for column in ("off golden", "load ms", "p50 ms", "p99 ms", "whole p50", "MiB"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("")
        for row in sorted(rows, key=lambda row: row.speed.p50_ms if row.speed else 1e9):
            is_chosen = row is chosen[name]
            batch = f", up to {most} at once" if (most := row.candidate.most) > 1 else ""
            said = f"taken{batch}" if is_chosen else row.refused or "slower"
            table.add_row(*_cells(row), said, style="bold green" if is_chosen else None)
        console.print(table)
    console.print(
        "p50 and p99: from the last sample on; whole: everything a window costs. Hot loop, one "
        "window after the other."
    )


def _cells(row: Tried) -> list[str]:
    label = f"{row.name or row.candidate.engine} {row.candidate.precision}"
    if row.runs_in not in ("", row.candidate.precision):
        label += f", runs in {row.runs_in}"
    off = f"{row.error:.2%}" if row.error is not None else ""
    if (speed := row.speed) is None:
        return [label, off, "", "", "", "", ""]
    times = (speed.p50_ms, speed.p99_ms, speed.whole_p50_ms)
    shown = [f"{one:.2f}" for one in times]
    return [label, off, f"{speed.load_ms:.0f}", *shown, f"{speed.memory_mib:.0f}"]


def _folder(text: str) -> Path:
    if text.startswith(SHIPPED_PREFIX):
        return SHIPPED / text.removeprefix(SHIPPED_PREFIX)
    return Path(text)
