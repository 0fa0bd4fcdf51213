"""Says what became of bundles wherever it is looked for: the log, the metrics, the state file."""

import logging
import time
from collections.abc import Callable

from edge.bundle import Bundle
from edge.live.post import Post
from edge.live.record import Change, Heard, Record
from edge.live.tally import Compared
from edge.metrics import BundleMetrics
from edge.store.state import COMMAND, Place, State

log = logging.getLogger(__name__)


class Notice:
    """One method a thing that happens."""

    def __init__(
        self, record: Record, metrics: BundleMetrics, say_certified: Callable[[Bundle], None]
    ) -> None:
        self._record = record
        self._metrics = metrics
        self._say_certified = say_certified

    def begin(self, post: Post) -> None:
        """What judges from the start on."""
        self._metrics.shows(*post.place, "active", post.active.manifest)

    def active(
        self, post: Post, before: Bundle, by: str, why: str, *, on: Bundle | None = None
    ) -> None:
        one = on or post.active
        level = logging.INFO if by == COMMAND else logging.WARNING
        log.log(
            level, "%s: %s judges from the next part on, instead of %s (by %s%s)",
            post.place, one.label, before.label, by, f": {why}" if why else "",
        )  # fmt: skip
        self._say_certified(one)
        self._metrics.shows(*post.place, "active", one.manifest)
        self._change(post, "active", one.label, before.label, by, why)

    def shadow(self, post: Post, one: Bundle, *, is_new: bool) -> None:
        log.info("%s: %s judges in the shadow of %s", post.place, one.label, post.active.label)
        self._metrics.shows(*post.place, "shadow", one.manifest)
        if is_new:
            self._change(post, "shadow", one.label, post.active.label, COMMAND, "")

    def shadow_ended(self, post: Post, one: Bundle, said: State | None, why: str = "") -> None:
        by, why = (said.by, said.why) if said else ("fault", why)
        log.info("%s: %s judges in shadow no more%s", post.place, one.label, f": {why}" * bool(why))
        self._metrics.shows(*post.place, "shadow", None)
        self._change(post, "shadow ended", one.label, post.active.label, by, why)

    def proved(self, post: Post, why: str) -> None:
        log.info("%s: %s stays: %s", post.place, post.active.label, why)
        self._change(post, "proved", post.active.label, "", "rule", why)

    def refused(self, post: Post, label: str, why: str) -> None:
        log.error("%s: %s goes on; refused: %s", post.place, post.active.label, why)
        self._change(post, "refused", label, post.active.label, "fault", why)

    def skipped(self, post: Post) -> None:
        self._metrics.shadow_parts.labels(*post.place, "skipped").inc()

    def compared(self, post: Post, shadow: Bundle, one: Compared) -> None:
        self._metrics.shadow_parts.labels(*post.place, one.outcome).inc()
        if not one.failed:
            self._metrics.shadow_latency.labels(*post.place, "shadow").observe(one.took_ms / 1e3)
            published_s = one.published_ms / 1e3
            self._metrics.shadow_latency.labels(*post.place, "active").observe(published_s)
        self._record.heard(Heard(post.place, shadow.sha256, one, time.time_ns()))

    async def known(self, place: Place, one: Bundle, since_ns: int, count: int) -> list[Compared]:
        """What it said in shadow there since then (epoch), also before this start."""
        await self._record.flush()
        return await self._record.of(place, one.sha256, since_ns, count)

    async def flush(self) -> None:
        await self._record.flush()

    def _change(self, post: Post, what: str, label: str, before: str, by: str, why: str) -> None:
        self._metrics.changes.labels(*post.place, what, by).inc()
        self._record.changed(Change(time.time_ns(), post.place, what, label, before, by, why))
