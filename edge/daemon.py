"""Builds everything and owns the one task group: sources -> pipelines -> outbox -> publishers."""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from edge import baseline, systemd
from edge.build import beside
from edge.build.beside import Choices
from edge.bundle import Bundle
from edge.certificate import standing
from edge.config import Line, Station
from edge.decode import DecodeThread
from edge.desk import TriggerDesk, clock_name, clocks
from edge.disk import Disk
from edge.errors import EngineHung
from edge.faults import fail_loudly
from edge.fit import check_bundles
from edge.health import Health, LoopLag, application, serve
from edge.inference import plans
from edge.inference.engine import Engine
from edge.intake import SensorIntake
from edge.journal import Journal
from edge.live.line import LiveLine
from edge.metrics import Metrics
from edge.pipeline import StationPipeline
from edge.publish.outbox import Delivery, Outbox
from edge.publish.plc import Echoes
from edge.sessions import Inlets, Named, publishers, routes, sources, trigger_links
from edge.statefile import NAME
from edge.store.state import Place
from edge.supervisor import keep
from edge.tape import Tape
from sensors.opcua import Granted

log = logging.getLogger(__name__)
BEAT_S = 0.5
SWEEP_S = 3600.0
DELIVERED_NS = 3_600_000_000_000  # how long a verdict that everybody has is kept


class Daemon:
    """The whole box for one line: `open` builds it, `run` works until cancelled."""

    def __init__(self, line: Line, stored: Mapping[Place, str] | None = None) -> None:
        self.line = line
        self._stored = stored or {}  # places that take their bundle from the store
        self.metrics = Metrics()
        self.health = Health(self.metrics, tuple(line.sensors), trigger_links(line))
        self.echoes = Echoes()
        self._clocks = clocks(line.stations, self.metrics)
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
            ones, count, cache = tuple(bundles.values()), self.metrics.count, plans.folder()
            chosen = await asyncio.to_thread(beside.chosen, line.engine, ones)
            engine = Engine(line.engine, ones, count, cache=cache, chosen=chosen)
            self.engine = await enter(engine)
            self._choices = Choices(line.engine, self.engine)
            self.health.engines_ready = True
            for one in ones:
                self._say_certified(one)
                self._choices.want(one)
            for station in line.stations:
                self._build(station, bundles)
            self.live = await enter(
                LiveLine.open(
                    line,
                    self._stored,
                    bundles,
                    self._pipelines,
                    self.engine,
                    disk,
                    self.metrics,
                    self._say_certified,
                    self._choices.want,
                )
            )
            yield self

    def _build(self, station: Station, bundles: Mapping[Path, Bundle]) -> None:
        line, metrics = self.line, self.metrics
        baselines = baseline.of_station(line.storage.folder, station.id)
        tape = None
        if line.record:
            tape = Tape(station, line.record, line.record_limit, metrics, baselines)
            self._tapes.append(tape)
        pipeline = StationPipeline(
            station,
            line,
            bundles,
            self.outbox,
            self.decode,
            self.engine,
            metrics,
            self.echoes,
            tape,
            baselines,
            lambda part, verdict: self.live.judged(part, verdict),  # noqa: PLW0108 - opened later
        )
        self._pipelines[station.id] = pipeline
        clock = self._clocks[clock_name(station)]
        self._desks[station.id] = TriggerDesk(
            station, clock, self.journal, metrics, self.echoes, pipeline.open
        )
        for sensor in station.sensors:
            self._intakes[sensor.id] = SensorIntake(sensor, pipeline, metrics, self.health, tape)

    def _say_certified(self, one: Bundle) -> None:
        manifest = one.manifest
        found = standing(manifest.certificate, manifest.vouched_sha256, self.engine.loaded.ran(one))
        level = logging.INFO if found.is_certified else logging.WARNING
        log.log(level, "%s: %s", one.label, found.words)

    async def run(self) -> None:
        """Work until cancelled, or until something fails that must not go on."""
        async with asyncio.TaskGroup() as group:
            start = partial(_start, group)
            fail_loudly(group)
            start("loop-lag", LoopLag(self.metrics).run())
            pages = application(self.health, self.metrics, lambda: self.engine.loaded.names)
            start("http", serve(self.line.http, pages))
            start("bundles", self.live.run())
            start("engines", self._choices.run())
            for station in self.line.stations:
                start(f"{station.id}/verdicts", self._pipelines[station.id].run())
                if newest := self.journal.newest(station.id):
                    self.echoes.remember(newest)  # its PLC may still wait for the echo
                owed = [a for a in self.journal.pending() if a.trigger.station == station.id]
                start(f"{station.id}/owed", self._pipelines[station.id].recover(owed))
                start(f"{station.id}/triggers", self._desks[station.id].run())
            for tape in self._tapes:
                start("tape", tape.run())
            report = partial(self._report_link, start)
            for name, session in self._sessions():
                start(name, keep(name, session, report))
            start("beat", self._beat())
            start("watch", self._watch_engine())
            start("sweep", self._sweep())

    def _sessions(self) -> Iterator[Named]:
        inlets = Inlets(
            deliver=lambda sensor, *block: self._intakes[sensor].deliver(*block),
            announce=lambda told, safe: self._desks[told.station].announce(told, safe),
            observe_clock=self._observe_clock,
            granted=self._granted,
            picture=lambda sample: self._intakes[sample.sensor].picture(sample),
        )
        shapes = {s: i.wanted for s, i in self._intakes.items()}
        yield from sources(self.line, inlets, shapes, self.metrics.count)
        yield from publishers(
            self.line,
            self.outbox,
            self.echoes,
            is_ready=lambda: self.health.is_ready,
            published=self._published,
            count=self.metrics.count,
        )

    # --- what the parts tell each other ------------------------------------------------------

    def _report_link(
        self, start: Callable[[str, Coroutine[Any, Any, None]], None], name: str, is_up: bool
    ) -> None:
        self.health.report_link(name, is_up)
        for station in self.line.stations:
            if is_up and station.trigger.link == name:
                start("meet", self.journal.meet(station.id))

    def _observe_clock(self, link: str, reading_ns: int, received_ns: int) -> None:
        if clock := self._clocks.get(link):
            anchor_ns = time.time_ns() - time.monotonic_ns()
            clock.observe_reading(reading_ns, arrival_ns=received_ns, wall_anchor_ns=anchor_ns)

    def _granted(self, granted: Granted) -> None:
        for kind, (_, given_ms) in (
            ("publishing", granted.publishing_ms),
            ("sampling", granted.sampling_ms),
        ):
            self.metrics.granted.labels(granted.link, granted.node, kind).set(given_ms)

    def _published(self, way: str, delivery: Delivery, at_ns: int) -> None:
        """An acknowledgement came; only fresh deliveries say how fast the box is."""
        if delivery.is_fresh and delivery.start_ns:
            self.metrics.published(way, delivery.start_ns, at_ns)

    # --- beside the path ---------------------------------------------------------------------

    async def _beat(self) -> None:
        """Ready, then alive: for systemd, and for the meters that are read from elsewhere."""
        started_ns, is_told = time.monotonic_ns(), False
        while True:
            if self.health.is_ready and not is_told:
                is_told = True
                gc.collect()
                gc.freeze()
                systemd.notify("READY=1")
                log.info("ready after %.2f s", (time.monotonic_ns() - started_ns) / 1e9)
            systemd.notify("WATCHDOG=1")
            for publisher in routes(self.line):
                self.metrics.backlog.labels(publisher).set(self.outbox.backlog(publisher))
            for name, pipeline in self._pipelines.items():
                self.metrics.reserve.labels(name).set(pipeline.reserve.whole_ns / 1e9)
            await asyncio.sleep(BEAT_S)

    async def _watch_engine(self) -> None:
        """A hung engine cannot be mended from inside: end, and be started again."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self.engine.is_hung:
                self.health.fault = "the engine hangs"
                await self.live.hung()
                raise EngineHung(
                    f"a network runs for more than {self.line.engine.timeout_ms:.0f} ms; "
                    "ending, to be started again"
                )

    async def _sweep(self) -> None:
        """Old rows go once an hour."""
        keep_ns = round(self.line.storage.retention_days * 86400e9)
        while True:
            now_ns = time.time_ns()
            before_ns = now_ns - keep_ns
            await self.outbox.sweep(now_ns - DELIVERED_NS, before_ns)
            await self.journal.sweep(before_ns)
            await self.live.sweep(before_ns)
            await asyncio.sleep(SWEEP_S)


def _start(group: asyncio.TaskGroup, name: str, work: Coroutine[Any, Any, None]) -> None:
    group.create_task(work, name=name)
