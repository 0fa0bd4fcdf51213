"""One recorded part, judged again by the daemon's own steps, one after the other. No clock runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge.baseline import Baselines, fitting
from edge.bundle import Bundle
from edge.config import Sensor
from edge.errors import ConfigError
from edge.inference.detector import Detector
from edge.inference.proved import load
from edge.inference.runner import RunFailed, opener
from edge.judge import Answer, Judged, hear, weigh
from edge.part import Slot, need
from edge.trial.plans import CAMERA_OFFSET_S
from edge.verdict import SensorReport, Verdict, WindowReport
from edge.windows import join
from sensors import block, codec
from sensors.clock import SourceClock
from sensors.errors import BadReading
from sensors.recording import RecordedBlock, RecordedPart, Truth
from sensors.signal import ClockKind, Sample, Window
from sensors.windower import Windower

TOLERANCE = 2e-6  # masses are written with six decimals
DELAY_S = 1.0  # of a ring: a recorded part is asked for at once
ABSENT = ("silent", "incomplete", "late", "failed")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One part, judged again."""

    part: RecordedPart
    judged: Judged
    recorded: Verdict | None
    truth: Truth | None
    differences: tuple[str, ...]  # from what was recorded, in words


class Judge:
    """The daemon's steps, one after the other, for one recording."""

    def __init__(
        self,
        described: dict[str, Any],
        one: Bundle,
        engine: str,
        detectors: Mapping[str, Detector] | None = None,  # None: loaded on the engine of that name
        baselines: Baselines | None = None,  # that its parts were judged by; see `baseline.kept`
    ) -> None:
        self.bundle = one
        self.refused: dict[str, int] = {}  # payloads and blocks, by cause
        self._sensors = {name: sensor(name, row, one) for name, row in described.items()}
        self._detectors = (
            {name: load(one, name, opener(engine), threads=1) for name in one.manifest.detectors}
            if detectors is None
            else detectors
        )
        known = baselines or Baselines(station="")
        self._offsets = {o.label: o for _, o in fitting(known, self._sensors, one)}

    def again(self, part: RecordedPart, truth: Truth | None) -> Replayed:
        """Judge one part, and hold it against what was recorded of it."""
        recorded = Verdict.model_validate_json(part.verdict) if part.verdict else None
        heard = [
            join([hear(answer, self.bundle) for answer in answers], self.bundle)
            for answers in self._answers(part, recorded)
        ]
        judged = weigh(heard, self.bundle)
        return Replayed(part, judged, recorded, truth, tuple(compare(judged, recorded)))

    def answers(self, part: RecordedPart) -> list[list[Answer]]:
        """Of each sensor, in the recording's order, what it answered by each of its windows."""
        recorded = Verdict.model_validate_json(part.verdict) if part.verdict else None
        return list(self._answers(part, recorded))

    def windows(self, part: RecordedPart) -> dict[Slot, Window]:
        """What the daemon cut out of it, without asking anybody what it means."""
        recorded = Verdict.model_validate_json(part.verdict) if part.verdict else None
        return self._cut(part, recorded)

    def _cut(self, part: RecordedPart, recorded: Verdict | None) -> dict[Slot, Window]:
        windows: dict[Slot, Window] = {}
        for number in range(max(len(one.offsets) for one in self._sensors.values())):
            windows |= self._windows(part, recorded, number)
        return windows

    def _answers(self, part: RecordedPart, recorded: Verdict | None) -> Iterator[list[Answer]]:
        windows = self._cut(part, recorded)
        for one in self._sensors.values():
            yield self._answers_of(one, windows, recorded)

    def _windows(
        self, part: RecordedPart, recorded: Verdict | None, number: int
    ) -> dict[Slot, Window]:
        """Of each sensor the window of that number.

        Every block is handed on in the order of arrival, at the place that it had for this window;
        each window is cut as soon as it is whole.
        """
        detectors = self.bundle.manifest.detectors
        sensors = [one for one in self._sensors.values() if number < len(one.offsets)]
        needs = [need(s, detectors[s.input].input, DELAY_S, number) for s in sensors]
        windower = Windower(needs, self._count)
        clocks = {
            s.id: SourceClock(
                s.id, s.clock, self._count, stamp=s.stamp, stamp_offset_ms=s.stamp_offset_ms
            )
            for s in sensors
        }
        kinds = {s.id: _kind(s, recorded) for s in sensors}
        windows: dict[Slot, Window] = {}
        edge_ns = part.trigger.edge_ns
        for name, came in _by_arrival(part):
            slot = name, number
            if name not in clocks or slot in windows:
                continue
            placed_ns = came.placed_ns(number)
            if not self._place(windower, clocks[name], kinds[name], name, came, placed_ns):
                continue
            whole = windower.cut(name, edge_ns, came.received_ns, number)
            if whole is not None:
                windows[slot] = whole
        return windows

    def _place(
        self,
        windower: Windower,
        clock: SourceClock,
        kind: ClockKind,
        name: str,
        came: RecordedBlock,
        placed_ns: int,
    ) -> bool:
        """Decode and place one block; False when it is refused."""
        one, wanted = self._sensors[name], self.bundle.manifest.detectors
        try:
            unpacked = codec.unpack(came.payload, came.properties, one)
            given = wanted[one.input].input
            data = (
                block.series(
                    unpacked, one, unit=given.unit, channels=given.channels, rate_hz=given.rate_hz
                )
                if given.kind == "series"
                else block.frame(unpacked, given.height, given.width)
            )
        except BadReading as error:
            self._count(name, error.cause)
            return False
        time_ns = placed_ns or clock.observe(
            unpacked.seq,
            unpacked.t0_ns,
            duration_ns=unpacked.duration_ns,
            period_ns=unpacked.period_ns,
            arrival_ns=came.received_ns,
            wall_anchor_ns=0,
        )
        sample = Sample(
            name, unpacked.seq, unpacked.t0_ns, came.received_ns, unpacked.rate_hz, data
        )
        windower.add(sample, time_ns, kind)
        return True

    def _answers_of(
        self, one: Sensor, windows: dict[Slot, Window], recorded: Verdict | None
    ) -> list[Answer]:
        report = recorded.sensors.get(one.id) if recorded else None
        label = report.baseline if report is not None else ""
        then: list[SensorReport | WindowReport | None] = [None] * len(one.offsets)
        if report is not None:
            then = list(report.windows or [report])
        return [
            self._answer(one, windows.get((one.id, number)), said, label)
            for number, said in enumerate(then)
        ]

    def _answer(
        self,
        one: Sensor,
        window: Window | None,
        report: SensorReport | WindowReport | None,
        baseline: str,  # label of that which the part was judged by
    ) -> Answer:
        if report is not None and report.status in ABSENT:
            return Answer(one, report.status, report.reason, window=window)
        if window is None:
            return Answer(one, "silent", "the recorded blocks do not fill its window")
        if report is not None:  # what its clock did before this part is not in the data either
            skew_ms, drift_ppm = report.skew_ms, report.drift_ppm
            quality = replace(window.quality, skew_ms=skew_ms, drift_ppm=drift_ppm)
            window = replace(window, quality=quality)
        try:
            score = self._detectors[one.input].infer(window)
            return Answer(one, "ok", "", window, score, self._offsets.get(baseline))
        except RunFailed as error:
            return Answer(one, "failed", str(error), window=window)

    def _count(self, _: str, cause: str, amount: int = 1) -> None:
        self.refused[cause] = self.refused.get(cause, 0) + amount


def sensor(name: str, described: dict[str, Any], one: Bundle) -> Sensor:
    """A recorded sensor: as LINE.toml had it, or as the simulator's pools describe theirs.

    Raises:
        ConfigError: the bundle has no detector for it.
    """
    if "input" in described:
        found = Sensor.model_validate(described)
    else:
        fitting = [n for n, d in one.manifest.detectors.items() if d.sense == described["sense"]]
        found = Sensor(
            id=name,
            link="recording",
            topic=name,
            input=fitting[0] if fitting else described["sense"],
            offset_s=CAMERA_OFFSET_S if described["sense"] == "camera" else 0.0,
        )
    if found.input not in one.manifest.detectors:
        raise ConfigError(f"{name}: {one.label} has no detector {found.input!r} for it")
    return found


def compare(judged: Judged, recorded: Verdict | None) -> Iterator[str]:
    """How a judgement differs from a recorded verdict, in words."""
    if recorded is None:
        return
    decided = judged.decided
    now = _said(decided.decision, decided.defect)
    then = _said(recorded.decision, recorded.defect)
    if now != then:
        yield f"decision {now}, recorded {then}"
    for name, report in recorded.sensors.items():
        mass = judged.reports[name].mass if name in judged.reports else {}
        for focal in sorted(mass.keys() | report.mass.keys()):
            gap = mass.get(focal, 0.0) - report.mass.get(focal, 0.0)
            if abs(gap) > TOLERANCE:
                yield f"{name}: mass of {focal} {gap:+.6f}"


def _kind(one: Sensor, recorded: Verdict | None) -> ClockKind:
    """What the daemon held of a sensor's clock: a recording is too short to find it out again."""
    report = recorded.sensors.get(one.id) if recorded else None
    if report is not None and report.clock:
        return report.clock
    return "synchronised" if one.clock == "synchronised" else "envelope"


def _by_arrival(part: RecordedPart) -> Iterator[tuple[str, RecordedBlock]]:
    blocks = ((name, came) for name, rows in part.blocks.items() for came in rows)
    yield from sorted(blocks, key=lambda one: one[1].received_ns)


def _said(decision: str, defect: str) -> str:
    return f"{decision} {defect}".strip()
