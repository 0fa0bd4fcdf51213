"""From what each sensor answered about one part to its verdict. Pure: no clock, no I/O.

The live pipeline and the replay of recorded parts both call `judge`, so that what is replayed is
what was judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.baseline import Offset
from edge.bundle import Bundle
from edge.certificate import Ran, Standing, standing
from edge.config import Sensor
from edge.fusion.combination import Combination, combine
from edge.fusion.decision import Absence, Criteria, Decided, criteria, decide_by
from edge.fusion.doubt import barring, believed, measures, unlike
from edge.fusion.evidence import excludes, placed, signs, statement
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.grounds import Grounds, grounds
from edge.inference.detector import Score
from edge.verdict import SensorReport, Status
from sensors.signal import Window

FOR_ONE_WINDOW = "thresholds were set for one window of a sensor"  # no bundle says of more
FOR_NO_BASELINE = "thresholds were set without a baseline; edge accept measures this station"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one sensor contributed: a score, or the reason why there is none."""

    sensor: Sensor
    status: Status  # of the waiting; "ok" when a score came in time
    reason: str = ""
    window: Window | None = None
    score: Score | None = None
    offset: Offset | None = None  # of the station's own good parts; None: it has no baseline


@dataclass(frozen=True, slots=True)
class Judged:
    """The fused opinion on one part, before it becomes a verdict."""

    decided: Decided
    combination: Combination
    grounds: Grounds
    degraded: tuple[str, ...]
    certified: Standing

    @property
    def reports(self) -> Mapping[str, SensorReport]:
        return self.grounds.reports


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer and what it says of the part; made as each answer comes, before the last one."""

    answer: Answer
    report: SensorReport
    mass: Mass
    sets: Mapping[int, str]  # that it can speak of, and their classes; none when not at work
    unfamiliar: str = ""  # what looks so foreign that it may be the part: it must not pass
    unseen: tuple[str, ...] = ()  # of several windows those without evidence, while others have it


def hear(answer: Answer, bundle: Bundle) -> Heard:
    """Evidence of one window of a sensor; `edge.windows.join` makes one of several."""
    frame = Frame(bundle.manifest.hypotheses)
    report, window, score = _report(answer), answer.window, answer.score
    if window is None or score is None:
        return Heard(answer, report, vacuous(frame), {})
    detector = bundle.manifest.detectors[answer.sensor.input]
    familiar = bundle.familiar.get(answer.sensor.input)
    logits, embedding, offset = score.logits, score.embedding, answer.offset
    if offset is not None:
        logits, embedding = offset.taken_off(logits, embedding)
    found = measures(window.quality, logits, embedding, detector.temperature, familiar)
    if offset is not None:
        found = offset.measures(found)
    doubts = [
        *placed(window.clock),
        *signs(window.quality, bundle.manifest.rejecting),
        *unlike(detector.monitor, found),
    ]
    health, why = believed(doubts)
    strange = barring(doubts)
    if strange and answer.sensor.on_foreign == "accept":
        health, strange = 0.0, ""  # the plant takes it for a missing one
    said = statement(logits, detector, frame, health)
    spoken = {
        "status": "ok" if health == 1.0 else "sick",
        "reason": why,
        "engine": f"{score.engine} {score.precision}",
        "probabilities": {k: round(v, 6) for k, v in said.probabilities.items()},
        "mass": {frame.label(k): round(v, 6) for k, v in said.mass.items()},
        "reliability": health,
        "measured": {k: float(f"{v:.4g}") for k, v in found.items()},
        "baseline": offset.label if offset is not None else "",
    }
    sets = said.sets if health > 0.0 else {}
    return Heard(answer, report.model_copy(update=spoken), said.mass, sets, strange)


@dataclass(frozen=True, slots=True)
class Together:
    """What all sensors say at once, and what that is held against."""

    combination: Combination
    criteria: Criteria
    at_work: tuple[Heard, ...]  # the sensors that are believed at all


def together(heard: Sequence[Heard], bundle: Bundle) -> Together:
    """Evidence of every sensor, one of each, combined, beside the criteria of those at work.

    A sensor that is too sick to be believed is an absent one, which the plant may accept. Not so
    one whose window looks foreign: it is not absent, it saw something, and that may be the part.
    Where the plant accepts no absence, a sensor that is not healthy lets no part pass either: half
    believed, it may just miss the defect.
    """
    manifest = bundle.manifest
    frame = Frame(manifest.hypotheses)
    at_work: list[Heard] = []
    absent: list[Absence] = []
    doubted: list[str] = []
    watched = 0
    for one in heard:
        sensor = one.answer.sensor
        rules_out = excludes(manifest.detectors[sensor.input], frame, manifest.good)
        is_accepted = sensor.on_missing == "accept"
        if one.report.reliability > 0.0:
            at_work.append(one)
            if one.report.reliability < 1.0 and not is_accepted and not one.unfamiliar:
                doubted.append(f"{sensor.id} is not healthy ({one.report.reason})")
            watched |= rules_out
            absent += [Absence(f"{sensor.id}, {it},", is_accepted, 0) for it in one.unseen]
        elif not one.unfamiliar:
            absent.append(Absence(sensor.id, is_accepted, rules_out))
    combination = combine(manifest.rule, [one.mass for one in heard])
    thresholds = manifest.thresholds_for(frozenset(one.answer.sensor.input for one in at_work))
    doubted += [f"{one.answer.sensor.id}: {one.unfamiliar}" for one in heard if one.unfamiliar]
    held = criteria(frame, manifest.good, thresholds, absent, watched=watched, doubted=doubted)
    return Together(combination, held, tuple(at_work))


def weigh(heard: Sequence[Heard], bundle: Bundle) -> Judged:
    """Evidence of every sensor, combined and decided upon."""
    manifest = bundle.manifest
    all_of_it = together(heard, bundle)
    combination, held = all_of_it.combination, all_of_it.criteria
    stands = held.standing(combination)
    decided = decide_by(held, combination, stands)
    reports = {one.answer.sensor.id: one.report for one in heard}
    why = grounds(manifest.rule, combination, reports, [h.sets for h in heard], held, stands)
    degraded = [f"{s}: {r.reason or r.status}" for s, r in reports.items() if r.status != "ok"]
    ran = [(one.answer.sensor.input, _ran(one)) for one in all_of_it.at_work]
    certified = standing(manifest.certificate, manifest.vouched_sha256, ran)
    if any(one.report.windows for one in heard):
        certified = Standing(False, f"not certified: {FOR_ONE_WINDOW}")
    elif any(one.report.baseline for one in heard):
        certified = Standing(False, f"not certified: {FOR_NO_BASELINE}")
    return Judged(decided, combination, why, tuple(degraded), certified)


def _ran(one: Heard) -> Ran:
    score = one.answer.score
    assert score is not None  # nothing is believed of a sensor that did not answer
    return Ran(engine=score.engine, precision=score.precision)


def _report(answer: Answer) -> SensorReport:
    """What is known without a score."""
    window = answer.window
    report = SensorReport(
        status=answer.status,
        reason=answer.reason,
        detector=answer.sensor.input,
        clock=window.clock if window else "",
    )
    if window is None:
        return report
    quality = window.quality
    looks = {
        "coverage": quality.coverage,
        "gaps": quality.gaps,
        "clipped": quality.clipped,
        "repeated": quality.repeated,
        "held": quality.waveform.held if quality.waveform else 0.0,
        "dark": quality.appearance.dark if quality.appearance else 0.0,
        "skew_ms": round(quality.skew_ms, 3),
        "drift_ppm": round(quality.drift_ppm, 1),
    }
    return report.model_copy(update=looks)
