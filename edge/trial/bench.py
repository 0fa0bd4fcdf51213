"""Measure the appliance under load: latency, processor, memory, loop lag, and the floor beneath it.

Replays recorded parts (at least 40 different ones) of simulated stations at a fixed cadence, over
the real protocols, each process on its own as in `edge demo`. First comes the floor, in the same
run: a bare subscriber on the same wires and the bare networks at the same cadence, with no queue,
journal, fusion or publishing; then the daemon, and what it takes on top of that.

  edge bench                              vibration over OPC UA, the rest over MQTT: 5.5 minutes
  edge bench --transport mqtt             all over MQTT but the trigger
  edge bench --wire vibration=opcua:array --wire trigger=mqtt
  edge bench --parts 400 --json out.json  shorter; a p99 then is a maximum, and marked so
  edge bench --block-ms 5                 sooner, for more processor
  edge bench --kill-plc 20                is the loop held up while the PLC is dialled again?
  edge bench --swaps 20                   what does it cost to change bundles on a running line?
  edge bench engines                      the networks alone: each engine, its speed and its limit

Latency is from the part's true window end (or its trigger's arrival, where that is later): to the
daemon's own clock points, and to a subscriber outside it. Processor is the daemon's, as a share of
one core. A run is marked disturbed when other programs took more than 10 % of the machine: repeat
it on a quiet one. Exit status 1 when a trigger has no verdict, or two different ones.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeRemainingColumn

from edge.errors import ConfigError
from edge.gauge import command as engines
from edge.trial.demo import (
    SWITCH_INTERVAL_S,
    Speaker,
    stop_on_signal,
    trial_folder,
    witness_at,
)
from edge.trial.errors import TrialFailed, leaves
from edge.trial.load import Load, sample
from edge.trial.measure import clock_points, measure_floor
from edge.trial.measured import Measured, show
from edge.trial.observe import Observer
from edge.trial.outcome import conclude
from edge.trial.plant import beside, plant, site
from edge.trial.setup import Setup, add_plant_arguments, setup_from
from edge.trial.summary import make_console
from edge.trial.swaps import Swaps, planned
from edge.trial.swaps import conclude as conclude_swaps

LEAST_DISTINCT = 40  # recorded parts of a run: with fewer, caches and decisions flatter
MOST_DISTINCT = 60
SHORTEST_KILL_S = 1.0  # a PLC needs about as long to come up
FLOOR_PARTS = 1000  # at most, a third of the run: enough for a p99


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_plant_arguments(parser, parts=3000, stations=5, rate=10.0)
    parser.add_argument(
        "--kill-plc", type=float, metavar="S",
        help="kill the PLC every S seconds and start it again at once, under the daemon alone",
    )  # fmt: skip
    parser.add_argument(
        "--swaps", type=int, default=0, metavar="N",
        help="promote another version of the bundle at all stations so often, evenly over the run, "
        "by the command that a person would give",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as data")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep configuration, logs, ledger and state there"
    )
    parts = parser.add_subparsers(title="of a part of it", metavar="PART")
    sub = parts.add_parser(
        "engines",
        help="the networks alone, on every engine of this box",
        description=engines.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    engines.add_arguments(sub)
    sub.set_defaults(measure=engines.run)


def run(options: argparse.Namespace) -> int:
    if "measure" in options:
        status: int = options.measure(options)
        return status
    if options.kill_plc is not None and not options.kill_plc >= SHORTEST_KILL_S:
        raise ConfigError(
            f"--kill-plc: is {options.kill_plc:g}, must be {SHORTEST_KILL_S:g} or more"
        )
    setup, console = setup_from(options), make_console()
    setup = replace(setup, recorded=max(MOST_DISTINCT // setup.stations, 1))
    if setup.recorded_per_station * setup.stations < LEAST_DISTINCT:
        raise ConfigError(f"--parts: is {setup.parts}; measure at least {LEAST_DISTINCT} parts")
    swaps = None
    if options.swaps:
        setup, swaps = planned(setup, options.swaps)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        with trial_folder(options.keep) as folder:
            measured = asyncio.run(_bench(setup, folder, console, options.kill_plc, swaps))
    except (TrialFailed, ExceptionGroup) as error:
        for failure in leaves(error):
            console.print(str(failure), style="red", markup=False)
        return 1
    show(measured, console)
    if options.json:
        options.json.write_text(json.dumps(measured.as_data(), indent=1) + "\n")
    return 0 if measured.outcome.is_sound else 1


async def _bench(
    setup: Setup,
    folder: Path,
    console: Console,
    kill_plc_s: float | None,
    swaps: Swaps | None,
) -> Measured:
    say, stop = Speaker(console.print), asyncio.Event()
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        async with site(setup, folder, say) as at:
            floor_parts = _floor_parts(setup)
            job = bar.add_task("floor", total=floor_parts)
            async with beside(_advance(bar, job, setup.rate)):
                floor = await measure_floor(at, floor_parts, say)
            bar.update(job, completed=floor_parts)
            job, load = bar.add_task("daemon", total=setup.parts), Load()
            may_die = kill_plc_s is not None
            async with witness_at(at) as witness, plant(at, may_die=may_die) as running:
                stop = stop_on_signal()
                jobs = [sample(load, running.daemon, at.http)]
                if kill_plc_s is not None:
                    jobs.append(at.field.kill_plc(kill_plc_s))
                if swaps is not None:
                    jobs.append(swaps.run(running))
                async with beside(*jobs):
                    observer = Observer(
                        running,
                        witness,
                        on_row=lambda _: bar.advance(job),
                        on_tick=lambda _: None,
                    )
                    await observer.run(stop)
    outcome = conclude(observer.account, running.daemon.restarts)
    points = clock_points(observer.account.rows())
    swapped = conclude_swaps(swaps, outcome.rows, at.window_ns, load) if swaps else None
    return Measured(setup, outcome, points, floor, load, running.start_to_ready_s, swapped)


def _floor_parts(setup: Setup) -> int:
    """A multiple of the stations."""
    wanted = min(FLOOR_PARTS, setup.parts, max(LEAST_DISTINCT, setup.parts // 3))
    return -(-wanted // setup.stations) * setup.stations


async def _advance(bar: Progress, job: TaskID, rate: float) -> None:
    """The floor tells nothing before its end: show the time pass."""
    while True:
        await asyncio.sleep(1.0)
        bar.advance(job, rate)
