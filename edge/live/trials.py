"""What is being tried at a place: a shadow beside the active bundle, a promoted one's first parts.

Watches every verdict, and says when it has seen enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge.bundle import Bundle
from edge.config import Line
from edge.live.notice import Notice
from edge.live.post import Post
from edge.live.probation import OnProbation
from edge.live.shadow import Order, ShadowLane, took_ms
from edge.live.tally import SHOWN, Compared, Tally
from edge.part import Part
from edge.store.state import Place
from edge.verdict import Verdict as PartVerdict


@dataclass(frozen=True, slots=True)
class Verdict:
    """On what is being tried."""

    what: Literal["promote", "withdraw", "prove"]
    why: str


class Trials:
    """Of every place of the line."""

    def __init__(
        self, line: Line, posts: Mapping[Place, Post], lane: ShadowLane, notice: Notice
    ) -> None:
        self._deadline_ms = line.budget.deadline_ms
        self._posts = posts
        self._lane = lane
        self._notice = notice

    @property
    def in_use(self) -> set[str]:
        return self._lane.in_use

    def probation(self, post: Post, *, is_on: bool) -> None:
        """Begin or end it; what may come back is kept ready meanwhile."""
        rule = post.rules.probation
        if not is_on or not rule.parts or post.previous is None:
            post.probation = post.previous = None
        elif post.probation is None or post.probation.sha256 != post.active.sha256:
            post.probation = OnProbation(rule, self._deadline_ms, post.active.sha256)

    async def shadow(self, post: Post, one: Bundle | None, since_ns: int = 0) -> None:
        """From the next verdict on; a shadow of before this start goes on counting."""
        post.shadow, post.tally = one, None
        if one is not None:
            rule = post.rules.promote_after
            tally = post.tally = Tally(rule)
            count = rule.parts if rule else SHOWN
            for before in await self._notice.known(post.place, one, since_ns, count):
                tally.add(before)

    def judged(self, part: Part, verdict: PartVerdict) -> Post | None:
        """A part's verdict is on disk; where. Called on the loop."""
        post = self.post_of(part)
        if post is None or part.bundle.sha256 != post.active.sha256:
            return None
        if part.is_expired or not part.windows:
            return None  # nobody watched it
        if post.probation is not None:
            statuses = {answer.status for answer in part.answers}
            post.probation.add(
                failed="failed" in statuses,
                unanswered="late" in statuses,
                took_ms=took_ms(part, verdict),
            )
        if post.shadow is not None and any(answer.score for answer in part.answers):
            offsets = post.offsets_of(post.shadow)
            order = Order(part, verdict, post.shadow, offsets, self._compared)
            if not self._lane.offer(order) and post.tally is not None:
                post.tally.skip()
                self._notice.skipped(post)
        return post

    def verdict(self, post: Post) -> Verdict | None:
        """On what is tried there, once there is one."""
        if (probation := post.probation) is not None:
            if probation.fault:
                return Verdict("withdraw", probation.fault)
            if probation.is_over:
                return Verdict("prove", probation.words())
        elif post.tally is not None and not post.tally.lacks:
            return Verdict("promote", post.tally.words())
        return None

    def _compared(self, order: Order, one: Compared) -> None:
        post = self.post_of(order.part)
        if post is None or post.shadow is not order.shadow or post.tally is None:
            return  # it ended meanwhile
        post.tally.add(one)
        self._notice.compared(post, order.shadow, one)

    def post_of(self, part: Part) -> Post | None:
        """Where it was judged; None where the store has no say."""
        trigger = part.accepted.trigger
        one = self._posts.get(Place(trigger.station, trigger.recipe))
        return one or self._posts.get(Place(trigger.station, "*"))
