"""The command `edge`. Each subcommand is a file that adds its arguments and runs."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from edge.errors import BundleError, ConfigError
from edge.priority import LAST, give_way

COMMANDS = {  # name: (module, one line of help)
    "demo": ("edge.trial.demo", "show everything at work on a simulated station"),
    "run": ("edge.run", "run the daemon for a line"),
    "check": ("edge.check", "validate LINE.toml and its bundles; opens nothing"),
    "config": ("edge.schema", "print the JSON schema of LINE.toml or of the verdict"),
    "bundle": ("edge.store.command", "sign, verify, install and promote sets of networks"),
    "bench": ("edge.trial.bench", "measure latency, memory and processor time under load"),
    "build": ("edge.build.command", "choose the fastest engine that passes for each detector"),
    "replay": ("edge.replay", "judge recorded parts again, without a plant"),
    "commission": ("edge.commission.command", "teach a station its own normal by good parts"),
    "accept": ("edge.accept.command", "judge a labelled set: an acceptance report for the plant"),
    "explain": ("edge.explain.command", "say why a part was judged as it was"),
    "fuse": ("edge.fuse.command", "combine masses by any rule, and see what conflicts"),
    "doctor": ("edge.doctor", "say what this box has, what is wrong and how to cure it"),
}
PARTS = {"bench engines": "edge.gauge.command"}  # of a command, that need nothing else of it
BEHIND = {"bundle", "build"}  # a line at work on the same box goes first
EPILOG = """\
start here:
  edge demo --parts 20       a simulated test cell, broker, PLC and daemon, all on this machine
  edge check LINE.toml       is my configuration right?
  edge doctor LINE.toml      is my box right?
  edge run LINE.toml         the daemon
  edge explain LINE.toml latest   why was the last part judged so?

exit status: 0 good, 1 something is wrong with what was looked at, 2 wrong configuration or usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, and turn the errors a user can mend into one clear line."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None and BEHIND.intersection(argv[:1]):  # the process is ours
        give_way(LAST)
    parser = argparse.ArgumentParser(
        prog="edge",
        description="Inspects one part at a time by camera, vibration and sound, and gives the "
        "plant one verdict a part.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, line) in COMMANDS.items():
        sub = commands.add_parser(
            name, help=line, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name in argv[:1]:  # import only what is asked for: the daemon starts quickly
            part = PARTS.get(" ".join(argv[:2]))
            if part is not None:
                sub = sub.add_subparsers().add_parser(
                    argv[1], formatter_class=argparse.RawDescriptionHelpFormatter
                )
            chosen = import_module(part or module)
            sub.description = chosen.__doc__
            chosen.add_arguments(sub)
            sub.set_defaults(run=chosen.run)
    options = parser.parse_args(argv)
    try:
        status: int = options.run(options)
    except (ConfigError, BundleError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the answer to the user
        return 2
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
