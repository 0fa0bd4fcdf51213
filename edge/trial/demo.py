"""Show the appliance at work, on this machine alone, with nothing else to install or start.

Starts, each in a process of its own: an MQTT broker (mosquitto if installed, else amqtt), a
simulated PLC and simulated stations that speak OPC UA and MQTT, and the daemon. Opens loopback
ports only. Parts are rendered once and kept in ~/.cache/edge-verdict. The daemon is started again
at once whenever it dies, as systemd would: kill it, again and again, and see that nothing is lost.

  edge demo                                  one station, 60 parts, one a second
  edge demo --stations 5 --rate 10           five stations, two parts a second each
  edge demo --windows 2                      each sensor looks twice at a part
  edge demo --fault camera:silent@10+5       every camera falls silent from second 10 to 15
  edge demo --fault cell1-vibration:clock_step:1.0@20
  edge demo --wire camera=opcua --wire vibration=mqtt:json --wire trigger=mqtt
  edge demo --cameras 2 --recipe motor=./motor-0.2.0 --recipe pump
  edge demo --parts 60 --json out.json       the same as data
  edge demo --keep seen                      then: edge replay seen/recordings/cell1
  kill -9 PID                                PID of the daemon stands below the table

A verdict's latency is measured by a subscriber outside the daemon: from the part's true window end,
or its trigger's arrival where that is later, to the receipt of its verdict. Ctrl-C ends the demo
with its summary. Exit status 1 when a trigger has no verdict, or two different ones.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from edge.trial import plans
from edge.trial.account import Account
from edge.trial.errors import TrialFailed, leaves
from edge.trial.observe import Observer
from edge.trial.outcome import Outcome, conclude
from edge.trial.plant import Plant, Site, plant, site
from edge.trial.setup import Setup, add_plant_arguments, setup_from
from edge.trial.summary import make_console, show
from edge.trial.table import Screen, screen
from edge.trial.witness import Witness

# The witness's thread must get the interpreter soon after a packet arrives, whatever is being drawn
SWITCH_INTERVAL_S = 0.0005


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_plant_arguments(parser, parts=60, stations=1, rate=1.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome as data")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR",
        help="keep configuration, logs, ledger, state and every part's payloads there",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    setup = replace(setup_from(options), is_recorded=options.keep is not None)
    console = make_console()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        with trial_folder(options.keep) as folder:
            outcome = asyncio.run(_demo(setup, folder, console))
    except (TrialFailed, ExceptionGroup) as error:
        for failure in leaves(error):
            console.print(str(failure), style="red", markup=False)
        return 1
    show(outcome, console)
    if options.json:
        options.json.write_text(json.dumps(outcome.as_data(), indent=1) + "\n")
    return 0 if outcome.is_sound else 1


@contextmanager
def trial_folder(keep: Path | None) -> Iterator[Path]:
    """Where a trial lives: a folder that goes with it, or one that stays."""
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise TrialFailed(f"--keep {keep}: is not empty; name a new folder")
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="edge-trial-") as folder:
        yield Path(folder)


async def _demo(setup: Setup, folder: Path, console: Console) -> Outcome:
    console.print(f"starting broker, PLC, {setup.stations} station(s) and daemon ...")
    say = Speaker(console.print)
    async with site(setup, folder, say) as at, witness_at(at) as witness, plant(at) as running:
        console.print(
            f"{at.broker.name} on port {at.broker.port}; daemon ready"
            f"{took(running.start_to_ready_s)}, http://{at.http}/readyz"
        )
        with screen(console, list(at.bundle.manifest.detectors)) as shown:
            say.to = shown.note
            observer = Observer(running, witness, shown.row, Status(running, shown))
            await observer.run(stop_on_signal())
            say.to = console.print
    return conclude(observer.account, running.daemon.restarts)


def witness_at(at: Site) -> Witness:
    """A subscriber to every verdict of the site."""
    return Witness(at.broker.port, plans.VERDICTS, mqtt5=not at.broker.lacks)


def took(start_to_ready_s: float | None) -> str:
    """How long a start was, if that was measured."""
    return "" if start_to_ready_s is None else f" after {start_to_ready_s:.1f} s"


class Speaker:
    """Says something to the user, wherever that goes at the moment."""

    def __init__(self, to: Callable[[str], None]) -> None:
        self.to = to

    def __call__(self, text: str) -> None:
        self.to(text)


class Status:
    """The line below the table: how far it is, and whom to kill."""

    def __init__(self, running: Plant, shown: Screen) -> None:
        self._running = running
        self._shown = shown
        self._last = ""

    def __call__(self, account: Account) -> None:
        plan, daemon = self._running.plan, self._running.daemon
        wait_s = (plan.start_ns - time.monotonic_ns()) / 1e9
        pid = daemon.child.pid or "being started"
        text = f"daemon {pid} (kill -9 it: nothing is lost), restarts {daemon.restarts}"
        if wait_s > 0:
            text += "; the first part is on its way"
        if text != self._last:
            self._last = text
            self._shown.status(text)


def stop_on_signal() -> asyncio.Event:
    """Set by the first Ctrl-C or SIGTERM; a second Ctrl-C is the hard one again."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    return stop
