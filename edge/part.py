"""One part between its trigger and its verdict: what is still awaited, and until when.

A *slot* is one window of one sensor: the sensor's id, and the window's number from 0.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from edge.accepted import Accepted
from edge.baseline import Offset
from edge.bundle import Bundle
from edge.config import Budget, Sensor, Station
from edge.inference.detector import Score
from edge.judge import Answer, Heard, hear
from edge.manifest import ClipInput, SeriesInput
from edge.metrics import Quantile
from edge.verdict import Status
from edge.windows import join
from sensors.condition import assessed
from sensors.signal import Window
from sensors.windower import Need

Slot = tuple[str, int]
USABLE = 0.9  # coverage from which a window without its end is still worth an answer
FRESH_NS = 1_000_000_000  # a trigger from a ring this long after its window is no news any more


def needs(station: Station, wanted: Callable[[Sensor], SeriesInput | ClipInput]) -> list[Need]:
    """Of every window of every sensor. `wanted` is what the detector behind a sensor takes.

    A trigger may come late after the last window of the station; a sensor whose windows end earlier
    keeps its data so much longer.
    """
    ends_s = {s.id: s.offsets[-1] + wanted(s).duration_ns / 1e9 for s in station.sensors}
    last_s = max(ends_s.values())
    return [
        need(s, wanted(s), station.trigger.max_delay_s + last_s - ends_s[s.id], window)
        for s in station.sensors
        for window in range(len(s.offsets))
    ]


def need(
    sensor: Sensor, wanted: SeriesInput | ClipInput, max_delay_s: float, window: int = 0
) -> Need:
    """What the windower must cut for this sensor to feed a detector that takes `wanted`."""
    offset_ns, max_delay_ns = round(sensor.offsets[window] * 1e9), round(max_delay_s * 1e9)
    if wanted.kind == "series":
        return Need(
            sensor.id,
            "series",
            wanted.rate_hz,
            offset_ns=offset_ns,
            channels=wanted.channels,
            length=wanted.length,
            max_delay_ns=max_delay_ns,
            window=window,
        )
    return Need(
        sensor.id,
        "clip",
        wanted.rate_hz,
        offset_ns=offset_ns,
        frames=wanted.frames,
        stride=wanted.stride,
        height=wanted.height,
        width=wanted.width,
        max_delay_ns=max_delay_ns,
        window=window,
    )


def window_end_ns(station: Station, bundle: Bundle, edge_ns: int) -> int:
    """When the last sample that any sensor of the station owes is taken."""
    return edge_ns + max(
        round(s.offsets[-1] * 1e9) + bundle.manifest.detectors[s.input].input.duration_ns
        for s in station.sensors
    )


def shortfall(window: Window | None) -> tuple[Status, str] | None:
    """Why what there is of a window at the deadline is worth no answer; None: it is worth one."""
    if window is None:
        return "silent", "no data in the part's window"
    coverage = window.quality.coverage
    return (
        None if coverage >= USABLE else ("incomplete", f"{coverage:.0%} of the window came in time")
    )


class Reserve:
    """Time kept back before the deadline, from what the steps after it were measured to take.

    Each is the p99 of a whole stretch, not a sum of the p99s of its steps: what is slow in one step
    is rarely slow in the next, and waiting would end long before it must.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._whole_s = Quantile(0.99, budget.reserve_ms / 1e3)  # last window cut to published
        self._delivery_s = Quantile(0.99, budget.reserve_ms / 1.5e3)  # judging to published

    def learn(self, part: "Part", judged_ns: int, published_ns: int) -> None:
        """A part was judged from `judged_ns` on, and its verdict was out at `published_ns`."""
        self._delivery_s.add((published_ns - judged_ns) / 1e9)
        ready_ns = [window.ready_ns for window in part.windows.values()]
        if ready_ns and all(one.answer.status == "ok" for one in part.heard.values()):
            self._whole_s.add((published_ns - max(ready_ns)) / 1e9)

    @property
    def delivery_ns(self) -> int:
        """From the last score that counts to the publication."""
        return self._bounded(self._delivery_s.value * 1e3)

    @property
    def whole_ns(self) -> int:
        """From the last window that is waited for to the publication."""
        return max(self.delivery_ns, self._bounded(self._whole_s.value * 1e3))

    def _bounded(self, ms: float) -> int:
        budget = self._budget
        return round(min(max(ms, budget.min_reserve_ms), budget.max_reserve_ms) * 1e6)


@dataclass(slots=True)
class Part:
    """A part in flight. Every slot ends in `heard`, by a score or by a reason; as soon as all slots
    of a sensor have, the sensor is in `said`.
    """

    accepted: Accepted
    bundle: Bundle
    sensors: dict[str, Sensor]
    window_end_ns: int
    deadline_ns: int
    offsets: Mapping[str, Offset] = field(default_factory=dict)  # of sensors with a baseline
    is_expired: bool = False  # judged, but too late to act upon
    windows: dict[Slot, Window] = field(default_factory=dict)
    scores: "dict[Slot, asyncio.Future[Score]]" = field(default_factory=dict)
    heard: dict[Slot, Heard] = field(default_factory=dict)
    said: dict[str, Heard] = field(default_factory=dict)  # by sensor
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    @property
    def start_ns(self) -> int:
        """From when its latency counts: the later of window end and trigger arrival."""
        return max(self.window_end_ns, self.accepted.trigger.received_ns)

    @property
    def is_undated(self) -> bool:
        """Heard after an absence, and nothing says when it was: not now."""
        trigger = self.accepted.trigger
        return trigger.recovered and trigger.edge_ns == trigger.received_ns

    @property
    def is_past(self) -> bool:
        """Heard after an absence, long after its window: the part has moved on."""
        trigger = self.accepted.trigger
        is_old = trigger.received_ns - self.window_end_ns > FRESH_NS
        return self.is_undated or (trigger.recovered and is_old)

    def slots(self, sensor: str) -> list[Slot]:
        """Every window of a sensor."""
        return [(sensor, number) for number in range(len(self.sensors[sensor].offsets))]

    def awaited(self, sensor: str) -> list[Slot]:
        """Windows of a sensor that are still to come."""
        return [s for s in self.slots(sensor) if s not in self.windows and s not in self.heard]

    @property
    def unseen(self) -> list[Slot]:
        """Windows that are still to come."""
        return [slot for sensor in self.sensors for slot in self.awaited(sensor)]

    @property
    def unheard(self) -> list[Slot]:
        """Windows that have neither a score nor a reason."""
        return [s for sensor in self.sensors for s in self.slots(sensor) if s not in self.heard]

    @property
    def is_complete(self) -> bool:
        return len(self.said) == len(self.sensors)

    @property
    def answers(self) -> Iterator[Answer]:
        """Of every window."""
        return (one.answer for one in self.heard.values())

    def give_up(self, slot: Slot, status: Status, reason: str) -> None:
        if slot in self.scores:
            self.scores[slot].cancel()  # the engine counts it, should it still come
        window = self.assess(slot) if slot in self.windows else None
        self._hear(slot, Answer(self.sensors[slot[0]], status, reason, window=window))

    def scored(self, slot: Slot, score: Score) -> None:
        one, offset = self.sensors[slot[0]], self.offsets.get(slot[0])
        self._hear(slot, Answer(one, "ok", "", self.assess(slot), score, offset))

    def assess(self, slot: Slot) -> Window:
        """The window of a slot with what it looks like, taken once: while its network runs."""
        window = self.windows[slot] = assessed(self.windows[slot])
        return window

    def end(self) -> None:
        for timer in self.timers:
            timer.cancel()
        for score in self.scores.values():
            score.cancel()

    def _hear(self, slot: Slot, answer: Answer) -> None:
        self.heard[slot] = hear(answer, self.bundle)
        slots = self.slots(slot[0])
        if all(one in self.heard for one in slots):
            self.said[slot[0]] = join([self.heard[one] for one in slots], self.bundle)
