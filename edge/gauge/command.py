"""How fast is each engine on this box, and how fast could it be? For every network of a bundle.

Each engine and precision compiles the network, gives its golden answers again and is timed: load,
first and steady latency, batches where the network takes them, memory. Beside it stands the limit:
the network's operations over the best that this processor reached on a large convolution, and its
bytes over the measured bandwidth; and what OpenVINO's own benchmark_app says of the same file, by
turns with ours. At the end the networks of one part run all at once, against half the sum of their
times, and then as on a line: five stations, ten parts a second, with one worker and with several.

  edge bench engines                            the shipped bundle: three minutes
  edge bench engines bundles/motor --json F     the figures as data, too
  edge bench engines --runs 1000 --workers 2    steadier figures
  edge bench engines --soak 100000              is memory flat over so many inferences of each?

`p50 ms` is from the last sample on (of a clip all pictures but the last have been looked at by
then), `whole` is everything that a window costs. Other programs on the machine falsify all of this:
the last lines say how long threads waited for a core. Exit status 1 when a detector has no engine
that passes.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from edge import bundle as bundles
from edge.awake import awake
from edge.build.command import candidates
from edge.config import SHIPPED
from edge.errors import ConfigError
from edge.gauge.report import Asked, measure
from edge.gauge.table import show
from edge.priority import NICENESS, SWITCH_INTERVAL_S, go_first

RUNS = 300
PLAIN_WIDTH = 140  # columns, where no terminal says how many there are
SHIPPED_PREFIX = "shipped:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "bundle", metavar="BUNDLE", nargs="?", default="shipped:motor",
        help="a folder, or shipped:NAME (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as data")
    parser.add_argument(
        "--runs", type=int, default=RUNS, metavar="N", help="timed of each (default %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="of an engine, as engine.threads"
    )
    parser.add_argument(
        "--workers", type=int, default=min(2, os.cpu_count() or 1), metavar="N",
        help="networks that run at once, as engine.workers (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--soak", type=int, default=0, metavar="N", help="inferences of each, watching the memory"
    )


def run(options: argparse.Namespace) -> int:
    if min(options.runs, options.threads, options.workers) < 1 or options.soak < 0:
        raise ConfigError("--runs, --threads, --workers: must be at least 1; --soak at least 0")
    name = str(options.bundle)
    shipped = name.removeprefix(SHIPPED_PREFIX)
    one = bundles.load(SHIPPED / shipped if shipped != name else Path(name))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    go_first(NICENESS)  # as the daemon does
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    asked = Asked(options.threads, options.workers, options.runs, options.soak)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with awake(), Progress(*columns, console=console, transient=True) as bar:

        def step(what: str, ticks: int) -> Callable[[], None]:
            for job in bar.task_ids:
                bar.remove_task(job)
            return partial(bar.advance, bar.add_task(what, total=ticks))

        report = measure(one, list(candidates()), asked, step)
    show(report, console)
    if options.json:
        options.json.write_text(json.dumps(report.as_data(), indent=1) + "\n")
    return 0 if all(row.chosen for row in report.rows.values()) else 1
