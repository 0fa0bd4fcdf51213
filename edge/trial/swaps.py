"""Bundles swapped under load, by the commands that a plant engineer gives, and what it costs."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from edge.bundle import load as load_bundle
from edge.config import SHIPPED
from edge.errors import ConfigError
from edge.trial.account import Row
from edge.trial.errors import TrialFailed
from edge.trial.figures import Spread, spread
from edge.trial.load import Load
from edge.trial.plant import Plant
from edge.trial.setup import Setup
from edge.trial.stock import versions_of

LEAD_S = 2.0  # from the first part to the first swap
REST_S = 2.0  # from the last swap to the last part
FOLLOWS_NS = 500_000_000  # after a command's end: what it set free is given back


@dataclass(frozen=True, slots=True)
class Swap:
    """One command, from its start to the daemon's answer; box time."""

    version: str
    began_ns: int
    ended_ns: int

    def touches(self, row: Row, window_ns: int) -> bool:
        """Its latency and this swap have an instant in common."""
        if row.announced is None:
            return False
        start_ns = row.announced.edge_ns + window_ns
        end_ns = start_ns + round(row.latency_ms * 1e6)
        return start_ns <= self.ended_ns + FOLLOWS_NS and end_ns >= self.began_ns


@dataclass(slots=True)
class Swaps:
    """From each of `versions` to the next at all stations at once, evenly over the run."""

    versions: tuple[str, ...]
    made: list[Swap] = field(default_factory=list)

    async def run(self, running: Plant) -> None:
        plan, site = running.plan, running.site
        begin_s = plan.start_ns / 1e9 + LEAD_S
        whole_s = max(0.0, running.last_edge_ns / 1e9 - REST_S - begin_s)
        for number, version in enumerate(self.versions[1:]):
            at_s = begin_s + number * whole_s / (len(self.versions) - 1)
            await asyncio.sleep(max(0.0, at_s - time.monotonic()))
            began_ns = time.monotonic_ns()
            await command("promote", site.setup.stored, version, "--line", str(site.files.line))
            self.made.append(Swap(version, began_ns, time.monotonic_ns()))


@dataclass(frozen=True, slots=True)
class Swapped:
    """What the swaps of a run did to its parts."""

    swaps: int
    wanted: int
    seconds: Spread  # of each command, to the daemon's answer
    during: Spread  # ms, witnessed latency of parts that a swap touches
    without: Spread  # of the others, in the same run
    versions: dict[str, int]  # parts by the version that their verdict names
    rss_mib: tuple[float, float, float]  # of the daemon, before the first swap, halfway, at the end

    def as_data(self) -> dict[str, Any]:
        return {
            "swaps": self.swaps,
            "wanted": self.wanted,
            "seconds": self.seconds.as_data(),
            "during_ms": self.during.as_data(),
            "without_ms": self.without.as_data(),
            "versions": self.versions,
            "rss_mib": self.rss_mib,
        }


def conclude(swaps: Swaps, rows: Iterable[Row], window_ns: int, load: Load) -> Swapped:
    """Divide a run's parts by whether a swap was under way."""
    made, rss = swaps.made, load.rss_bytes
    half = len(rss) // 2  # by then every buffer is full, of which before the first swap none is
    watched = [row for row in rows if not row.verdict.recovered]
    touched = [any(one.touches(row, window_ns) for one in made) for row in watched]
    return Swapped(
        swaps=len(made),
        wanted=len(swaps.versions) - 1,
        seconds=spread((one.ended_ns - one.began_ns) / 1e9 for one in made),
        during=spread(r.latency_ms for r, is_in in zip(watched, touched, strict=True) if is_in),
        without=spread(
            r.latency_ms for r, is_in in zip(watched, touched, strict=True) if not is_in
        ),
        versions=dict(Counter(row.verdict.bundle_version for row in watched)),
        rss_mib=(_mib(rss[:4]), _mib(rss[max(half - 2, 0) : half + 2]), _mib(rss[-4:])),
    )


def planned(setup: Setup, count: int) -> tuple[Setup, Swaps]:
    """The same trial with so many swaps.

    Raises:
        ConfigError: it cannot be done with these options.
    """
    if count < 1 or setup.recipes:
        raise ConfigError("--swaps: 1 or more, and without --recipe: all parts are of one bundle")
    named = setup.bundle
    folder = SHIPPED / named.removeprefix("shipped:") if "shipped:" in named else Path(named)
    stored = replace(setup, stored=load_bundle(folder).manifest.name, swaps=count)
    return stored, Swaps(versions_of(folder, count))


def show(swapped: Swapped, out: Console) -> None:
    """The figures for people."""
    table = Table("ms from window end to subscriber", "p50", "p95", "p99", "max", "n")
    for name, one in (("while a swap is under way", swapped.during), ("else", swapped.without)):
        cells = [
            "" if q in one.unsupported or not one.count else f"{getattr(one, q):.1f}"
            for q in ("p50", "p95", "p99")
        ]
        table.add_row(name, *cells, f"{one.max:.1f}", str(one.count))
    out.print(table)
    if swapped.swaps < swapped.wanted:
        out.print(
            f"the run was over after {swapped.swaps} of {swapped.wanted} swaps: take more --parts",
            style="bold red",
        )
    before, halfway, after = swapped.rss_mib
    out.print(
        f"{swapped.swaps} swaps, each of all stations; the longest command took "
        f"{swapped.seconds.max:.1f} s; verdicts name {len(swapped.versions)} versions; "
        f"memory {before:g} MiB before (buffers empty), {halfway:g} halfway, {after:g} at the end"
    )


async def command(*arguments: str) -> str:
    """`edge bundle ...`, as a person would; what it said.

    Raises:
        TrialFailed: it ended with another status than 0.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge", "bundle", *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise TrialFailed(f"edge bundle {' '.join(arguments)}: {said.decode(errors='replace')}")
    return said.decode()


def _mib(values: Sequence[int]) -> float:
    return round(max(values, default=0) / 2**20, 1)
