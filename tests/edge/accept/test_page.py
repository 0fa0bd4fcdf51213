"""The page shows what is wrong first, and takes nothing from a file as HTML."""

from dataclasses import replace

from edge.accept import agreement, escapes, latency, pod, singles
from edge.accept.attempts import Attempt, History
from edge.accept.criteria import criteria
from edge.accept.page import page
from edge.accept.passport import Certified
from edge.accept.report import Report, Wanted
from edge.accept.showing import Showing
from edge.verdict import ClockPoints, Verdict

from .shown import shown

ATTEMPT = Attempt("2026-11-26T10:00:00+00:00", "motor 1.0.0", "1" * 64, "/set", "5" * 64,
                  "openvino", ())  # fmt: skip
FRESH = History(0, 0, (), (), (), 0)


def made(seen: list[Showing], times_ms: list[float], history: History = FRESH) -> Report:
    caught = escapes.escapes(seen, 0.007)
    rated = agreement.agreement(agreement.ratings(seen, strict=False))
    compared = singles.compare(seen, {"ear": frozenset({"rub"})})
    measured = latency.latency(times_ms, "a bench", 50.0)
    rows = [(one.label.severity, one.is_stopped) for one in seen if not one.label.is_good]
    return Report(
        attempt=ATTEMPT,
        history=history,
        wanted=Wanted(),
        line="line.toml",
        station_names=("cell1",),
        engines=("openvino cpu int8",),
        labelled_parts=len(seen),
        groups=len(seen),
        kinds={},
        degraded=0,
        refused={},
        escapes=caught,
        good=escapes.good_parts(seen),
        agreement=rated,
        agreement_other=rated,
        detections=(pod.detection("all kinds", rows),),
        comparison=compared,
        certified=Certified(None, "no certificate", {}, ()),
        latency=measured,
        criteria=criteria(history, caught, rated, compared, measured),
        showings=(),
    )


def enough(escaped: int = 0) -> list[Showing]:
    """430 defects and 100 good parts; the ear hears nothing."""
    seen = [
        shown(f"P{k}", "ok" if k < escaped else "defect", severity=1.5, ear=0.9) for k in range(430)
    ]
    return seen + [shown(f"G{k}", "ok", ear=0.9) for k in range(100)]


def test_all_demands_met_is_accepted() -> None:
    report = made(enough(), [10.0] * 299)
    assert {one.state for one in report.criteria} == {"met"}
    assert report.is_accepted
    assert '<p class="verdict">Accepted</p>' in page(report)
    assert report.as_data()["accepted"] is True


def test_one_escape_too_many_or_one_run_too_few_is_not() -> None:
    escaped = made(enough(1), [10.0] * 299)
    assert not escaped.is_accepted
    assert "needs 246 more defective parts" in page(escaped)  # 676 with one escape
    assert not made(enough(), [10.0] * 298).is_accepted
    unknown = made(enough(), [])
    assert not unknown.is_accepted
    assert "Not measured: latency bound." in page(unknown)


def test_a_single_sensor_that_finds_more_is_not_accepted() -> None:
    seen = [shown(f"P{k}", "ok", severity=1.5, ear=0.1) for k in range(12)]
    report = made([*seen, shown("G", "ok", ear=0.9)], [10.0] * 299)
    assert report.criteria[3].state == "not met"
    assert "the single sensor finds more" in page(report)


def test_warnings_stand_before_the_verdict() -> None:
    used = replace(FRESH, same=("2026-11-01T08:00:00+00:00",), unreadable=2)
    text = page(made(enough(), [10.0] * 299, used))
    assert text.index("Not the first use") < text.index('class="verdict"')
    assert "log of attempts is damaged: 2" in text


def test_parts_used_in_another_set_are_not_accepted() -> None:
    used = replace(FRESH, overlapping=("2026-11-01T08:00:00+00:00",))
    assert not made(enough(), [10.0] * 299, used).is_accepted


def test_names_from_files_are_escaped() -> None:
    seen = [shown("<script>alert(1)</script>", "ok", severity=2.0, appraiser="<b>", ear=0.1)]
    text = page(made([*seen, shown("G", "ok", ear=0.9)], []))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<td><b></td>" not in text


def verdict(sealed_ms: float, trigger_ms: float, *, recovered: bool, bundle: str) -> Verdict:
    clock = dict.fromkeys(ClockPoints.model_fields, 0) | {
        "window_end_ns": 1_000_000_000,
        "trigger_received_ns": 1_000_000_000 + round(trigger_ms * 1e6),
        "sealed_ns": 1_000_000_000 + round(sealed_ms * 1e6),
    }
    return Verdict.model_construct(
        clock=ClockPoints(**clock), recovered=recovered, bundle_sha256=bundle
    )


def test_live_verdicts_count_from_the_later_of_window_and_trigger() -> None:
    own, other = "1" * 64, "2" * 64
    seen = [
        verdict(12.0, -400.0, recovered=False, bundle=own),
        verdict(32.0, 20.0, recovered=False, bundle=own),
        verdict(900.0, 0.0, recovered=True, bundle=own),
        verdict(40.0, 0.0, recovered=False, bundle=other),
        None,
    ]
    assert latency.of_verdicts(seen, own) == [12.0, 12.0]
