"""Where a station's complete parts become verdicts, one after the other, safe on disk.

The pipeline brings parts in trigger order; in that order they are judged, committed, published.
"""

import asyncio
import time
from collections.abc import Callable

from edge.config import Line, Station
from edge.judge import weigh
from edge.metrics import Metrics
from edge.part import Part, Reserve
from edge.publish.outbox import Outbox
from edge.seal import Times, verdict
from edge.tape import Tape
from edge.verdict import Verdict

Judged = Callable[[Part, Verdict], None]  # told once the verdict is committed
MAX_SEALED = 256  # verdicts waiting for the disk; beyond it the disk is dead and the process ends


class VerdictLane:
    """Judges parts and hands their verdicts to the outbox; measures how long that takes."""

    def __init__(
        self,
        station: Station,
        line: Line,
        outbox: Outbox,
        metrics: Metrics,
        reserve: Reserve,
        tape: Tape | None,
        judged: Judged,
    ) -> None:
        self._station = station
        self._line = line
        self._outbox = outbox
        self._metrics = metrics
        self._reserve = reserve
        self._tape = tape
        self._on_judged = judged
        self._sealed: asyncio.Queue[tuple[Part, int, Verdict, asyncio.Future[int | None]]]
        self._sealed = asyncio.Queue(MAX_SEALED)

    def seal(self, part: Part) -> None:
        """The one verdict on a complete part, on its way to the disk when this returns."""
        begun_ns = time.monotonic_ns()
        sealed = self._judge(part)
        saved = self._outbox.submit(
            part.accepted.id,
            self._station.id,
            sealed.body(),
            sealed_ns=sealed.clock.sealed_ns,
            start_ns=part.start_ns,
        )
        self._sealed.put_nowait((part, begun_ns, sealed, saved))

    async def settled(self) -> None:
        """Wait until everything sealed so far is committed."""
        await self._sealed.join()

    async def run(self) -> None:
        """What is to be done once a verdict is committed; returns only by cancellation."""
        while True:
            part, begun_ns, sealed, saved = await self._sealed.get()
            await saved  # and in the callback of that, published
            self._reserve.learn(part, begun_ns, time.monotonic_ns())
            self._metrics.judged(sealed)
            if self._tape:
                self._tape.save(part, sealed)
            self._on_judged(part, sealed)
            self._sealed.task_done()

    def _judge(self, part: Part) -> Verdict:
        judged = weigh([part.said[sensor] for sensor in part.sensors], part.bundle)
        fused_ns = time.monotonic_ns()
        times = Times(
            window_end_ns=part.window_end_ns,
            deadline_ns=part.deadline_ns,
            epoch_ns=time.time_ns() - fused_ns,
            is_expired=part.is_expired,
        )
        return verdict(
            part.accepted,
            list(part.answers),
            judged,
            part.bundle,
            times,
            site=self._line.site,
            line=self._line.line,
            fused_ns=fused_ns,
            sealed_ns=time.monotonic_ns(),
        )
