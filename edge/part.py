"""One part between its trigger and its verdict: what is still awaited, and until when."""

import asyncio
from dataclasses import dataclass, field

from edge.accepted import Accepted
from edge.bundle import Bundle, ClipInput, SeriesInput
from edge.config import Budget, Sensor, Station
from edge.inference.detector import Score
from edge.judge import Answer, Heard, hear
from edge.metrics import Quantile
from edge.verdict import Status
from sensors.signal import Window
from sensors.windower import Need

USABLE = 0.9  # coverage from which a window without its end is still worth an answer
FRESH_NS = 1_000_000_000  # a trigger from a ring this long after its window is no news any more


def need(sensor: Sensor, wanted: SeriesInput | ClipInput, max_delay_s: float) -> Need:
    """What the windower must cut for this sensor to feed a detector that takes `wanted`."""
    offset_ns, max_delay_ns = round(sensor.offset_s * 1e9), round(max_delay_s * 1e9)
    if wanted.kind == "series":
        return Need(
            sensor.id,
            "series",
            wanted.rate_hz,
            offset_ns=offset_ns,
            channels=wanted.channels,
            length=wanted.length,
            max_delay_ns=max_delay_ns,
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
    )


def window_end_ns(station: Station, bundle: Bundle, edge_ns: int) -> int:
    """When the last sample that any sensor of the station owes is taken."""
    return edge_ns + max(
        round(s.offset_s * 1e9) + bundle.manifest.detectors[s.input].input.duration_ns
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
    """A part in flight. Every sensor ends in `heard`, by a score or by a reason."""

    accepted: Accepted
    bundle: Bundle
    sensors: dict[str, Sensor]
    window_end_ns: int
    deadline_ns: int
    is_expired: bool = False  # judged, but too late to act upon
    windows: dict[str, Window] = field(default_factory=dict)
    scores: "dict[str, asyncio.Future[Score]]" = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)  # by sensor
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

    @property
    def unseen(self) -> list[str]:
        """Sensors whose window is still awaited."""
        return [s for s in self.sensors if s not in self.windows and s not in self.heard]

    @property
    def is_complete(self) -> bool:
        return len(self.heard) == len(self.sensors)

    def give_up(self, sensor: str, status: Status, reason: str) -> None:
        if sensor in self.scores:
            self.scores[sensor].cancel()  # the engine counts it, should it still come
        window = self.windows.get(sensor)
        self._hear(Answer(self.sensors[sensor], status, reason, window=window))

    def scored(self, sensor: str, score: Score) -> None:
        self._hear(Answer(self.sensors[sensor], "ok", window=self.windows[sensor], score=score))

    def end(self) -> None:
        for timer in self.timers:
            timer.cancel()
        for score in self.scores.values():
            score.cancel()

    def _hear(self, answer: Answer) -> None:
        self.heard[answer.sensor.id] = hear(answer, self.bundle)
