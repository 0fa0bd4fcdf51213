"""Say what this box has, what is wrong with it, and how to cure it.

Looks at Python, processor and memory, runs one true inference on every engine, times a message
through the broker and a synchronised write to the disk, asks the kernel about its clock, and dials
what LINE.toml names, with the line's own certificates and logins. Without LINE.toml it starts a
broker of its own. Writes one temporary file into the state folder and one topic edge-doctor-PID;
changes nothing else.

  edge doctor                        is this box fit?
  edge doctor LINE.toml              and does it reach its line?
  edge doctor LINE.toml --json       the same as data

Exit status 1 when there is a problem; a warning alone leaves it 0.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edge.bundle import load
from edge.checkup.box import check_box
from edge.checkup.clock import check_clock
from edge.checkup.disk import check_disk
from edge.checkup.engines import check_engines, check_networks
from edge.checkup.files import check_files
from edge.checkup.finding import Finding, State, ok, problem
from edge.checkup.links import check_links, check_local_broker
from edge.config import SHIPPED, Line, read
from edge.errors import BundleError, ConfigError
from edge.fit import check_bundles
from edge.store.choice import chosen

CHECK = "mend that, then: edge check LINE.toml"
STYLES = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "line", type=Path, nargs="?", metavar="LINE.toml", help="the line that this box is to serve"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(options: argparse.Namespace) -> int:
    findings = examine(options.line)
    if options.json:
        sys.stdout.write(json.dumps([asdict(one) for one in findings], indent=1) + "\n")
    else:
        show(findings, Console(highlight=False))
    return 1 if any(one.state is State.PROBLEM for one in findings) else 0


def examine(path: Path | None) -> list[Finding]:
    """Everything there is to say about this box, and about its line where one is given."""
    found = [*check_box(), check_clock()]
    if path is None:
        return [*found, *_without_line()]
    try:
        line = read(path)
    except ConfigError as error:
        return [*found, *check_engines(), problem("line", str(error), CHECK)]
    return [*found, *check_engines(line.engine.name), *_line(path, line)]


def _without_line() -> list[Finding]:
    """The shipped networks, a broker of our own, and the disk of this folder."""
    try:
        networks = check_networks(load(SHIPPED / "motor"))
    except BundleError as error:
        networks = [problem("bundle", str(error), "install edge-verdict again")]
    with tempfile.TemporaryDirectory(prefix="edge-doctor-") as folder:
        broker = asyncio.run(check_local_broker(Path(folder)))
    return [*check_engines(), *networks, *check_disk(Path.cwd()), broker]


def _line(path: Path, line: Line) -> list[Finding]:
    try:
        line = chosen(line)
        bundles = check_bundles(line)
    except ConfigError as error:
        fit = [problem("line", str(error), CHECK)]
    else:
        fit = [ok("line", f"{path}: {len(line.stations)} station(s)")]
        for one in bundles.values():
            fit += check_networks(one, line.engine.name)
    return [
        *fit,
        *check_disk(line.storage.folder),
        *check_files(line),
        *asyncio.run(check_links(line.links)),
    ]


def show(findings: Sequence[Finding], console: Console) -> None:
    """One line a finding, its cure below it."""
    width = max(len(one.subject) for one in findings)
    for one in findings:
        console.print(
            Text(f"{one.state:<8}", style=STYLES[one.state]),
            Text(f"{one.subject:<{width}}  {one.found}"),
            soft_wrap=True,
        )
        if one.cure:
            console.print(Text(f"{'':<8} {'':<{width}}  -> {one.cure}"), soft_wrap=True)
    counts = {state: sum(one.state is state for one in findings) for state in State}
    console.print(
        f"{counts[State.PROBLEM]} problem(s), {counts[State.WARNING]} warning(s), "
        f"{counts[State.OK]} ok"
    )
