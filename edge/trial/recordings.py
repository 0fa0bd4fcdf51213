"""Recorded parts of the simulated stations: rendered once, kept between runs."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge.trial.errors import TrialFailed
from edge.trial.processes import python
from edge.trial.setup import Setup
from sensors.simulator.record import Order, is_complete


def cache() -> Path:
    """The user's cache folder (XDG base directories)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "edge-verdict" / "recordings"


async def recorded(setup: Setup, folder: Path) -> list[Path]:
    """One recording a station; what is there already is only compared with what is asked and with
    the sources of the physics. What is rendered shows its progress on a terminal.
    """
    made: list[Path] = []
    for index in range(setup.stations):
        one = _place(setup, folder, index)
        async with _alone(one.with_suffix(".lock")):
            order = Order(
                setup.recorded_per_station,
                index,
                setup.seed,
                difficulty=setup.difficulty,
                window_s=setup.window_s,
            )
            if not await asyncio.to_thread(is_complete, one, order):
                await _record(order, one)
        made.append(one)
    return made


def _place(setup: Setup, folder: Path, index: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (
        f"seed{setup.seed}-station{index}-difficulty{setup.difficulty:g}"
        f"-parts{setup.recorded_per_station}"
        + (f"-window{setup.window_s:g}" if setup.windows > 1 else "")
    )


async def _record(order: Order, folder: Path) -> None:
    command = python(
        "sensors.simulator",
        "record",
        str(folder),
        *("--parts", str(order.parts)),
        *("--station", str(order.station)),
        *("--seed", str(order.seed)),
        *("--difficulty", f"{order.difficulty:g}"),
        *("--window-s", f"{order.window_s:g}"),
    )
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if status:
        raise TrialFailed(
            f"recording the parts of station {order.station} failed (status {status}); "
            f"if {folder} is damaged, delete it"
        )


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Two trials at once must not render into one folder."""
    with path.open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield
