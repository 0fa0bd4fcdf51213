"""The whole report as data: what was judged, by what, what came out, and whether it is enough."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.accept import agreement, escapes, latency, passport, pod, singles
from edge.accept.agreement import Agreement
from edge.accept.attempts import Attempt, History
from edge.accept.criteria import Criterion, criteria
from edge.accept.escapes import Escapes, Good
from edge.accept.labelled import LabelledSet
from edge.accept.latency import Latency
from edge.accept.passport import Certified
from edge.accept.pod import Detection
from edge.accept.showing import Judged, Showing
from edge.accept.singles import Comparison
from edge.bundle import Bundle

FORMAT = 1
ALL = "all kinds"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the plant asks for."""

    escape_rate: float = 0.007
    confidence: float = 0.95
    strict: bool = False  # a defect below its limit must pass, as AIAG counts
    deadline_ms: float = 50.0


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is printed."""

    attempt: Attempt
    history: History
    wanted: Wanted
    line: str  # the configuration file
    station_names: tuple[str, ...]
    engines: tuple[str, ...]
    labelled_parts: int
    groups: int
    kinds: Mapping[str, Mapping[str, int]]  # hypothesis -> showings good / below / at or above
    degraded: int  # showings judged without a sensor, or with a sick one
    refused: Mapping[str, int]  # blocks, by cause
    escapes: Escapes
    good: Good
    agreement: Agreement  # as wanted
    agreement_other: Agreement  # by the other rule about defects below their limit
    detections: tuple[Detection, ...]
    comparison: Comparison
    certified: Certified
    latency: Latency
    criteria: tuple[Criterion, ...]
    showings: tuple[Mapping[str, Any], ...]  # every part: its truth, and what was said of it

    @property
    def is_accepted(self) -> bool:
        return all(one.state == "met" for one in self.criteria)

    def as_data(self) -> dict[str, Any]:
        """For JSON: NaN is null; parts of the attempt stand in the log."""
        data = asdict(self)
        data["attempt"].pop("parts")
        return {
            "format": FORMAT,
            "accepted": self.is_accepted,
            "first_use": self.history.is_first_use,
            **_plain(data),
        }


def report(
    labelled: LabelledSet,
    judged: Judged,
    bundle: Bundle,
    attempt: Attempt,
    history: History,
    wanted: Wanted,
    line: str,
    measured: Latency,
) -> Report:
    """Evaluate a judged set."""
    showings = judged.showings
    caught = escapes.escapes(showings, wanted.escape_rate, wanted.confidence)
    by_rule = {
        strict: agreement.agreement(agreement.ratings(showings, strict=strict), wanted.confidence)
        for strict in (False, True)
    }
    compared = singles.compare(showings, _own_kinds(showings, bundle), wanted.confidence)
    return Report(
        attempt=attempt,
        history=history,
        wanted=wanted,
        line=line,
        station_names=tuple(one.name for one in labelled.recordings),
        engines=judged.engines,
        labelled_parts=len(showings),
        groups=labelled.groups,
        kinds=_kinds(showings, bundle.manifest.hypotheses),
        degraded=sum(one.degraded for one in showings),
        refused=judged.refused,
        escapes=caught,
        good=escapes.good_parts(showings, wanted.confidence),
        agreement=by_rule[wanted.strict],
        agreement_other=by_rule[not wanted.strict],
        detections=_detections(showings, wanted.confidence),
        comparison=compared,
        certified=passport.certified(bundle.manifest, judged.engines),
        latency=measured,
        criteria=criteria(history, caught, by_rule[wanted.strict], compared, measured),
        showings=tuple(_row(one) for one in showings),
    )


def measured_latency(
    judged: Judged,
    bundle: Bundle,
    bench: tuple[Sequence[float], str] | None,
    wanted: Wanted,
) -> Latency:
    """From the live verdicts of the recordings where there are any, else from a bench."""
    live = latency.of_verdicts((one.recorded for one in judged.showings), bundle.sha256)
    times, source = (
        live,
        "verdicts that this bundle gave live, kept with the recordings: to sealing",
    )
    if not live and bench:
        times, source = list(bench[0]), f"edge bench: to a subscriber's receipt, on {bench[1]}"
    return latency.latency(
        times, source if times else "not measured", wanted.deadline_ms, wanted.confidence
    )


def _own_kinds(showings: Sequence[Showing], bundle: Bundle) -> dict[str, frozenset[str]]:
    """Sensor -> defects that its detector can name."""
    manifest = bundle.manifest
    own = {
        name: singles.kinds_seen(manifest.detectors[detector], manifest.good)
        for one in showings
        for name, detector in one.detectors.items()
    }
    return dict(sorted(own.items()))


def _kinds(showings: Sequence[Showing], hypotheses: Sequence[str]) -> dict[str, dict[str, int]]:
    counted = {}
    for name in hypotheses:
        own = [one.label for one in showings if one.label.hypothesis == name]
        counted[name] = {
            "showings": len(own),
            "below": sum(not one.is_good and not one.is_reject for one in own),
            "rejects": sum(one.is_reject for one in own),
            "parts": len({one.group for one in own}),
        }
    return counted


def _detections(showings: Sequence[Showing], confidence: float) -> tuple[Detection, ...]:
    """All kinds together, then each."""
    defects = [one for one in showings if not one.label.is_good]
    kinds = sorted({one.label.hypothesis for one in defects})
    rows = {ALL: defects} | {
        kind: [one for one in defects if one.label.hypothesis == kind] for kind in kinds
    }
    return tuple(
        pod.detection(
            name,
            pod.first_showings(
                [(one.label.group, one.label.severity, one.is_stopped) for one in own]
            ),
            confidence,
        )
        for name, own in rows.items()
    )


def _row(one: Showing) -> dict[str, Any]:
    return {
        **asdict(one.label),
        "decision": one.decision,
        "defect": one.defect,
        "degraded": one.degraded,
        "passing": dict(one.passing),
    }


def _plain(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
