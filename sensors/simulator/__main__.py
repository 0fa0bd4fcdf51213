"""The simulated plant's commands: render parts, play the stations, be the PLC."""

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from sensors.errors import BadReading
from sensors.simulator import process
from sensors.simulator.plan import PlanError, read
from sensors.simulator.pool import WINDOW_S

_LIFE = "Prints `ready` when up; ends on SIGTERM, on Ctrl-C, and with the process that started it."


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (BadReading, PlanError, ValidationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sensors.simulator", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser(
        "record",
        help="Render parts of one station into a folder that `stations` plays",
        description="Renders parts of one station: deterministic, skipped when the folder already "
        "holds exactly these parts. The truth stands in truth.jsonl, apart from the data.",
    )
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--parts", type=int, required=True, metavar="N")
    command.add_argument("--station", type=int, default=0, metavar="I", help="index, from 0")
    command.add_argument("--seed", type=int, default=1, metavar="S")
    command.add_argument(
        "--difficulty", type=float, default=1.0, metavar="D", help="0: no nuisances; 1: a plant"
    )
    command.add_argument(
        "--defect-share", type=float, default=0.5, metavar="P", help="0 to 1 (default %(default)s)"
    )
    command.add_argument(
        "--strangeness", type=float, default=1.0, metavar="F",
        help="2: mounting, room and light differ twice as much as networks were taught",
    )  # fmt: skip
    command.add_argument(
        "--window-s", type=float, default=WINDOW_S, metavar="S",
        help="from a part's edge on, as long as any sensor looks (default %(default)s)",
    )  # fmt: skip
    command.add_argument("--jobs", type=int, default=2, metavar="J", help="processes")
    command.set_defaults(run=_record)

    _labelled_arguments(commands)
    for name, run, what in (
        ("stations", _stations, "Play every sensor of the plan, over MQTT and OPC UA"),
        ("plc", _plc, "Announce the plan's parts over OPC UA, take the verdicts, keep the ledger"),
    ):
        command = commands.add_parser(name, help=what, description=f"{what}. {_LIFE}")
        command.add_argument("plan", type=Path, metavar="PLAN.json")
        command.set_defaults(run=run)
    return parser


def _labelled_arguments(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "labelled",
        help="Render a set for `edge accept`: recordings of some stations and their truth.csv",
        description="Renders a set for `edge accept`: --sample parts shown once, and --study parts "
        "(three in ten good, four near their reject limit, three clear defects) clamped anew for "
        "each of --trials on every station. Deterministic; an interrupted run is taken up.",
    )
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--sample", type=int, required=True, metavar="N", help="parts shown once")
    command.add_argument(
        "--study", type=int, default=0, metavar="N", help="parts shown again and again (usual: 50)"
    )
    command.add_argument("--trials", type=int, default=3, metavar="N", help="of a study part")
    command.add_argument("--stations", type=int, default=3, metavar="N", help="the appraisers")
    command.add_argument("--seed", type=int, default=710, metavar="S")
    command.add_argument("--difficulty", type=float, default=1.0, metavar="D")
    command.add_argument("--defect-share", type=float, default=0.5, metavar="P", help="of --sample")
    command.add_argument("--jobs", type=int, default=2, metavar="J", help="processes")
    command.set_defaults(run=_labelled)


# Each command imports what it needs: a PLC is up sooner without the physics.


def _record(options: argparse.Namespace) -> int:
    from sensors.simulator import record  # noqa: PLC0415

    order = record.Order(
        options.parts,
        options.station,
        options.seed,
        options.difficulty,
        options.defect_share,
        options.strangeness,
        options.window_s,
    )
    record.record(options.folder, order, options.jobs)
    return 0


def _labelled(options: argparse.Namespace) -> int:
    from sensors.simulator import labelled  # noqa: PLC0415

    order = labelled.SetOrder(
        sample=options.sample,
        study=options.study,
        trials=options.trials,
        stations=options.stations,
        seed=options.seed,
        difficulty=options.difficulty,
        defect_share=options.defect_share,
    )
    labelled.make(options.folder, order, options.jobs)
    return 0


def _stations(options: argparse.Namespace) -> int:
    from sensors.simulator import player  # noqa: PLC0415

    process.live(player.play(read(options.plan)))
    return 0


def _plc(options: argparse.Namespace) -> int:
    from sensors.simulator import plc  # noqa: PLC0415

    process.live(plc.serve(read(options.plan)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
