"""Several windows of one sensor on one part, as one piece of evidence. Pure.

Each window is heard by itself (`edge.judge.hear`), as far as its own look lets it be believed. The
sensor then speaks with one mass, so that everything after it (the rule across sensors, conflict,
what would decide otherwise) knows sensors and no windows.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from edge.bundle import Bundle
from edge.fusion.mass import vacuous
from edge.fusion.sightings import least_conflict, together
from edge.judge import Heard
from edge.verdict import SensorReport, WindowReport

_KEPT = tuple(name for name in WindowReport.model_fields if name in SensorReport.model_fields)


def join(heard: Sequence[Heard], bundle: Bundle) -> Heard:
    """What one sensor says by all its windows, which come in their order; by one window: that.

    A window that is silent, late or too sick to be believed takes no part in the mass; unless the
    plant accepts the sensor's absence, it bars the part from passing, for only that window may have
    shown the defect.

    Raises:
        Undefined: a window leaves nothing open (its detector has a discount of 1).
    """
    if len(heard) == 1:
        return heard[0]
    offsets_s = heard[0].answer.sensor.offsets
    working = [one for one in heard if one.report.reliability > 0.0]
    frame = heard[0].mass.frame
    good = frame.mask([bundle.manifest.good])
    defects = frame.everything & ~good
    mass = together([one.mass for one in working], good) if working else vacuous(frame)
    leading = max(working or heard, key=lambda one: one.mass.belief(defects))
    apart = [least_conflict(a.mass, b.mass) for a, b in combinations(working, 2)]
    report = leading.report.model_copy(
        update={
            **_state([one.report for one in heard], offsets_s),
            "mass": {frame.label(k): round(v, 6) for k, v in mass.items()} if working else {},
            "reliability": min((one.report.reliability for one in working), default=0.0),
            "conflict_within": round(max(apart, default=0.0), 6),
            "windows": tuple(_windows([one.report for one in heard], offsets_s)),
        }
    )
    unseen = tuple(
        window_words(offset_s)
        for one, offset_s in zip(heard, offsets_s, strict=True)
        if working and one.report.reliability == 0.0
    )
    sets = working[0].sets if working else {}
    return Heard(leading.answer, report, mass, sets, unseen=unseen)


def window_words(offset_s: float) -> str:
    """A window for people."""
    return f"window at {offset_s:g} s"


def _state(reports: Sequence[SensorReport], offsets_s: Sequence[float]) -> dict[str, object]:
    """The worst of what is known of the windows' data, and what is wrong with which."""
    doubts = [(at, one) for at, one in zip(offsets_s, reports, strict=True) if one.status != "ok"]
    said = {(one.status, one.reason) for _, one in doubts}
    if len(doubts) == len(reports) and len(said) == 1:
        reason = doubts[0][1].reason
    else:
        reason = "; ".join(f"{window_words(at)}: {one.reason or one.status}" for at, one in doubts)
    return {
        "status": doubts[0][1].status if doubts else "ok",
        "reason": reason,
        "clock": next((one.clock for one in reports if one.clock), ""),
        "coverage": min(one.coverage for one in reports),
        "gaps": sum(one.gaps for one in reports),
        "clipped": max(one.clipped for one in reports),
        "repeated": max(one.repeated for one in reports),
    }


def _windows(reports: Sequence[SensorReport], offsets_s: Sequence[float]) -> Iterator[WindowReport]:
    for offset_s, one in zip(offsets_s, reports, strict=True):
        kept = {name: getattr(one, name) for name in _KEPT}
        yield WindowReport.model_construct(offset_s=offset_s, **kept)  # a report's values, checked
