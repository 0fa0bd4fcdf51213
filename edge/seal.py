"""The verdict of a part that was judged: everything that was known, in one frozen value. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.accepted import Accepted
from edge.bundle import Bundle
from edge.fusion.frame import Frame
from edge.judge import Answer, Judged
from edge.verdict import ClockPoints, Decision, ErrorCode, Verdict, iso
from sensors.signal import Trigger

CODES = {"ok": Decision.OK, "defect": Decision.DEFECT, "uncertain": Decision.UNCERTAIN}
UNKNOWN_DEFECT = 255


@dataclass(frozen=True, slots=True)
class Times:
    """Clock points so far, box time; `epoch_ns` is added to each to make them epoch times."""

    window_end_ns: int
    deadline_ns: int
    epoch_ns: int
    is_expired: bool = False  # the trigger came too late for its part

    def epoch(self, box_ns: int) -> int:
        return box_ns + self.epoch_ns if box_ns else 0


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
        certified=judged.certified.is_certified,
        certificate=judged.certified.words,
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
