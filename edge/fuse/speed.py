"""How long each rule takes on this box, of as much evidence as a station gives."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import quantiles

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from edge.fusion.combination import combine
from edge.fusion.conflict import conflict_shares, pairwise_conflict
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from edge.fusion.rules import RULES
from edge.fusion.sightings import least_conflict, together

ROUNDS = 1000
WARMUP = 100
SEED = 7
HYPOTHESES = 8
WINDOWS = (2, 3, 4)  # of one sensor
SEEN = (0b11110001, 0b00000010, 0b00000100, 0b00001000)  # classes of that sensor, the first is good
CLASSES = (  # of each source, the sets of hypotheses that it cannot tell apart
    (0b00000011, 0b00001110, 0b11110000),
    (0b00010001, 0b01100110, 0b10001100),
    (0b11100000, 0b00111100, 0b01010101),
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Microseconds of one call."""

    least_us: float
    median_us: float
    p99_us: float


def evidence() -> list[Mass]:
    """What three sources say: each hypothesis, classes that stand for several, and ignorance."""
    draw = random.Random(SEED)
    frame = Frame(tuple(f"h{i}" for i in range(HYPOTHESES)))
    sources = []
    for classes in CLASSES:
        focal = [*(1 << i for i in range(HYPOTHESES)), *classes, frame.everything]
        weights = [draw.random() for _ in focal]
        shares = (weight / sum(weights) for weight in weights)
        sources.append(Mass(frame, dict(zip(focal, shares, strict=True))))
    return sources


def windows(count: int) -> list[Mass]:
    """What one sensor says by several windows: four classes, and ignorance."""
    draw = random.Random(SEED)
    frame = Frame(tuple(f"h{i}" for i in range(HYPOTHESES)))
    rows = [[draw.random() for _ in (*SEEN, frame.everything)] for _ in range(count)]
    sets = (*SEEN, frame.everything)
    return [
        Mass(frame, {at: weight / sum(row) for at, weight in zip(sets, row, strict=True)})
        for row in rows
    ]


def pace(call: Callable[[], object], rounds: int = ROUNDS) -> Pace:
    """Time a call many times; the least is what it takes when nothing disturbs it."""
    took_us = []
    for _ in range(WARMUP):
        call()
    for _ in range(rounds):
        start_ns = time.perf_counter_ns()
        call()
        took_us.append((time.perf_counter_ns() - start_ns) / 1e3)
    cuts = quantiles(took_us, n=100)
    return Pace(min(took_us), cuts[49], cuts[98])


def paces(sources: Sequence[Mass], rounds: int = ROUNDS) -> dict[str, Pace]:
    """Each rule, what is said of the conflict beside every one, and what windows cost a sensor."""
    calls: dict[str, Callable[[], object]] = {
        **{name: partial(combine, name, sources) for name in RULES},
        "pairwise conflict": partial(pairwise_conflict, sources),
        "shares of the conflict": partial(conflict_shares, sources),
        **{f"{k} windows of a sensor": partial(together, windows(k), 1) for k in WINDOWS},
        "conflict of two windows": partial(least_conflict, *windows(2)),
    }
    return {name: pace(call, rounds) for name, call in calls.items()}


def show(console: Console) -> None:
    """Measure, and print."""
    table = Table("microseconds", box=SIMPLE)
    for name in ("least", "median", "p99"):
        table.add_column(name, justify="right")
    sources = evidence()
    for name, one in paces(sources).items():
        table.add_row(name, *(f"{x:.0f}" for x in (one.least_us, one.median_us, one.p99_us)))
    console.print(table)
    console.print(
        f"{len(sources)} sources, {HYPOTHESES} hypotheses, {len(sources[0].focal)} sets each, "
        f"{ROUNDS} times on one core"
    )
