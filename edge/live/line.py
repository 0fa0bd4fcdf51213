"""This room as the daemon sees it: told of every verdict, and at work beside the line."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from edge.bundle import Bundle
from edge.config import Line
from edge.disk import Disk
from edge.errors import DiskFailed
from edge.inference.engine import Engine
from edge.live import control
from edge.live.changes import Changes
from edge.live.notice import Notice
from edge.live.post import Post
from edge.live.record import Record
from edge.live.shadow import ShadowLane
from edge.live.shelf import Shelf
from edge.live.trials import Trials
from edge.metrics import BundleMetrics, Metrics
from edge.part import Part
from edge.pipeline import StationPipeline
from edge.store.state import Place
from edge.verdict import Verdict

HUNG_S = 2.0  # what a process that is about to end waits for its disk


class LiveLine:
    """`open` builds it, `run` works until cancelled."""

    def __init__(self, changes: Changes, lane: ShadowLane, record: Record, folder: Path) -> None:
        self._changes = changes
        self._lane = lane
        self._record = record
        self._folder = folder

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        line: Line,
        stored: Mapping[Place, str],
        bundles: Mapping[Path, Bundle],
        pipelines: Mapping[str, StationPipeline],
        engine: Engine,
        disk: Disk,
        metrics: Metrics,
        say_certified: Callable[[Bundle], None],
        loaded: Callable[[Bundle], None] = lambda _: None,
    ) -> AsyncIterator["LiveLine"]:
        """`stored` are the places that take their bundle from the store, and its name there.

        `loaded` is told of every bundle whose networks were loaded while the line runs.
        """
        stations = {station.id: station for station in line.stations}
        posts = {
            place: Post(
                place,
                stations[place.station].rules_for(place.recipe),
                bundles[stations[place.station].bundles[place.recipe]],
                time.time_ns(),
                pipelines[place.station].offsets_of,
            )
            for place in stored
        }
        record = Record(disk, metrics.count)
        notice = Notice(record, BundleMetrics(metrics.registry), say_certified)
        for post in posts.values():
            notice.begin(post)
        lane = ShadowLane(
            engine, lambda until_ns: all(one.is_quiet(until_ns) for one in pipelines.values())
        )
        trials = Trials(line, posts, lane, notice)
        shelf = Shelf(line, engine, bundles.values(), loaded)
        changes = Changes(line, posts, pipelines, shelf, trials, notice)
        try:
            yield cls(changes, lane, record, line.storage.folder)
        finally:
            with contextlib.suppress(DiskFailed):
                await record.flush()

    def judged(self, part: Part, verdict: Verdict) -> None:
        """A part's verdict is on disk."""
        self._changes.judged(part, verdict)

    async def run(self) -> None:
        """Until cancelled."""
        async with control.listening(self._folder, self._changes), asyncio.TaskGroup() as group:
            group.create_task(self._changes.run(), name="bundles")
            group.create_task(self._lane.run(), name="shadow")

    async def hung(self) -> None:
        """The engine hangs: what is being tried is withdrawn, for the next start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HUNG_S):
                await self._changes.hung()

    async def sweep(self, before_ns: int) -> None:
        await self._record.sweep(before_ns)
