"""The path of one station: trigger -> windows -> scores -> verdict, once per accepted trigger.

Everything here runs on the event loop and never blocks it: decoding, networks and disk have threads
of their own. Waiting for a sensor ends early enough for the verdict to be out by its deadline.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from edge.accepted import Accepted
from edge.baseline import Baselines, OffsetsOf
from edge.bundle import Bundle
from edge.config import Line, Sensor, Station
from edge.decode import DecodeThread
from edge.errors import QueueFull
from edge.frames import FrameDecoder, Look
from edge.inference.detector import Score
from edge.inference.engine import Engine
from edge.inference.runner import RunFailed
from edge.lane import Judged, VerdictLane
from edge.manifest import ClipInput, SeriesInput
from edge.metrics import Metrics
from edge.part import Part, Reserve, Slot, needs, shortfall, window_end_ns
from edge.publish.outbox import Outbox
from edge.publish.plc import Echoes
from edge.tape import Tape
from edge.verdict import Status
from sensors.signal import ClockKind, Sample, Window
from sensors.windower import Windower

MAX_IN_FLIGHT = 64  # parts of one station; beyond it the oldest is judged with what there is


class StationPipeline:
    """Joins windower, engine, fusion, journal and outbox for one station."""

    def __init__(
        self,
        station: Station,
        line: Line,
        bundles: Mapping[Path, Bundle],
        outbox: Outbox,
        decode: DecodeThread,
        engine: Engine,
        metrics: Metrics,
        echoes: Echoes,
        tape: Tape | None,
        baselines: Baselines | None = None,
        judged: Judged = lambda *_: None,
    ) -> None:
        self.station = station
        self._line = line
        self._bundles = {r: bundles[p] for r, p in station.bundles.items()}
        self._engine = engine
        self._metrics = metrics
        self._echoes = echoes
        self._sensors = {s.id: s for s in station.sensors}
        self._windower = Windower(needs(station, self.input_of), metrics.count)
        cameras = [s.id for s in station.sensors if self.input_of(s).kind == "clip"]
        self._frames = FrameDecoder(
            self._windower, cameras, decode, metrics.count, developed=self._cut_all
        )
        self.offsets_of = OffsetsOf(baselines or Baselines(station=station.id), self._sensors)
        self._parts: list[Part] = []  # in order of acceptance
        self.reserve = Reserve(line.budget)
        self._lane = VerdictLane(station, line, outbox, metrics, self.reserve, tape, judged)

    # --- samples -----------------------------------------------------------------------------

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        """A decoded block, at box time `time_ns`; completes windows that waited for it."""
        self._windower.add(sample, time_ns, clock)
        self._frames.came(sample.sensor)
        self._cut_all(sample.sensor)

    def _cut_all(self, sensor: str) -> None:
        for part in tuple(self._parts):
            for slot in part.awaited(sensor):
                self._cut(part, slot)

    def _cut(self, part: Part, slot: Slot) -> None:
        (sensor, number), edge_ns = slot, part.accepted.trigger.edge_ns
        window = self._windower.cut_bare(sensor, edge_ns, time.monotonic_ns(), number)
        if window is not None:
            self._infer(part, slot, window)
        else:
            self._frames.ask(sensor, edge_ns, self._look(part, sensor), number)

    def _look(self, part: Part, sensor: str) -> Look:
        return partial(self._engine.look, part.bundle, self._sensors[sensor].input, sensor)

    def _infer(self, part: Part, slot: Slot, window: Window) -> None:
        detector = self._sensors[slot[0]].input
        part.windows[slot] = window
        try:
            score = self._engine.submit(
                part.bundle, detector, window, partial(self._scored, part, slot)
            )
        except QueueFull as error:
            part.give_up(slot, "failed", str(error))
            self._seal_complete()
            return
        part.scores[slot] = score
        # a turn later, when the network has taken the interpreter and is off
        asyncio.get_running_loop().call_soon(part.assess, slot)

    def _scored(self, part: Part, slot: Slot, done: "asyncio.Future[Score]") -> None:
        if isinstance(error := done.exception(), RunFailed):
            self._metrics.count(slot[0], "run_failed")
            part.give_up(slot, "failed", str(error))
        else:
            score = done.result()  # anything else is a fault of logic: it ends the process
            part.scored(slot, score)
        self._seal_complete()

    def input_of(self, sensor: Sensor) -> SeriesInput | ClipInput:
        """What the detector behind a sensor takes; the same in every bundle of the station."""
        return next(iter(self._bundles.values())).manifest.detectors[sensor.input].input

    # --- triggers ----------------------------------------------------------------------------

    def bundle_for(self, recipe: str) -> Bundle | None:
        return self._bundles.get(recipe, self._bundles.get("*"))

    def take(self, recipe: str, one: Bundle) -> None:
        """Judge by this bundle every part whose trigger comes from now on; its networks are
        loaded. Parts in flight keep theirs."""
        self._bundles[recipe] = one

    @property
    def in_use(self) -> set[str]:
        """Manifests' sha256 of the bundles that a part in flight, or the next one, is judged by."""
        ones = [*self._bundles.values(), *(part.bundle for part in self._parts)]
        return {one.sha256 for one in ones}

    def is_quiet(self, until_ns: int) -> bool:
        """No part in flight needs an engine before `until_ns`, box time."""
        return all(part.window_end_ns > until_ns for part in self._parts)

    def open(self, accepted: Accepted) -> None:
        """Start to wait for the windows of an accepted trigger."""
        self._echoes.accepted(accepted)
        trigger = accepted.trigger
        one = self.bundle_for(trigger.recipe)
        if one is None:
            self._open_without_bundle(accepted)
            return
        end_ns = window_end_ns(self.station, one, trigger.edge_ns)
        part = self._part(accepted, one, end_ns)
        max_delay_ns = round(self.station.trigger.max_delay_s * 1e9)
        is_gone = time.monotonic_ns() - end_ns > max_delay_ns  # from the rings
        part.is_expired = is_gone or part.is_past
        if accepted.is_recovered or is_gone or part.is_undated:
            self._abandon(part, "silent", "the box was not watching when this part was here")
            return
        self._set_timers(part)
        for sensor in self._sensors:
            self._frames.opened(sensor, trigger.edge_ns, self._look(part, sensor))
            for slot in part.slots(sensor):
                self._cut(part, slot)
        if len(self._parts) > MAX_IN_FLIGHT:
            self._metrics.count(self.station.id, "parts_in_flight")
            self._abandon(self._parts[0], "late", f"more than {MAX_IN_FLIGHT} parts in flight")

    async def recover(self, owed: Sequence[Accepted]) -> None:
        """Judge what an earlier run accepted, no faster than the disk takes it."""
        for accepted in owed:
            self.open(accepted)
            await self._lane.settled()

    def _part(self, accepted: Accepted, one: Bundle, end_ns: int) -> Part:
        budget_ns = round(self._line.budget.deadline_ms * 1e6)
        deadline_ns = max(end_ns, accepted.trigger.received_ns) + budget_ns
        part = Part(accepted, one, self._sensors, end_ns, deadline_ns, self.offsets_of(one))
        self._parts.append(part)
        self._metrics.in_flight.inc()
        return part

    def _open_without_bundle(self, accepted: Accepted) -> None:
        trigger = accepted.trigger
        one = next(iter(self._bundles.values()))
        part = self._part(accepted, one.nameless(), trigger.edge_ns)
        self._metrics.count(self.station.id, "unknown_recipe")
        self._abandon(part, "failed", f"no bundle for recipe {trigger.recipe!r}")

    def _set_timers(self, part: Part) -> None:
        loop, now_ns = asyncio.get_running_loop(), time.monotonic_ns()
        for at_ns, give_up in (
            (part.deadline_ns - self.reserve.whole_ns, self._stop_watching),
            (part.deadline_ns - self.reserve.delivery_ns, self._stop_inferring),
        ):
            delay_s = max(0.0, (at_ns - now_ns) / 1e9)
            part.timers.append(loop.call_later(delay_s, give_up, part))

    def _stop_watching(self, part: Part) -> None:
        """No more waiting: a window that lacks only its last block is used, others given up."""
        for slot in part.unseen:
            (sensor, number), edge_ns = slot, part.accepted.trigger.edge_ns
            partial = self._windower.cut_partial(sensor, edge_ns, time.monotonic_ns(), number)
            if partial is not None:
                part.windows[slot] = partial
            lacks = shortfall(partial)
            if lacks is not None:
                part.give_up(slot, *lacks)
            elif partial is not None:
                self._infer(part, slot, partial)
        self._seal_complete()

    def _stop_inferring(self, part: Part) -> None:
        for slot in part.unheard:
            part.give_up(slot, "late", "the engine did not answer in time")
        self._seal_complete()

    def _abandon(self, part: Part, status: Status, reason: str) -> None:
        for slot in part.unheard:
            part.give_up(slot, status, reason)
        self._seal_complete()

    # --- verdicts ----------------------------------------------------------------------------

    def _seal_complete(self) -> None:
        """Verdicts leave in trigger order: a later part waits for an earlier one's deadline."""
        while self._parts and self._parts[0].is_complete:
            part = self._parts.pop(0)
            self._metrics.in_flight.dec()
            part.end()
            self._lane.seal(part)

    async def run(self) -> None:
        """See that verdicts reach the disk, in order; returns only by cancellation."""
        await self._lane.run()
