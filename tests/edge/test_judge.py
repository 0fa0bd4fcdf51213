"""What each sensor answered becomes one verdict that says what was missing, and why."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.accepted import Accepted
from edge.bundle import Bundle
from edge.config import Sensor
from edge.inference.detector import Score
from edge.judge import Answer, hear, weigh
from edge.manifest import Manifest
from edge.metrics import Metrics
from edge.monitor import Band
from edge.seal import Times, verdict
from edge.verdict import Verdict
from sensors.signal import Appearance, Quality, Trigger, Waveform, Window

SECOND = 1_000_000_000
EPOCH = 1_700_000_000 * SECOND  # 2023-11-14T22:13:20Z
HASH = "0" * 64
EDGE = 5 * SECOND  # on the box's clock
END = EDGE + SECOND // 2


def detector(sense: str, *classes: dict[str, Any]) -> dict[str, Any]:
    series = {"kind": "series", "name": "x", "unit": "Pa", "channels": 1, "rate_hz": 100.0}
    return {
        "sense": sense,
        "file": f"{sense}.onnx",
        "input": series | {"length": 50},
        "discount": 1.0,
        "classes": classes,
    }


def manifest() -> Manifest:
    """A camera that sees scratches, an ear that hears rubbing."""
    return Manifest.model_validate(
        {
            "format": 1,
            "name": "two",
            "version": "1.0.0",
            "hypotheses": ["ok", "scratch", "rub"],
            "detectors": {
                "camera": detector(
                    "camera",
                    {"name": "good", "hypotheses": ["ok", "rub"], "prior": 0.5},
                    {"name": "scratch", "hypotheses": ["scratch"], "prior": 0.5},
                ),
                "audio": detector(
                    "audio",
                    {"name": "good", "hypotheses": ["ok", "scratch"], "prior": 0.5},
                    {"name": "rub", "hypotheses": ["rub"], "prior": 0.5},
                ),
            },
            "thresholds": [{"ok_belief": 0.8, "defect_belief": 0.5, "conflict": 0.3}],
            "files": {"camera.onnx": HASH, "audio.onnx": HASH},
            "origin": {"command": "test", "data": "none", "created": "2026-01-01"},
        }
    )


def sensor(name: str, **policy: str) -> Sensor:
    return Sensor.model_validate(
        {"id": f"st1-{name}", "link": "l", "topic": "t", "input": name, **policy}
    )


def heard(name: str, good: float, quality: Quality | None = None, **policy: str) -> Answer:
    """A detector that gives its good class the probability `good`."""
    window = Window(
        f"st1-{name}",
        np.zeros((1, 50), np.float32),
        EDGE,
        END,
        END + 3_000_000,
        END + 4_000_000,
        "envelope",
        quality or Quality(),
    )
    logits = np.log(np.array([good, 1 - good], np.float32))
    score = Score(f"st1-{name}", name, logits, None, None, END + 6_000_000, 1, "engine", "int8")
    return Answer(sensor(name, **policy), "ok", window=window, score=score)


def missing(name: str, on_missing: str = "inspect") -> Answer:
    return Answer(sensor(name, on_missing=on_missing), "silent", "no data in the part's window")


def judged(
    *answers: Answer, sealed_ns: int = END + 10_000_000, passport: Manifest | None = None
) -> Verdict:
    bundle = Bundle(Path("/nowhere"), passport or manifest(), HASH)
    trigger = Trigger("st1", 7, "A7", "motor", EPOCH, EDGE, EDGE + 2_000_000)
    return verdict(
        Accepted("st1-7-1", trigger, "A7", True),
        answers,
        weigh([hear(one, bundle) for one in answers], bundle),
        bundle,
        Times(END, END + 50_000_000, EPOCH - EDGE),
        site="s",
        line="l",
        fused_ns=sealed_ns - 100_000,
        sealed_ns=sealed_ns,
    )


def test_two_good_answers_on_sets_intersect_to_ok() -> None:
    # {ok,rub} 0.95 and {ok,scratch} 0.9 are independent: m(ok) = 0.95 * 0.9 (Shafer 1976, ch. 3)
    said = judged(heard("camera", 0.95), heard("audio", 0.90))
    assert said.decision == "ok"
    assert said.belief_ok == pytest.approx(0.855, abs=1e-6)
    assert said.conflict == pytest.approx(0.05 * 0.10, abs=1e-6)  # scratch against rub
    assert not said.degraded


def test_a_defect_that_one_sensor_alone_can_see_is_named() -> None:
    said = judged(heard("camera", 0.02), heard("audio", 0.97))
    assert (said.decision, said.defect, said.defect_code) == ("defect", "scratch", 1)


def test_a_silent_sensor_is_ignorance_and_the_verdict_says_so() -> None:
    said = judged(missing("camera"), heard("audio", 0.99))
    assert said.decision == "uncertain"
    assert said.belief_ok == 0.0
    assert said.plausibility["scratch"] > 0.9
    assert said.sensors["st1-camera"].status == "silent"
    assert "st1-camera" in said.degraded_reason
    assert said.error_code == 1


def test_a_part_passes_without_a_sensor_only_where_the_plant_accepts_that() -> None:
    said = judged(missing("camera", "accept"), heard("audio", 0.99))
    assert said.decision == "ok"
    assert said.degraded


def test_a_stuck_sensor_is_not_believed_however_sure_it_is() -> None:
    said = judged(heard("camera", 0.999, Quality(repeated=1.0)), heard("audio", 0.99))
    assert said.decision == "uncertain"
    assert said.sensors["st1-camera"].status == "sick"
    assert "stuck" in said.degraded_reason


def watched(**limits: float) -> Manifest:
    """The same two, and healthy pictures are known to be so bright."""
    plain = manifest()
    camera = plain.detectors["camera"].model_copy(
        update={"monitor": {"brightness": Band(**limits)}}
    )
    return plain.model_copy(update={"detectors": {**plain.detectors, "camera": camera}})


DIM = Quality(appearance=Appearance(brightness=0.2, dark=0.0, white=0.0, sharpness=1.0))


def test_a_part_that_looks_foreign_never_passes_though_its_sensor_may_be_missing() -> None:
    """Such a picture is a lamp that is out, or a part as nobody has seen it."""
    passport = watched(low_sick=0.3, low=0.4)
    blind = heard("camera", 0.999, DIM, on_missing="accept")
    said = judged(blind, heard("audio", 0.99), passport=passport)
    assert said.decision == "uncertain"
    assert said.barred == "st1-camera: dark: brightness 0.2 < 0.4"
    assert said.unasked == ""
    report = said.sensors["st1-camera"]
    assert (report.status, report.reliability) == ("sick", 0.0)
    assert report.measured["brightness"] == 0.2
    without = judged(missing("camera", "accept"), heard("audio", 0.99), passport=passport)
    assert (without.decision, without.unasked) == ("ok", "scratch")


def test_a_plant_may_take_a_sensor_that_sees_something_foreign_for_a_sick_one() -> None:
    passport = watched(low_sick=0.3, low=0.4)
    blind = heard("camera", 0.999, DIM, on_missing="accept", on_foreign="accept")
    said = judged(blind, heard("audio", 0.99), passport=passport)
    assert (said.decision, said.unasked, said.barred) == ("ok", "scratch", "")
    assert said.sensors["st1-camera"].reason == "dark: brightness 0.2 < 0.4"
    slightly = watched(low_sick=0.0, low=0.201)  # nearly believed: it is foreign all the same
    said = judged(blind, heard("audio", 0.99), passport=slightly)
    assert (said.decision, said.unasked) == ("ok", "scratch")
    assert said.sensors["st1-camera"].reliability == 0.0


def test_ok_needs_healthy_sensors_unless_the_plant_does_without_them() -> None:
    half = Quality(clipped=0.02)  # between healthy (0.001) and sick (0.05)
    said = judged(heard("camera", 0.999), heard("audio", 0.999, half))
    assert said.decision == "uncertain"
    assert said.barred == "st1-audio is not healthy (clipped: 2 % of samples)"
    said = judged(heard("camera", 0.999), heard("audio", 0.999, half, on_missing="accept"))
    assert said.barred == ""


def test_what_is_foreign_in_a_window_that_is_stuck_anyway_is_not_the_part() -> None:
    passport = watched(low_sick=0.3, low=0.4)
    frozen = replace(DIM, repeated=1.0)
    said = judged(
        heard("camera", 0.999, frozen, on_missing="accept"), heard("audio", 0.99), passport=passport
    )
    assert (said.decision, said.unasked) == ("ok", "scratch")


def test_a_slightly_foreign_window_bars_ok_however_much_is_left_of_belief() -> None:
    passport = watched(low_sick=0.0, low=0.201)
    said = judged(heard("camera", 0.999, DIM), heard("audio", 0.99), passport=passport)
    assert said.belief_ok > 0.8
    assert said.decision == "uncertain"
    assert said.reason.startswith("st1-camera: dark: brightness 0.2 < 0.201")


def test_a_foreign_window_of_one_sensor_hides_no_defect_that_another_finds() -> None:
    passport = watched(low_sick=0.3, low=0.4)
    said = judged(heard("camera", 0.999, DIM), heard("audio", 0.03), passport=passport)
    assert (said.decision, said.defect) == ("defect", "rub")


@pytest.mark.parametrize(
    ("quality", "decision"),
    [
        (Quality(repeated=1.0), "ok"),  # no part makes a camera repeat itself: it is absent
        (Quality(clipped=0.3), "uncertain"),  # a part may be so loud
        (Quality(appearance=Appearance(0.0, 1.0, 0.0, 0.0)), "uncertain"),
        (Quality(waveform=Waveform(1.0, 1.0, 1.0, held=0.9)), "uncertain"),
        (Quality(skew_ms=500.0), "ok"),
        (Quality(drift_ppm=-5_000.0), "ok"),
    ],
)
def test_a_sick_sensor_is_an_accepted_absence_only_where_no_part_can_look_like_that(
    quality: Quality, decision: str
) -> None:
    said = judged(heard("camera", 0.999, quality, on_missing="accept"), heard("audio", 0.99))
    assert said.decision == decision
    assert said.sensors["st1-camera"].status == "sick"


def test_nothing_at_all_is_uncertain_not_ok() -> None:
    said = judged(missing("camera", "accept"), missing("audio", "accept"))
    assert said.decision == "uncertain"
    assert said.ignorance == 1.0


def test_past_its_deadline_a_verdict_is_late_and_carries_an_error_code() -> None:
    said = judged(heard("camera", 0.99), heard("audio", 0.99), sealed_ns=END + SECOND)
    assert said.late
    assert said.error_code == 2


def test_clock_points_are_in_order_and_on_the_epoch() -> None:
    clock = judged(heard("camera", 0.99), heard("audio", 0.99)).clock
    points = [
        clock.trigger_ns,
        clock.trigger_received_ns,
        clock.window_end_ns,
        clock.received_ns,
        clock.ready_ns,
        clock.inferred_ns,
        clock.fused_ns,
        clock.sealed_ns,
    ]
    assert points == sorted(points)
    assert points[0] == EPOCH


def test_a_verdict_says_what_it_was_held_against_and_what_would_have_decided_otherwise() -> None:
    """Believed s less, either leaves 0.855 (1 - s) for ok: under 0.8 beyond s = 1 - 0.8 / 0.855."""
    said = judged(heard("camera", 0.95), heard("audio", 0.90))
    assert (said.threshold_ok, said.threshold_defect, said.threshold_conflict) == (0.8, 0.5, 0.3)
    assert (said.belief_passing, said.barred, said.unasked) == (said.belief_ok, "", "")
    assert said.belief_defect == pytest.approx(0.05 * 0.9 + 0.95 * 0.1, abs=1e-6)
    assert said.flip_share == pytest.approx(1 - 0.8 / 0.855, abs=1e-6)
    for report in said.sensors.values():
        assert report.flip is not None
        assert (report.flip.share, report.flip.becomes) == (said.flip_share, "uncertain")
    assert said.counterfactual == (
        f"{said.flip_sensor}: over 6.43 % of its mass moved to 'not known' would make it uncertain"
    )


def test_of_two_that_contradict_each_other_each_brings_half() -> None:
    said = judged(heard("camera", 0.2), heard("audio", 0.4))
    one, other = said.sensors["st1-camera"], said.sensors["st1-audio"]
    assert said.conflict == pytest.approx(0.8 * 0.6, abs=1e-6)
    assert (one.conflict_share, other.conflict_share) == pytest.approx((0.24, 0.24), abs=1e-6)
    assert one.conflict_with == {"st1-audio": said.conflict}


def test_an_absent_sensor_bars_and_no_evidence_of_another_lets_the_part_pass() -> None:
    """The ear's word for rub beyond 0.5 rejects; for ok nothing that it says is enough."""
    said = judged(missing("camera"), heard("audio", 0.99))
    assert said.barred == "st1-camera is absent"
    assert said.sensors["st1-camera"].flip is None
    flip = said.sensors["st1-audio"].flip
    assert flip is not None
    assert (flip.to, flip.said, flip.becomes) == ("rub", "rub", "defect")
    assert flip.share == pytest.approx((0.5 - 0.01) / 0.99, abs=1e-6)
    assert said.counterfactual.endswith("make it defect; it cannot pass: st1-camera is absent")


def test_with_no_sensor_at_work_there_is_no_evidence_to_change() -> None:
    said = judged(missing("camera"), missing("audio"))
    assert (said.flip_sensor, said.flip_share) == ("", None)
    assert said.counterfactual == "no sensor is at work whose evidence could change"


def test_flat_scalars_come_first_and_maps_last() -> None:
    body = json.loads(judged(heard("camera", 0.99), heard("audio", 0.99)).body())
    kinds = [isinstance(value, dict) for value in body.values()]
    assert kinds == sorted(kinds)
    assert body["time"] == "2023-11-14T22:13:20.000000+00:00"


def test_the_published_schema_is_the_verdicts_own() -> None:
    published = Path(__file__).parents[2] / "docs" / "verdict.schema.json"
    assert json.loads(published.read_text()) == Verdict.model_json_schema()


def test_the_latency_histogram_tells_the_triggers_age_beside_what_the_box_took() -> None:
    metrics = Metrics()
    metrics.judged(judged(heard("camera", 0.95), heard("audio", 0.90)))
    took = {
        point: metrics.registry.get_sample_value("edge_latency_seconds_sum", {"point": point})
        for point in ("trigger", "sealed")
    }
    # heard 2 ms after its edge; sealed 10 ms after the window's end, which is later than that
    assert took == pytest.approx({"trigger": 0.002, "sealed": 0.010})
