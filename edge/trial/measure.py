"""What a bench measures beside the verdicts: the floor, and the daemon's clock points."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from edge.trial.account import Row
from edge.trial.errors import TrialFailed
from edge.trial.field import until_up
from edge.trial.figures import Spread, spread
from edge.trial.pace import SETTLE_S
from edge.trial.plant import Site, beside
from edge.trial.processes import Child, python

POINTS = ("received", "ready", "inferred", "fused", "sealed")


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that wires and networks take, from the true window end."""

    ingest_ms: Spread  # to the arrival of the last needed block at a bare subscriber
    engines_ms: Spread  # running the networks of one part
    whole_ms: Spread  # to the last network's answer
    lost: int  # parts of which a block never came

    def as_data(self) -> dict[str, Any]:
        return {
            "ingest_ms": self.ingest_ms.as_data(),
            "engines_ms": self.engines_ms.as_data(),
            "whole_ms": self.whole_ms.as_data(),
            "lost": self.lost,
        }


async def measure_floor(at: Site, parts: int, say: Callable[[str], None]) -> Floor:
    """Play `parts` parts to a bare subscriber instead of the daemon.

    Raises:
        TrialFailed: it ended without figures.
    """
    setup = replace(at.setup, parts=parts)
    for lead_s in at.pace.leads_s():
        plan = at.plan(setup, lead_s, at.files.folder / "floor.jsonl")
        child = Child(
            "floor",
            python("edge.trial.floor", str(at.files.plan), str(at.files.line), str(plan.parts)),
            at.files.log("floor"),
        )
        try:
            async with asyncio.timeout(lead_s - SETTLE_S):
                await at.field.start(plan)
                await child.spawn()
                await until_up(child)
        except TimeoutError:
            say(f"not everything was up after {lead_s:g} s: the floor starts again, later")
            await child.end()
            continue
        try:
            async with beside(at.field.watch()):
                status = await child.wait()
        finally:
            await child.end()
        if status:
            break
        return read_floor(child.last_words(lines=1))
    raise TrialFailed(f"the floor could not be measured:\n{child.last_words()}")


def read_floor(line: str) -> Floor:
    """From what the floor's process printed."""
    data = json.loads(line)
    return Floor(
        spread(data["ingest_ms"]),
        spread(data["engines_ms"]),
        spread(data["floor_ms"]),
        data["lost"],
    )


def clock_points(rows: Iterable[Row]) -> dict[str, Spread]:
    """Ms from window end (or trigger, if later) to each point, of parts that were watched."""
    watched = [row for row in rows if not row.verdict.recovered]
    found = {}
    for point in POINTS:
        times = []
        for row in watched:
            clock = row.verdict.clock
            at_ns = getattr(clock, f"{point}_ns")
            if at_ns:
                start_ns = max(clock.window_end_ns, clock.trigger_received_ns)
                times.append((at_ns - start_ns) / 1e6)
        found[point] = spread(times)
    found["published"] = spread(row.own_latency_ms for row in watched)
    found["witnessed"] = spread(row.latency_ms for row in watched)
    return found
