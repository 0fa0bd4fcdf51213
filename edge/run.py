"""Run the daemon for a line: listen to its sensors, judge every announced part once, and deliver
the verdict by MQTT and to the PLC. Logs to standard error; /healthz, /readyz and /metrics are
served on the address that `http` of LINE.toml names. Ends by SIGTERM or Ctrl-C; what was accepted
and not judged by then is judged at the next start.

  edge run LINE.toml
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from edge import systemd
from edge.awake import awake
from edge.config import Line, read
from edge.daemon import Daemon
from edge.errors import DiskFailed, EngineHung
from edge.priority import NICENESS, SWITCH_INTERVAL_S, go_first
from edge.store.choice import chosen, stored
from edge.store.state import Place

log = logging.getLogger("edge")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", type=Path, metavar="LINE.toml", help="the line's configuration")
    parser.add_argument(
        "--log", default="info", choices=["debug", "info", "warning"], help="how much to say"
    )


def run(options: argparse.Namespace) -> int:
    logging.basicConfig(
        level=options.log.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # lost links, the supervisor says
    said = read(options.line)
    line, places = chosen(said), dict(stored(said))
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    go_first(NICENESS)
    status = 0
    try:
        with awake(line.budget.wake_us):
            asyncio.run(_until_stopped(line, places))
    except* (DiskFailed, EngineHung) as group:
        for error in group.exceptions:
            log.critical("%s", error)
        status = 1
    return status


async def _until_stopped(line: Line, places: Mapping[Place, str]) -> None:
    loop = asyncio.get_running_loop()
    async with Daemon(line, places).open() as daemon:
        work = asyncio.create_task(daemon.run(), name="daemon")
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        try:
            await work
        except asyncio.CancelledError:
            systemd.notify("STOPPING=1")
            log.info("stopping")
