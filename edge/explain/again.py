"""The counterfactual of a verdict, from what stands in it: for rules that have no closed form."""

import math

from edge.fusion.counterfactual import STRAIGHT, least, search
from edge.fusion.decision import Criteria
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.grounds import sentence
from edge.manifest import Thresholds
from edge.verdict import Flip, SensorReport, Verdict

BEFORE = "this verdict was sealed by a release that did not say what it was held against"


def counterfactual(verdict: Verdict) -> str:
    """In words: as it was sealed, or else searched for."""
    if verdict.rule in STRAIGHT and verdict.counterfactual:
        return verdict.counterfactual
    held = criteria(verdict)
    if held is None:
        return BEFORE
    masses = [_mass(report, held.frame) for report in verdict.sensors.values()]
    sets = [_sets(report, held.frame) for report in verdict.sensors.values()]
    flip = least(search(verdict.rule, masses, sets, held))
    if flip is None:
        return sentence("", None, held.bars)
    name = "" if flip.to == held.frame.everything else held.frame.label(flip.to)
    shown = Flip(share=flip.share, to=held.frame.label(flip.to), said=name, becomes=flip.becomes)
    return sentence(list(verdict.sensors)[flip.source], shown, held.bars)


def criteria(verdict: Verdict) -> Criteria | None:
    """What the part was held against; None where an earlier release did not write it down."""
    ok, defect = verdict.threshold_ok, verdict.threshold_defect
    conflict = verdict.threshold_conflict
    if ok is None or defect is None or conflict is None:
        return None
    frame = Frame(tuple(verdict.belief))
    return Criteria(
        frame,
        verdict.good,
        Thresholds(ok_belief=ok, defect_belief=defect, conflict=conflict),
        frame.subset(verdict.unasked) if verdict.unasked else 0,
        (verdict.barred,) if verdict.barred else (),
    )


def _mass(report: SensorReport, frame: Frame) -> Mass:
    """As it was written, with six decimals; the rest of the rounding is shared by all."""
    if not report.mass or report.reliability == 0.0:
        return vacuous(frame)
    total = math.fsum(report.mass.values())
    return Mass(frame, {frame.subset(k): v / total for k, v in report.mass.items()})


def _sets(report: SensorReport, frame: Frame) -> list[int]:
    if report.reliability == 0.0:
        return []
    return [at for at in map(frame.subset, report.mass) if at != frame.everything]
