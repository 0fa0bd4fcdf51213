"""Everything that a bench found out: as data, and for people."""

import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from edge.trial.demo import took
from edge.trial.figures import Spread
from edge.trial.load import Load
from edge.trial.measure import Floor
from edge.trial.outcome import Outcome
from edge.trial.setup import Setup
from edge.trial.swaps import Swapped
from edge.trial.swaps import show as show_swaps
from edge.trial.wires import in_words

PERCENTILES = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything a bench found out."""

    setup: Setup
    outcome: Outcome
    points: dict[str, Spread]
    floor: Floor
    load: Load
    start_to_ready_s: float | None
    swapped: Swapped | None = None

    @property
    def distinct(self) -> int:
        return self.setup.recorded_per_station * self.setup.stations

    def ratio(self, name: str) -> float | None:
        """Of the latency outside the daemon to the floor, at a percentile that both support."""
        above, below = self.outcome.latency_ms, self.floor.whole_ms
        if name in above.unsupported or name in below.unsupported or not below.count:
            return None
        return round(float(getattr(above, name)) / float(getattr(below, name)), 3)

    def as_data(self) -> dict[str, Any]:
        return {
            "machine": machine(),
            "windows": self.setup.windows,
            "wires": {sense: str(wire) for sense, wire in self.setup.wires.items()},
            "stations": self.setup.stations,
            "rate": self.setup.rate,
            "block_ms": self.setup.block_ms,
            "distinct_parts": self.distinct,
            "start_to_ready_s": self.start_to_ready_s,
            "points_ms": {name: one.as_data() for name, one in self.points.items()},
            "floor": self.floor.as_data(),
            "ratio_to_floor": {n: self.ratio(n) for n in PERCENTILES},
            "daemon": self.load.as_data(),
            "swaps": self.swapped.as_data() if self.swapped else None,
            **self.outcome.as_data(),
        }


def machine() -> str:
    """What this ran on, in words."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        rows = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((r.split(":")[1].strip() for r in rows if r.startswith("model name")), name)
    return f"{name}, {psutil.cpu_count()} cores, Python {platform.python_version()}"


def show(measured: Measured, console: Console) -> None:
    """The figures for people."""
    outcome, load, setup = measured.outcome, measured.load, measured.setup
    console.print(f"\n{machine()}")
    console.print(
        f"{setup.stations} station(s), {setup.rate:g} parts/s, {measured.distinct} different "
        f"parts; {in_words(setup.wires)}; blocks of {setup.block_ms:g} ms"
    )
    table = Table("ms from window end", "p50", "p95", "p99", "max", "n")
    rows = {
        "floor: last block arrived": measured.floor.ingest_ms,
        "floor: networks of a part": measured.floor.engines_ms,
        "floor: last answer": measured.floor.whole_ms,
        **measured.points,
    }
    for name, one in rows.items():
        table.add_row(name, *_cells(one))
    console.print(table)
    ratios = {name: measured.ratio(name) for name in PERCENTILES}
    shown = ", ".join(f"{name} {one:.2f}" for name, one in ratios.items() if one is not None)
    console.print(f"witnessed / floor: {shown or 'too few samples'}")
    data = load.as_data()
    console.print(
        f"daemon: {load.mean_cpu_share:.0%} of a core, {data['rss_mib']} MiB, loop lag p99.9 "
        f"{load.worst_lag_ms('0.999'):.1f} ms, ready{took(measured.start_to_ready_s)}"
    )
    console.print(
        f"verdicts {outcome.parts} of {outcome.triggers}, missing {len(outcome.missing)}, "
        f"duplicates {len(outcome.duplicates)}, degraded {outcome.degraded}, over 50 ms "
        f"{outcome.over_deadline}"
    )
    if measured.swapped:
        show_swaps(measured.swapped, console)
    if load.is_disturbed:
        console.print(
            f"DISTURBED: other programs took {load.others_share:.0%} of the machine; repeat it",
            style="bold red",
        )


def _cells(one: Spread) -> list[str]:
    """A percentile with too few samples above it stays empty."""
    shown = [
        "" if name in one.unsupported or not one.count else f"{getattr(one, name):.1f}"
        for name in PERCENTILES
    ]
    return [*shown, f"{one.max:.1f}", str(one.count)]
