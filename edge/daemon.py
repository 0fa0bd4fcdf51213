"""Builds everything and owns the one task group: sources -> pipelines -> outbox -> publishers."""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from edge import systemd
from edge.bundle import Bundle
from edge.config import Line, Station, check_bundles
from edge.decode import DecodeThread
from edge.desk import TriggerDesk, clock_name, clocks
from edge.disk import Disk
from edge.health import Health, LoopLag, application
from edge.inference.engine import Engine
from edge.intake import SensorIntake
from edge.journal import Journal
from edge.metrics import Metrics
from edge.pipeline import StationPipeline
from edge.publish.outbox import Outbox
from edge.sessions import Inlets, publishers, routes, sources
from edge.statefile import NAME
from edge.supervisor import keep
from edge.tape import Tape
from edge.verdict import Verdict
from sensors.signal import Announcement

log = logging.getLogger(__name__)
HEARTBEAT_S = 1.0
SWEEP_S = 3600.0


class Daemon:
    """The whole box for one line: `open` builds it, `run` works until cancelled."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.metrics = Metrics()
        self.health = Health(self.metrics, tuple(line.sensors))
        self._clocks = clocks(line.stations, self.metrics)
        self._stations = {s.id: s for s in line.stations}
        self._pipelines: dict[str, StationPipeline] = {}
        self._desks: dict[str, TriggerDesk] = {}
        self._intakes: dict[str, SensorIntake] = {}
        self._tapes: list[Tape] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Daemon"]:
        """Bundles, disk, threads and engines, in that order; undone in reverse."""
        line = self.line
        bundles = await asyncio.to_thread(check_bundles, line)
        async with contextlib.AsyncExitStack() as stack:
            enter = stack.enter_async_context
            disk = await enter(Disk(line.storage.folder / NAME, line.storage.synchronous))
            self.journal = await enter(Journal(disk))
            self.outbox = await enter(Outbox(disk, routes(line), self.metrics.count))
            self.decode = await enter(DecodeThread(self.metrics.count))
            self.engine = await enter(Engine(line.engine, bundles.values(), self.metrics.count))
            self.health.engines_ready = True
            for station in line.stations:
                self._build(station, bundles)
            yield self

    def _build(self, station: Station, bundles: Mapping[Path, Bundle]) -> None:
        line, metrics = self.line, self.metrics
        tape = None
        if line.record:
            tape = Tape(station, line.record, line.record_limit, metrics)
            self._tapes.append(tape)
        pipeline = StationPipeline(
            station, line, bundles, self.journal, self.outbox, self.engine, metrics, tape
        )
        self._pipelines[station.id] = pipeline
        clock = self._clocks[clock_name(station)]
        self._desks[station.id] = TriggerDesk(station, clock, self.journal, metrics, pipeline.open)
        detectors = next(iter(pipeline.bundles.values())).manifest.detectors
        for sensor in station.sensors:
            self._intakes[sensor.id] = SensorIntake(
                sensor,
                detectors[sensor.input].input,
                pipeline,
                self.decode,
                metrics,
                self.health,
                tape,
            )
