"""Combine bodies of evidence by a rule, and see what it makes of their conflict.

Reads one JSON object from MASSES.json or from standard input: the frame of discernment, every state
the part can be in, and what each source says. A source gives its mass, 1 in all, to sets of
hypotheses, their names joined by |; what it leaves open it gives to the set of all of them.

  {"frame": ["ok", "scratch", "crack"],
   "masses": [{"ok": 0.7, "scratch|crack": 0.1, "ok|scratch|crack": 0.2},
              {"crack": 0.6, "ok|scratch|crack": 0.4}]}

  edge fuse masses.json                     by the daemon's default rule
  edge fuse --rule dempster < masses.json   by another
  edge fuse --rule all masses.json          by every rule, to compare
  edge fuse --rules                         what each rule is for, where it is from, what it costs
  edge fuse --speed                         how long each takes on this box

Out come the combined mass; of each set belief (what speaks for it) and plausibility (what does not
speak against it); of each hypothesis the pignistic probability (what to bet by). Beside it the
conflict: how far the sources contradict each other, in pairs and all together, and how much of it
each source brings. On a terminal as a table; else, or with --json, as JSON at full precision: an
object, or with --rule all a list of them.

A source that gives everything to the whole frame is a missing sensor and takes no part, as in the
daemon. With --literally it counts as one source among others, as in the published formulas; of
yager, dempster and conjunctive the result is the same.

Exit status 0; 2 when the masses or the rule cannot be used, with the cure.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from edge.errors import ConfigError
from edge.fuse import speed
from edge.fuse.bodies import parse
from edge.fuse.tables import Outcome, as_data, show, show_comparison, show_rules
from edge.fusion.combination import combine
from edge.fusion.errors import TotalConflict, Undefined
from edge.fusion.mass import Mass
from edge.fusion.rules import RULES

DEFAULT = next(iter(RULES))
ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "masses", nargs="?", type=Path, metavar="MASSES.json", help="(default: standard input)"
    )
    parser.add_argument(
        "--rule", choices=[*RULES, ALL], default=DEFAULT, metavar="RULE",
        help=f"{', '.join(RULES)} or {ALL} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--literally", action="store_true", help="a source that knows nothing counts as one"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="write JSON, also on a terminal")
    form.add_argument("--table", action="store_true", help="write a table, also into a pipe")
    form.add_argument("--rules", action="store_true", help="list the rules and do nothing else")
    form.add_argument("--speed", action="store_true", help="measure the rules, a few seconds")


def run(options: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if options.rules:
        show_rules(console)
        return 0
    if options.speed:
        speed.show(console)
        return 0
    masses = parse(*_read(options.masses))
    outcomes = _outcomes(options.rule, masses, options.literally)
    if options.json or not (options.table or console.is_terminal):
        data = [as_data(one) for one in outcomes]
        print(json.dumps(data if options.rule == ALL else data[0], indent=1, ensure_ascii=False))  # noqa: T201 - the answer
    elif options.rule == ALL:
        show_comparison(outcomes, console)
    else:
        show(outcomes[0], console)
    return 0


def _read(path: Path | None) -> tuple[str, str]:
    """The text, and what to call it."""
    if path is None and sys.stdin.isatty():
        raise ConfigError("no masses: name a file or pipe JSON in; edge fuse --help shows how")
    name = str(path or "standard input")
    try:
        return (path.read_text("utf-8") if path else sys.stdin.read()), name
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 ({error.reason}); save it as UTF-8") from error


def _outcomes(rule: str, masses: Sequence[Mass], literally: bool) -> list[Outcome]:
    """By one rule, which must have an answer; or by all, of which some may have none."""
    if rule != ALL:
        try:
            return [Outcome(rule, masses, combine(rule, masses, literally=literally))]
        except (TotalConflict, Undefined) as error:
            raise ConfigError(f"{rule}: {error}") from error
    outcomes = []
    for name in RULES:
        try:
            outcomes.append(Outcome(name, masses, combine(name, masses, literally=literally)))
        except (TotalConflict, Undefined) as error:
            outcomes.append(Outcome(name, masses, None, str(error)))
    return outcomes
