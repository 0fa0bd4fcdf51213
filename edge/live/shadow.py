"""A bundle judges parts in the shadow of the active one: the same windows, and nothing published.

It begins when the part's verdict is on disk, and does one small thing at a time, each only while no
part is near its window's end: so the active bundle finds the engine free. Where there is no time
for that, parts are left out, and counted.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from edge.baseline import Offset
from edge.bundle import Bundle
from edge.config import Sensor
from edge.inference.detector import Detector, Score
from edge.inference.engine import Engine
from edge.inference.runner import RunFailed
from edge.judge import Answer, hear, weigh
from edge.live.tally import Compared
from edge.part import Part, Slot
from edge.verdict import Verdict
from edge.windows import join
from sensors.signal import Window

T = TypeVar("T")
WAITING = 8  # parts of the whole box; beyond it the newest is left out
AHEAD_NS = 15_000_000  # before the next window's end nothing is begun any more
PAUSE_S = 0.004  # until the next look whether there is time


@dataclass(frozen=True, slots=True)
class Order:
    """One part that a shadow is to judge too, and who wants to know."""

    part: Part
    verdict: Verdict
    shadow: Bundle
    offsets: Mapping[str, Offset]  # of the station's baselines, by sensor
    done: Callable[["Order", Compared], None]


class ShadowLane:
    """Judges orders one after the other; `is_quiet(until_ns)` asks every station."""

    def __init__(self, engine: Engine, is_quiet: Callable[[int], bool]) -> None:
        self._engine = engine
        self._is_quiet = is_quiet
        self._orders: deque[Order] = deque()
        self._bell = asyncio.Event()
        self._at_work: Order | None = None

    def offer(self, order: Order) -> bool:
        """False: too many wait."""
        if len(self._orders) >= WAITING:
            return False
        self._orders.append(order)
        self._bell.set()
        return True

    @property
    def _has_time(self) -> bool:
        return self._engine.is_idle and self._is_quiet(time.monotonic_ns() + AHEAD_NS)

    @property
    def in_use(self) -> set[str]:
        """Manifests' sha256 of the bundles that an order waits for."""
        at_work = [self._at_work] if self._at_work else []
        return {order.shadow.sha256 for order in (*self._orders, *at_work)}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._bell.clear()
            if not self._orders:
                await self._bell.wait()
            self._at_work = order = self._orders.popleft()
            order.done(order, await self._judge(order))
            self._at_work = None

    async def _judge(self, order: Order) -> Compared:
        part, verdict = order.part, order.verdict
        scores: dict[Slot, Score] = {}
        said, failed = "", ""
        try:
            for slot, (sensor, window) in scored(part).items():
                scores[slot] = await self._score(order.shadow, sensor, window)
            said = await self._in_time(partial(opinion, order, scores))
        except RunFailed as error:
            failed = str(error)
        own_ns = sum(score.run_ns for score in scores.values())
        theirs_ns = sum(one.score.run_ns for one in part.answers if one.score)
        published_ms = took_ms(part, verdict)
        return Compared(
            id=verdict.id,
            said=said,
            published=in_words(verdict.decision, verdict.defect),
            took_ms=published_ms + (own_ns - theirs_ns) / 1e6,
            published_ms=published_ms,
            failed=failed,
        )

    async def _score(self, shadow: Bundle, sensor: Sensor, window: Window) -> Score:
        detector: Detector = self._engine.loaded.detector(shadow, sensor.input)
        if detector.looks:  # at all but the last: so far the active one was, too, by then
            for picture in window.data[:-1]:
                await self._in_time(partial(detector.look, picture), detector)
        return await self._in_time(partial(detector.infer, window), detector)

    async def _in_time(self, call: Callable[[], T], network: Detector | None = None) -> T:
        while not self._has_time:  # noqa: ASYNC110 - which depends on what time it is
            await asyncio.sleep(PAUSE_S)
        return await self._engine.behind(call, network)


def scored(part: Part) -> dict[Slot, tuple[Sensor, Window]]:
    """The windows that the active bundle scored; of others the shadow knows no more either."""
    found = {}
    for slot, heard in part.heard.items():
        answer = heard.answer
        if answer.score is not None and answer.window is not None:
            found[slot] = answer.sensor, answer.window
    return found


def opinion(order: Order, scores: Mapping[Slot, Score]) -> str:
    """What the shadow makes of the same part: decision and defect."""
    part, bundle, said = order.part, order.shadow, []
    for sensor in part.sensors:
        answers = [_answer(order, slot, scores) for slot in part.slots(sensor)]
        said.append(join([hear(one, bundle) for one in answers], bundle))
    decided = weigh(said, bundle).decided
    return in_words(decided.decision, decided.defect)


def _answer(order: Order, slot: Slot, scores: Mapping[Slot, Score]) -> Answer:
    answer = order.part.heard[slot].answer
    if slot not in scores:
        return answer
    offset = order.offsets.get(slot[0])
    return Answer(answer.sensor, "ok", window=answer.window, score=scores[slot], offset=offset)


def in_words(decision: str, defect: str) -> str:
    return f"{decision} {defect}".strip()


def took_ms(part: Part, verdict: Verdict) -> float:
    """From the later of window end and trigger arrival to the sealed verdict."""
    epoch_ns = verdict.clock.window_end_ns - part.window_end_ns
    return (verdict.clock.sealed_ns - epoch_ns - part.start_ns) / 1e6
