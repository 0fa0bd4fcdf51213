"""Where triggers are accepted: put on the box's clock, journalled, and only then believed.

A trigger heard twice (a ring read again, a redelivery, the first notification after subscribing) is
recognised by the journal. The wire is told that it is safe only after the journal has it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from edge.accepted import Accepted
from edge.config import Station
from edge.journal import Journal
from edge.metrics import Metrics
from edge.publish.plc import Echoes
from sensors.clock import SourceClock
from sensors.errors import LinkLost
from sensors.signal import Announcement, Trigger

log = logging.getLogger(__name__)
MAX_WAITING = 256  # announcements of one station before the journal; beyond, the session ends
Safe = Callable[[], None]


class TriggerDesk:
    """Takes one station's announcements, in order, to the journal and on to its pipeline."""

    def __init__(
        self,
        station: Station,
        clock: SourceClock,
        journal: Journal,
        metrics: Metrics,
        echoes: Echoes,
        accepted: Callable[[Accepted], None],
    ) -> None:
        self._station = station
        self._clock = clock
        self._journal = journal
        self._metrics = metrics
        self._echoes = echoes
        self._on_accepted = accepted
        self._queue: asyncio.Queue[tuple[Announcement, Safe]] = asyncio.Queue(MAX_WAITING)

    def announce(self, announcement: Announcement, safe: Safe) -> None:
        """Called on the loop by a source.

        Raises:
            LinkLost: too many wait for the journal; a new session reads the ring, or the broker's
                queue, again.
        """
        try:
            self._queue.put_nowait((announcement, safe))
        except asyncio.QueueFull:
            self._metrics.count(self._station.id, "trigger_queue")
            raise LinkLost(
                f"{self._station.id}: {MAX_WAITING} triggers wait for the disk"
            ) from None

    def trigger(self, told: Announcement) -> Trigger:
        """The same on the box's clock; without a stamp, the edge is its arrival.

        Over MQTT nothing else tells the plant's clock: the live triggers' own stamps do.
        """
        anchor_ns = time.time_ns() - time.monotonic_ns()
        arrival_ns = told.received_ns
        if told.source_ns and self._station.trigger.topic and not told.from_ring:
            self._clock.observe_reading(
                told.source_ns, arrival_ns=arrival_ns, wall_anchor_ns=anchor_ns
            )
        edge_ns = self._clock.to_box(
            told.source_ns, arrival_ns=arrival_ns, wall_anchor_ns=anchor_ns
        )
        return Trigger(
            told.station,
            told.sequence,
            told.part,
            told.recipe,
            told.source_ns,
            edge_ns,
            arrival_ns,
            told.from_ring,
        )

    async def run(self) -> None:
        """Accept triggers until cancelled."""
        while True:
            told, safe = await self._queue.get()
            accepted = await self._journal.accept(self.trigger(told))
            safe()
            if accepted is None:
                self._metrics.triggers.labels(self._station.id, "repeated").inc()
                self._echo_again(told)
                continue
            self._metrics.triggers.labels(self._station.id, "accepted").inc()
            if accepted.missed:
                self._report_missed(accepted)
            self._on_accepted(accepted)

    def _echo_again(self, told: Announcement) -> None:
        """The PLC may hold the trigger until its echo, of a baseline too."""
        newest = self._journal.newest(self._station.id)
        if newest is not None and newest.trigger.sequence == told.sequence:
            self._echoes.remember(newest)

    def _report_missed(self, accepted: Accepted) -> None:
        self._metrics.triggers.labels(self._station.id, "missed").inc(accepted.missed)
        log.warning(
            "%s: %d triggers before sequence %d were never heard: they fell out of the PLC's ring "
            "while this box was away",
            self._station.id,
            accepted.missed,
            accepted.trigger.sequence,
        )


def clocks(stations: Iterable[Station], metrics: Metrics) -> dict[str, SourceClock]:
    """One clock for each link that announces parts by OPC UA, one for each MQTT station."""
    found: dict[str, SourceClock] = {}
    for station in stations:
        name = clock_name(station)
        if name not in found:
            found[name] = SourceClock(name, station.trigger.clock, metrics.count)
    return found


def clock_name(station: Station) -> str:
    return station.trigger.link if station.trigger.nodes else f"{station.id}.trigger"
