"""Workers as on a line: stations in step or out of it, pictures that come early, real networks.

A hot loop says how long networks take; here they run with pauses, beside looks at the next pictures
and beside the windows of other stations. No wires, no fusion: from the hand-over of a part's last
window to its last score.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import config
from edge.bundle import Bundle, ClipInput
from edge.inference.engine import Engine
from edge.inference.golden import Golden
from edge.inference.loaded import Key
from edge.inference.runner import Candidate
from sensors.signal import Quality, Window

STATIONS, RATE = 5, 10.0  # parts a second, of all stations together
LEAD_S = 0.7  # before the first window ends: a clip's pictures come earlier
JITTER_S = 0.01  # of a waveform's last block: blocks of 10 ms have phases of their own
SEED = 5


@dataclass(frozen=True, slots=True)
class Paced:
    """Of parts; ms from the last window to the last score."""

    workers: int
    in_step: bool  # all stations get their part at the same instant
    parts: int
    p50_ms: float
    p95_ms: float
    max_ms: float


def measure(
    one: Bundle,
    chosen: Mapping[str, Candidate],
    parts: Mapping[str, Golden],
    *,
    threads: int,
    workers: int,
    in_step: bool,
    count: int,
) -> Paced:
    """The daemon's engine at `RATE` parts a second. Blocks for `count` / `RATE` seconds."""
    settings = config.Engine(workers=workers, threads=threads)
    keys = {(one.sha256, name): candidate for name, candidate in chosen.items()}
    took = asyncio.run(_line(settings, one, keys, parts, in_step, count))
    p50, p95 = np.percentile(took, [50, 95])
    return Paced(
        workers, in_step, count, round(float(p50), 2), round(float(p95), 2), round(max(took), 2)
    )


async def _line(
    settings: config.Engine,
    one: Bundle,
    chosen: Mapping[Key, Candidate],
    parts: Mapping[str, Golden],
    in_step: bool,
    count: int,
) -> list[float]:
    rng = random.Random(SEED)
    async with Engine(settings, [one], lambda *_: None, chosen=chosen) as engine:
        start_s, took = time.monotonic() + LEAD_S, list[float]()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                turn, place = divmod(number, STATIONS)
                phase = 0.0 if in_step else (place + rng.random()) / STATIONS
                end_s = start_s + (turn + phase) * STATIONS / RATE
                part = _Part(engine, one, number)
                group.create_task(part.run(parts, end_s, rng, took))
    return took


class _Part:
    """One part at one station, its windows handed over as they would come."""

    def __init__(self, engine: Engine, one: Bundle, number: int) -> None:
        self._engine = engine
        self._bundle = one
        self._number = number

    async def run(
        self,
        parts: Mapping[str, Golden],
        end_s: float,
        rng: random.Random,
        took: list[float],
    ) -> None:
        rows = []
        for name, passport in self._bundle.manifest.detectors.items():
            inputs = parts[name].inputs
            data = inputs[self._number % len(inputs)]
            if isinstance(given := passport.input, ClipInput):
                period_s = given.stride / given.rate_hz
                last_s = end_s - rng.random() * period_s
                rows.append(self._see(name, _unseen(data, self._number), last_s, period_s))
            else:
                rows.append(self._submit(name, data, end_s + rng.random() * JITTER_S))
        times = await asyncio.gather(*rows)
        took.append((max(end for _, end in times) - max(begin for begin, _ in times)) * 1e3)

    async def _see(
        self, name: str, clip: NDArray[Any], last_s: float, period_s: float
    ) -> tuple[float, float]:
        for early, picture in zip(range(len(clip) - 1, 0, -1), clip, strict=False):
            await _until(last_s - early * period_s)
            self._engine.look(self._bundle, name, name, picture)
        return await self._submit(name, clip, last_s)

    async def _submit(self, name: str, data: NDArray[Any], at_s: float) -> tuple[float, float]:
        await _until(at_s)
        window = Window(name, data, 0, 1, 2, 3, "synchronised", Quality())
        begin_s = time.monotonic()
        await self._engine.submit(self._bundle, name, window)
        return begin_s, time.monotonic()


def _unseen(clip: NDArray[Any], number: int) -> NDArray[Any]:
    """Other in a few pixels of every picture, so that no network knows it."""
    fresh = clip.copy()
    fresh[:, 0, :3] = (*divmod(number >> 8, 256), number & 0xFF)
    return fresh


async def _until(at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - time.monotonic()))
