"""Keeps the last seconds of every sensor's original payloads, and writes those of each part.

For `record` in LINE.toml: parts on disk that `edge replay` judges again, to the same verdict. Reads
the path, changes nothing on it; when the disk is slower than the line, parts are left out and
counted.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from edge.baseline import Baselines, keep
from edge.config import Station
from edge.metrics import Metrics
from edge.part import Part
from edge.verdict import Verdict
from sensors.block import Block
from sensors.recording import RecordedBlock, Recorder
from sensors.signal import Window

log = logging.getLogger(__name__)
BEFORE_NS = 100_000_000  # kept around the window, so that a replay cuts it from within
AFTER_NS = 100_000_000
KEPT_S = 3.0  # beyond the longest trigger delay: window, inference, disk
MAX_WAITING = 4  # parts waiting for the disk; beyond it the newest is left out


class _Kept(NamedTuple):
    seq: int
    period_ns: int  # to the next block
    block: RecordedBlock


class Tape:
    """The last payloads of one station's sensors, and the recording they go to."""

    def __init__(
        self,
        station: Station,
        folder: Path,
        limit: int,
        metrics: Metrics,
        baselines: Baselines | None = None,
    ) -> None:
        self._station = station
        self._baselines = baselines or Baselines(station=station.id)
        self._folder = folder / station.id
        self._metrics = metrics
        self._span_ns = round((station.trigger.max_delay_s + KEPT_S) * 1e9)
        self._kept: dict[str, deque[_Kept]] = {s.id: deque() for s in station.sensors}
        self._recorder = Recorder(
            self._folder,
            origin="edge run",
            sensors={s.id: s.model_dump(mode="json") for s in station.sensors},
            limit=limit,
        )
        self._queue: asyncio.Queue[tuple[Part, Verdict, dict[str, list[RecordedBlock]]]]
        self._queue = asyncio.Queue(MAX_WAITING)

    def keep(self, sensor: str, one: Block, block: RecordedBlock) -> None:
        """A block that was placed, with the box time it was given."""
        kept = self._kept[sensor]
        kept.append(_Kept(one.seq, one.period_ns, block))
        while kept[0].block.received_ns < block.received_ns - self._span_ns:
            kept.popleft()

    def save(self, part: Part, verdict: Verdict) -> None:
        """Put one judged part's payloads on the way to the disk."""
        first_ns = min(0, *(round(s.offsets[0] * 1e9) for s in self._station.sensors))
        start_ns = part.accepted.trigger.edge_ns + first_ns - BEFORE_NS
        end_ns = part.window_end_ns + AFTER_NS
        blocks = {}
        for sensor, kept in self._kept.items():
            windows = [part.windows.get(slot) for slot in part.slots(sensor)]
            placed = (_placed(one, windows) for one in kept)
            blocks[sensor] = [b for b in placed if start_ns <= b.time_ns <= end_ns]
        try:
            self._queue.put_nowait((part, verdict, blocks))
        except asyncio.QueueFull:
            self._metrics.count(self._station.id, "recorder_queue")

    async def run(self) -> None:
        """Write parts; returns only by cancellation."""
        is_open = is_told = False
        while True:
            part, verdict, blocks = await self._queue.get()
            try:
                if not is_open:
                    await asyncio.to_thread(self._begin)
                    is_open = True
                index = await asyncio.to_thread(self._write, part, verdict, blocks)
            except OSError as error:  # the recording stands beside the path: it never ends it
                self._metrics.count(self._station.id, "recording_failed")
                if not is_told:
                    is_told = True
                    log.warning("%s: part not recorded: %s", self._station.id, error)
                continue
            if index is None:
                self._metrics.count(self._station.id, "recording_full")

    def _begin(self) -> None:
        self._recorder.__enter__()
        keep(self._folder, self._baselines)

    def _write(
        self, part: Part, verdict: Verdict, blocks: Mapping[str, list[RecordedBlock]]
    ) -> int | None:
        return self._recorder.append(part.accepted.trigger, blocks, verdict=verdict.body())


def _placed(kept: _Kept, windows: Sequence[Window | None]) -> RecordedBlock:
    """A waveform's block where it stood when each window was cut: counted, not measured."""
    times_ns = tuple(_time_ns(kept, window) for window in windows)
    several = times_ns if len(times_ns) > 1 else ()
    if times_ns == (kept.block.time_ns,):
        return kept.block
    return replace(kept.block, time_ns=times_ns[0], times_ns=several)


def _time_ns(kept: _Kept, window: Window | None) -> int:
    if window is None or window.anchor is None:
        return kept.block.time_ns
    return window.anchor.time_ns + (kept.seq - window.anchor.seq) * kept.period_ns
