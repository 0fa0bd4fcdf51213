"""Keeps the last seconds of every sensor's original payloads, and writes those of each part.

For `record` in LINE.toml: parts on disk that `edge replay` judges again. Reads the path, changes
nothing on it; when the disk is slower than the line, parts are left out and counted.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from edge.config import Station
from edge.metrics import Metrics
from edge.part import Part
from edge.verdict import Verdict
from sensors.recording import RecordedBlock, Recorder

log = logging.getLogger(__name__)
BEFORE_NS = 300_000_000  # kept before the edge, so that a replay starts with a filled ring
AFTER_NS = 100_000_000
KEPT_S = 3.0  # beyond the longest trigger delay: window, inference, disk
MAX_WAITING = 4  # parts waiting for the disk; beyond it the newest is left out


class Tape:
    """The last payloads of one station's sensors."""

    def __init__(self, station: Station, folder: Path, limit: int, metrics: Metrics) -> None:
        self._station = station
        self._metrics = metrics
        self._span_ns = round((station.trigger.max_delay_s + KEPT_S) * 1e9)
        self._blocks: dict[str, deque[RecordedBlock]] = {s.id: deque() for s in station.sensors}
        self._recorder = Recorder(
            folder / station.id,
            origin="edge run",
            sensors={s.id: {"input": s.input, "payload": s.payload} for s in station.sensors},
            limit=limit,
        )
        self._queue: asyncio.Queue[tuple[Part, Verdict, dict[str, list[RecordedBlock]]]]
        self._queue = asyncio.Queue(MAX_WAITING)

    def keep(self, sensor: str, block: RecordedBlock) -> None:
        blocks = self._blocks[sensor]
        blocks.append(block)
        while blocks[0].received_ns < block.received_ns - self._span_ns:
            blocks.popleft()

    def save(self, part: Part, verdict: Verdict) -> None:
        """Put one judged part's payloads on the way to the disk."""
        start_ns = part.accepted.trigger.edge_ns - BEFORE_NS
        end_ns = part.window_end_ns + AFTER_NS
        blocks = {
            sensor: [b for b in kept if start_ns <= b.time_ns <= end_ns]
            for sensor, kept in self._blocks.items()
        }
        try:
            self._queue.put_nowait((part, verdict, blocks))
        except asyncio.QueueFull:
            self._metrics.count(self._station.id, "recorder_queue")

    async def run(self) -> None:
        """Write parts until the recording is full; returns only by cancellation."""
        await asyncio.to_thread(self._recorder.__enter__)
        while True:
            part, verdict, blocks = await self._queue.get()
            index = await asyncio.to_thread(self._write, part, verdict, blocks)
            if index is None:
                self._metrics.count(self._station.id, "recording_full")

    def _write(
        self, part: Part, verdict: Verdict, blocks: Mapping[str, list[RecordedBlock]]
    ) -> int | None:
        return self._recorder.append(part.accepted.trigger, blocks, verdict=verdict.body())
