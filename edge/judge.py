"""From what each sensor answered about one part to its verdict. Pure: no clock, no I/O.

The live pipeline and the replay of recorded parts both call `judge`, so that what is replayed is
what was judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.accepted import Accepted
from edge.bundle import Bundle
from edge.config import Sensor
from edge.fusion.combination import Combination, combine
from edge.fusion.decision import Absence, Decided, criteria, decide_by
from edge.fusion.evidence import excludes, placed, reliability, statement
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.grounds import Grounds, grounds
from edge.inference.detector import Score
from edge.verdict import ClockPoints, Decision, ErrorCode, SensorReport, Status, Verdict, iso
from sensors.signal import Trigger, Window

CODES = {"ok": Decision.OK, "defect": Decision.DEFECT, "uncertain": Decision.UNCERTAIN}
UNKNOWN_DEFECT = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What one sensor contributed: a score, or the reason why there is none."""

    sensor: Sensor
    status: Status  # of the waiting; "ok" when a score came in time
    reason: str = ""
    window: Window | None = None
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """Clock points so far, box time; `epoch_ns` is added to each to make them epoch times."""

    window_end_ns: int
    deadline_ns: int
    epoch_ns: int
    is_expired: bool = False  # the trigger came too late for its part

    def epoch(self, box_ns: int) -> int:
        return box_ns + self.epoch_ns if box_ns else 0


@dataclass(frozen=True, slots=True)
class Judged:
    """The fused opinion on one part, before it becomes a verdict."""

    decided: Decided
    combination: Combination
    grounds: Grounds
    degraded: tuple[str, ...]

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


def hear(answer: Answer, bundle: Bundle) -> Heard:
    """Evidence of one sensor."""
    return Heard(answer, *_evidence(answer, bundle, Frame(bundle.manifest.hypotheses)))


def weigh(heard: Sequence[Heard], bundle: Bundle) -> Judged:
    """Evidence of every sensor, combined and decided upon."""
    manifest = bundle.manifest
    frame = Frame(manifest.hypotheses)
    reports = {one.answer.sensor.id: one.report for one in heard}
    absent: list[Absence] = []
    watched = 0
    for one in heard:
        sensor = one.answer.sensor
        rules_out = excludes(manifest.detectors[sensor.input], frame, manifest.good)
        if one.report.reliability > 0.0:
            watched |= rules_out
        else:
            absent.append(Absence(sensor.id, sensor.on_missing == "accept", rules_out))
    combination = combine(manifest.rule, [one.mass for one in heard])
    working = frozenset(h.answer.sensor.input for h in heard if h.report.reliability > 0.0)
    thresholds = manifest.thresholds_for(working)
    held = criteria(frame, manifest.good, thresholds, absent, watched=watched)
    standing = held.standing(combination)
    decided = decide_by(held, combination, standing)
    why = grounds(manifest.rule, combination, reports, [h.sets for h in heard], held, standing)
    degraded = [f"{s}: {r.reason or r.status}" for s, r in reports.items() if r.status != "ok"]
    return Judged(decided, combination, why, tuple(degraded))


def _evidence(
    answer: Answer, bundle: Bundle, frame: Frame
) -> tuple[SensorReport, Mass, Mapping[int, str]]:
    window, score = answer.window, answer.score
    quality = window.quality if window else None
    report = SensorReport(
        status=answer.status,
        reason=answer.reason,
        detector=answer.sensor.input,
        clock=window.clock if window else "",
        coverage=quality.coverage if quality else 0.0,
        gaps=quality.gaps if quality else 0,
        clipped=quality.clipped if quality else 0.0,
        repeated=quality.repeated if quality else 0.0,
    )
    if score is None or quality is None or window is None:
        return report, vacuous(frame), {}
    health, why = placed(window.clock, reliability(quality, bundle.manifest.rejecting))
    said = statement(score.logits, bundle.manifest.detectors[answer.sensor.input], frame, health)
    spoken = {
        "status": "ok" if health == 1.0 else "sick",
        "reason": why,
        "engine": f"{score.engine} {score.precision}",
        "probabilities": {k: round(v, 6) for k, v in said.probabilities.items()},
        "mass": {frame.label(k): round(v, 6) for k, v in said.mass.items()},
        "reliability": health,
    }
    return report.model_copy(update=spoken), said.mass, said.sets if health > 0.0 else {}


def verdict(
    accepted: Accepted,
    answers: Sequence[Answer],
    judged: Judged,
    bundle: Bundle,
    times: Times,
    *,
    site: str,
    line: str,
    fused_ns: int,
    sealed_ns: int,
) -> Verdict:
    """The plant's copy: everything that was known, in one frozen value."""
    trigger, manifest = accepted.trigger, bundle.manifest
    decided, why, frame = judged.decided, judged.grounds, judged.combination.mass.frame
    is_late = sealed_ns > times.deadline_ns or times.is_expired or accepted.is_recovered
    edge_epoch_ns = times.epoch(trigger.edge_ns)
    return Verdict(
        id=accepted.id,
        site=site,
        line=line,
        station=trigger.station,
        sequence=trigger.sequence,
        part=accepted.part,
        part_was_read=accepted.part_was_read,
        recipe=trigger.recipe,
        time=iso(edge_epoch_ns),
        time_ns=edge_epoch_ns,
        decision=decided.decision,
        decision_code=CODES[decided.decision],
        defect=decided.defect,
        defect_code=_defect_code(decided.defect, frame),
        reason=decided.reason,
        degraded=bool(judged.degraded),
        degraded_reason="; ".join(judged.degraded),
        recovered=accepted.is_recovered,
        late=is_late,
        error_code=_error_code(is_late, accepted.is_recovered, bool(judged.degraded)),
        sensor_to_sealed_ms=round((sealed_ns - times.window_end_ns) / 1e6, 3),
        trigger_age_ms=round((trigger.received_ns - trigger.edge_ns) / 1e6, 3),
        bundle=manifest.name,
        bundle_version=manifest.version,
        bundle_sha256=bundle.sha256,
        **why.numbers,
        counterfactual=why.counterfactual,
        flip_sensor=why.flip_sensor,
        flip_share=why.flip_share,
        sensors=dict(judged.reports),
        clock=_clock(trigger, answers, times, fused_ns, sealed_ns),
    )


def _clock(
    trigger: Trigger, answers: Sequence[Answer], times: Times, fused_ns: int, sealed_ns: int
) -> ClockPoints:
    windows = [a.window for a in answers if a.window]
    scores = [a.score for a in answers if a.score]
    return ClockPoints(
        trigger_ns=times.epoch(trigger.edge_ns),
        trigger_received_ns=times.epoch(trigger.received_ns),
        window_end_ns=times.epoch(times.window_end_ns),
        received_ns=times.epoch(max((w.received_ns for w in windows), default=0)),
        ready_ns=times.epoch(max((w.ready_ns for w in windows), default=0)),
        inferred_ns=times.epoch(max((s.inferred_ns for s in scores), default=0)),
        fused_ns=times.epoch(fused_ns),
        sealed_ns=times.epoch(sealed_ns),
        deadline_ns=times.epoch(times.deadline_ns),
    )


def _defect_code(defect: str, frame: Frame) -> int:
    if not defect:
        return 0
    return frame.hypotheses.index(defect) if defect in frame.hypotheses else UNKNOWN_DEFECT


def _error_code(is_late: bool, is_recovered: bool, is_degraded: bool) -> ErrorCode:
    if is_recovered:
        return ErrorCode.RECOVERED
    if is_late:
        return ErrorCode.EXPIRED
    return ErrorCode.DEGRADED if is_degraded else ErrorCode.NONE
