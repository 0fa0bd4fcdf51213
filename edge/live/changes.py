"""Keeps the running line on what the store says, place by place, between two parts.

What is promoted is loaded and proved first, while the old one judges; then the next trigger's part
is the first of the new one. A part keeps the bundle that it began with, to its verdict. All that
changes anything is done by one task, one thing after the other.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from edge.bundle import Bundle
from edge.config import Line
from edge.errors import BundleError, ConfigError
from edge.live import trials
from edge.live.clerk import Clerk
from edge.live.notice import Notice
from edge.live.post import Post, epoch_ns, ref_of
from edge.live.shelf import Shelf
from edge.live.trials import Trials
from edge.live.turns import Turns
from edge.part import Part
from edge.pipeline import StationPipeline
from edge.store.state import FAULT, Place, Ref, State
from edge.store.store import Store
from edge.verdict import Verdict

log = logging.getLogger(__name__)
LOOK_S = 0.5  # from one look at the store to the next
PREPARED_S = 60.0  # how long what was prepared waits for its promotion


class Changes:
    """`run` follows the store; `prepare`, `look` and `status` answer commands."""

    def __init__(
        self,
        line: Line,
        posts: Mapping[Place, Post],
        pipelines: Mapping[str, StationPipeline],
        shelf: Shelf,
        tried: Trials,
        notice: Notice,
    ) -> None:
        self._store = Store(line.bundles.store)
        self.posts = posts
        self._pipelines = pipelines
        self._shelf = shelf
        self._trials = tried
        self._clerk = Clerk(line, shelf)
        self._notice = notice
        self._turns = Turns()
        self._prepared: dict[str, float] = {}  # sha256 -> until when, monotonic seconds

    def judged(self, part: Part, verdict: Verdict) -> None:
        """A part's verdict is on disk. What fails on probation is withdrawn before the next one."""
        post = self._trials.judged(part, verdict)
        if post is not None:
            found = self._trials.verdict(post)
            if found is not None and found.what == "withdraw":
                self._withdraw(post, found.why)

    # --- asked by commands -------------------------------------------------------------------

    async def prepare(self, ref: Ref, places: Sequence[Place]) -> float:
        """Load and prove a version for these places; the seconds that it took.

        Raises:
            BundleError: it cannot judge there; nothing has changed.
        """
        return await self._turns.ask(partial(self._prepare, ref, places))

    async def look(self) -> None:
        """Follow the store now; returns when everything that it says is done or refused."""
        await self._turns.ask(self._look)

    def status(self) -> list[dict[str, Any]]:
        may_write = self._clerk.may_write
        return [{**post.as_data(), "may_write": may_write(post)} for post in self.posts.values()]

    # --- the one task ------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            work = await self._turns.next(LOOK_S if self.posts else None)
            await (work or self._look)()
            for post in self.posts.values():
                if found := self._trials.verdict(post):
                    await self._settle(post, found)
            await self._tidy()

    async def _prepare(self, ref: Ref, places: Sequence[Place]) -> float:
        start_s = time.monotonic()
        for place in places:
            post = self.posts.get(place)
            if post is None:
                raise BundleError(
                    f"{place}: the daemon at work does not take its bundle from the store there; "
                    "if LINE.toml was changed, start it again"
                )
            await self._shelf.ready(ref, place, post.active)
        self._prepared[ref.sha256] = time.monotonic() + PREPARED_S
        return time.monotonic() - start_s

    async def _look(self) -> None:
        found = await self._shelf.aside(self._read)
        for place, said in found.items():
            post = self.posts[place]
            if isinstance(said, BundleError):
                self._refuse(post, "", str(said))
            elif said is not None and said != post.state:
                await self._follow(post, said)

    def _read(self) -> dict[Place, State | BundleError | None]:
        found: dict[Place, State | BundleError | None] = {}
        for place in self.posts:
            try:
                found[place] = self._store.state(place)
            except BundleError as error:
                found[place] = error
        return found

    async def _follow(self, post: Post, said: State) -> None:
        is_start, post.state = post.state is None, said
        wanted = said.active
        if wanted.sha256 == post.barred:
            await self._undo(post, said, post.refused)
        elif wanted.sha256 == post.active.sha256:
            post.barred = post.refused = ""
            await self._go_on(post, said)
        else:
            try:
                one = await self._shelf.ready(wanted, post.place, post.active)
            except BundleError as error:
                self._refuse(post, wanted.label, str(error))
                post.barred = wanted.sha256
                await self._undo(post, said, str(error))
            else:
                self._switch(post, one, said)
        await self._follow_shadow(post, said, is_new=not is_start)
        for ref in said.refs:  # it waits for nothing any more
            self._prepared.pop(ref.sha256, None)

    async def _go_on(self, post: Post, said: State) -> None:
        """The active bundle stays; after a start, so does its probation."""
        old = said.previous
        if said.proving and old and post.previous is None and post.rules.probation.parts:
            try:
                post.previous = await self._shelf.ready(old, post.place, post.active)
            except BundleError as error:
                log.warning("%s: %s could not come back: %s", post.place, old.label, error)
        self._trials.probation(post, is_on=said.proving)

    async def _follow_shadow(self, post: Post, said: State, *, is_new: bool) -> None:
        wanted = said.shadow
        if (post.shadow.sha256 if post.shadow else None) == (wanted.sha256 if wanted else None):
            return
        ended = post.shadow
        one = None
        if wanted is not None:
            try:
                one = await self._shelf.ready(wanted, post.place, post.active)
            except BundleError as error:
                self._refuse(post, wanted.label, str(error))
                await self._clerk.end_shadow(post, wanted, str(error))
        since_ns = epoch_ns(said.shadow_since) if said.shadow_since else 0
        await self._trials.shadow(post, one, since_ns)
        if one is not None:
            self._notice.shadow(post, one, is_new=is_new)
        elif ended is not None:
            self._notice.shadow_ended(post, ended, said)

    def _switch(self, post: Post, one: Bundle, said: State) -> None:
        """Between two parts, whatever task runs next: this is the loop, and there is no await."""
        before = post.active
        self._pipelines[post.place.station].take(post.place.recipe, one)
        post.active, post.since_ns = one, time.time_ns()
        post.barred = post.refused = ""
        post.previous = before
        self._trials.probation(post, is_on=said.proving)
        self._notice.active(post, before, said.by, said.why)

    # --- of its own accord -------------------------------------------------------------------

    async def _settle(self, post: Post, found: trials.Verdict) -> None:
        if found.what == "promote":
            await self._promote(post, found.why)
        elif found.what == "prove":
            self._trials.probation(post, is_on=False)
            self._notice.proved(post, found.why)
            await self._clerk.prove(post, ref_of(post.active))

    async def _promote(self, post: Post, why: str) -> None:
        assert post.shadow is not None
        new = ref_of(post.shadow)
        try:
            await self._clerk.promote(post, new, why)
        except (BundleError, ConfigError) as error:
            self._refuse(post, new.label, str(error))
            self._notice.shadow_ended(post, post.shadow, None, str(error))
            await self._trials.shadow(post, None)
            return
        await self._look()

    def _withdraw(self, post: Post, why: str) -> None:
        """Back to what was there before: at once on the line, and as soon as can be on disk."""
        failed, old = post.active, post.previous
        assert old is not None
        self._pipelines[post.place.station].take(post.place.recipe, old)
        post.active, post.since_ns = old, time.time_ns()
        post.barred, post.refused = failed.sha256, why
        post.state = None  # to be followed again: it says otherwise
        self._trials.probation(post, is_on=False)
        self._notice.active(post, failed, FAULT, why)

    async def hung(self) -> None:
        """The engine hangs, and the process is about to end: what is being tried may be why."""
        why = "the engine hung while it was being tried"
        for post in self.posts.values():
            if post.shadow is not None:
                self._notice.shadow_ended(post, post.shadow, None, why)
                await self._clerk.end_shadow(post, ref_of(post.shadow), why)
            if post.probation is not None and post.previous is not None:
                self._notice.active(post, post.active, FAULT, why, on=post.previous)
                await self._clerk.roll_back(post, ref_of(post.active), why)
        await self._notice.flush()

    async def _undo(self, post: Post, said: State, why: str) -> None:
        """What cannot judge must not be what the next start finds, where another can."""
        if said.previous is not None and said.previous.sha256 == post.active.sha256:
            await self._clerk.roll_back(post, said.active, why)

    def _refuse(self, post: Post, label: str, why: str) -> None:
        if post.refused != why:
            post.refused = why
            self._notice.refused(post, label, why)

    async def _tidy(self) -> None:
        now_s = time.monotonic()
        self._prepared = {sha: until for sha, until in self._prepared.items() if until > now_s}
        needed = set(self._prepared) | self._trials.in_use
        for post in self.posts.values():
            needed |= post.in_use
        for pipeline in self._pipelines.values():
            needed |= pipeline.in_use
        for label in await self._shelf.keep_only(needed):
            log.info("%s: no part needs it any more; its networks are unloaded", label)
        await self._notice.flush()
