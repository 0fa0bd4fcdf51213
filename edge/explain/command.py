"""Say why a part was judged as it was: the decision path of one verdict, in words and numbers.

What each sensor said (the probability of each class, and its mass on sets of hypotheses), how far
its signal was believed, how far the sensors contradict each other and who brings it, what follows
together, the threshold that decided, and the least change of one sensor's evidence that would have
decided otherwise.

  edge explain LINE.toml A1234              a part, by the plant's id
  edge explain LINE.toml cell1-7-17900      or by the verdict's id
  edge explain LINE.toml latest --station cell1
  edge explain LINE.toml A1234 --json       the verdict itself, as it was published
  edge explain --verdict received.json      a verdict from anywhere, without the box
  mosquitto_sub -C 1 -t '+/+/+/verdict' | edge explain --verdict -

Reads the state file in the line's storage.folder, also while the daemon runs; it changes nothing
and is in nobody's way. A part judged more than once is listed, newest first, and the newest taken.
Verdicts are kept for storage.retention_days.

Exit status 0; 2 when there is no such verdict, with those there are.
"""

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from edge.config import read
from edge.errors import ConfigError
from edge.explain.kept import LATEST, find
from edge.explain.page import show
from edge.statefile import NAME
from edge.verdict import Verdict

STDIN = "-"
PAGE = 160  # columns of a plain page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "line", nargs="?", type=Path, metavar="LINE.toml", help="the line's configuration"
    )
    parser.add_argument("part", nargs="?", metavar="PART", help=f"part id, verdict id, or {LATEST}")
    parser.add_argument("--station", metavar="ID", help="only verdicts of this station")
    parser.add_argument(
        "--verdict", metavar="FILE", help=f"explain this verdict (JSON; {STDIN}: standard input)"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict itself")


def run(options: argparse.Namespace) -> int:
    body, where = _given(options) if options.verdict else _kept(options)
    verdict = _parse(body, where)
    if options.json:
        sys.stdout.write(body.decode().rstrip() + "\n")
    else:
        show(verdict, Console(highlight=False, width=None if sys.stdout.isatty() else PAGE))
    return 0


def _given(options: argparse.Namespace) -> tuple[bytes, str]:
    if options.line or options.station:
        raise ConfigError("--verdict takes no LINE.toml, PART or --station: it is the verdict")
    if options.verdict == STDIN:
        return sys.stdin.buffer.read(), "standard input"
    path = Path(options.verdict)
    try:
        return path.read_bytes(), str(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error


def _kept(options: argparse.Namespace) -> tuple[bytes, str]:
    if not (options.line and options.part):
        raise ConfigError(
            f"name LINE.toml and a part, as in: edge explain LINE.toml {LATEST}; "
            "or a verdict of your own, as in: edge explain --verdict FILE"
        )
    line = read(options.line)
    stations = [station.id for station in line.stations]
    if options.station and options.station not in stations:
        raise ConfigError(f"--station {options.station}: the line has {', '.join(stations)}")
    path = line.storage.folder / NAME
    found = find(path, options.part, options.station)
    if len(found) > 1:
        lines = "\n".join(f"  {one.line}" for one in found)
        sys.stderr.write(f"{len(found)} verdicts, the first is explained:\n{lines}\n")
    return found[0].body, f"{path}: verdict {found[0].id}"


def _parse(body: bytes, where: str) -> Verdict:
    try:
        return Verdict.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ConfigError(
            f"{where}: not one verdict as this release knows it: {key}: {first['msg']}. Give the "
            "message as it was received; one of a newer release is explained by that release"
        ) from error
