"""A promise covers what it was tested on and nothing else, and each verdict says which it was."""

from pathlib import Path

import pytest
from test_judge import EDGE, END, EPOCH, HASH, heard, manifest, missing

from edge.accepted import Accepted
from edge.bundle import Bundle
from edge.certificate import Certificate, Promise, Ran, standing
from edge.check import certified
from edge.judge import Answer, hear, weigh
from edge.manifest import Manifest
from edge.seal import Times, verdict
from edge.verdict import Verdict
from sensors.signal import Trigger

HERE = Ran(engine="engine", precision="int8")  # what the answers of `heard` come from


def promise(*sensors: str, unasked: tuple[str, ...] = (), share: float = 0.0) -> Promise:
    return Promise(
        sensors=sensors,
        defects=676,
        escapes=1,
        p_value=0.0499,
        upper_bound=0.007,
        uncertain_defects=20,
        good=500,
        false_rejects=1,
        uncertain_good=4,
        unasked=unasked,
        unasked_share=share,
    )


def with_certificate(plain: Manifest, **changed: object) -> Manifest:
    """The manifest with a promise for both sensors, and one for the ear alone."""
    facts: dict[str, object] = {
        "escape_rate": 0.007,
        "confidence": 0.95,
        "multiplicity": "each row by itself",
        "assumption": "parts as those",
        "parts": 1176,
        "data": "drawn",
        "data_sha256": HASH,
        "tuning": "others",
        "engines": {"camera": HERE, "audio": HERE},
        "costs": {},
        "created": "2026-01-01",
        "vouched_sha256": plain.vouched_sha256,
        "promises": (promise("camera", "audio"), promise("audio", unasked=("scratch",), share=0.5)),
    }
    return plain.model_copy(update={"certificate": Certificate.model_validate(facts | changed)})


def said(one: Manifest, *answers: Answer) -> Verdict:
    bundle = Bundle(Path("/nowhere"), one, HASH)
    trigger = Trigger("st1", 7, "A7", "motor", EPOCH, EDGE, EDGE + 2_000_000)
    return verdict(
        Accepted("st1-7-1", trigger, "A7", True),
        answers,
        weigh([hear(answer, bundle) for answer in answers], bundle),
        bundle,
        Times(END, END + 50_000_000, EPOCH - EDGE),
        site="s",
        line="l",
        fused_ns=END,
        sealed_ns=END,
    )


def test_a_part_that_all_sensors_answered_is_covered_and_the_verdict_says_by_what() -> None:
    found = said(with_certificate(manifest()), heard("camera", 0.9), heard("audio", 0.9))
    assert found.certified
    assert "at most 0.7 % of defects pass, at 95 % confidence (1 of 676 did)" in found.certificate


def test_without_a_sensor_the_promise_is_another_and_names_what_it_leaves_out() -> None:
    found = said(with_certificate(manifest()), missing("camera", "accept"), heard("audio", 0.9))
    assert found.certified
    assert "not of scratch, 50 % of all defects there" in found.certificate


def test_a_set_of_sensors_that_was_not_tested_is_not_covered() -> None:
    found = said(with_certificate(manifest()), heard("camera", 0.9), missing("audio", "accept"))
    assert (found.certified, found.certificate) == (False, "not certified for camera")


def test_two_sensors_on_one_detector_are_not_what_was_tested() -> None:
    twice = heard("audio", 0.9), heard("audio", 0.8)
    found = said(with_certificate(manifest()), heard("camera", 0.9), *twice)
    assert found.certificate == "not certified for more than one sensor on audio"


@pytest.mark.parametrize(
    "then",
    [Ran(engine="other 1.2 cpu", precision="int8"), Ran(engine="engine", precision="fp32")],
)
def test_another_engine_or_precision_is_not_covered(then: Ran) -> None:
    one = with_certificate(manifest(), engines={"camera": then, "audio": HERE})
    found = said(one, heard("camera", 0.9), heard("audio", 0.9))
    assert not found.certified
    expected = f"not certified on this engine (camera: engine int8 here, {then} in the certificate)"
    assert found.certificate == expected


def test_a_bundle_without_certificate_and_a_part_that_nobody_saw_are_not_covered() -> None:
    bare = said(manifest(), heard("camera", 0.9), heard("audio", 0.9))
    assert (bare.certified, bare.certificate) == (False, "not certified: no certificate")
    blind = said(with_certificate(manifest()), missing("camera"), missing("audio"))
    assert blind.certificate == "not certified: no sensor at work"


@pytest.mark.parametrize(
    "changed",
    [
        {"rule": "conjunctive"},
        {"thresholds": ({"ok_belief": 0.7, "defect_belief": 0.5, "conflict": 0.3},)},
        {"files": {"camera.onnx": "1" * 64, "audio.onnx": HASH}},
    ],
)
def test_whoever_changes_what_decides_voids_the_promise(changed: dict[str, object]) -> None:
    data = with_certificate(manifest()).model_dump() | changed
    one = Manifest.model_validate(data)
    found = standing(one.certificate, one.vouched_sha256, [("camera", HERE), ("audio", HERE)])
    assert found.words == "not certified: the bundle was changed since it was calibrated"


def test_what_does_not_decide_voids_nothing() -> None:
    one = with_certificate(manifest()).model_copy(update={"limits": "never seen rain"})
    again = Manifest.model_validate(one.model_dump())
    at_work = [("camera", HERE), ("audio", HERE)]
    assert standing(again.certificate, again.vouched_sha256, at_work).is_certified


def test_check_names_every_promise_and_refuses_another_engine() -> None:
    one = with_certificate(manifest())
    rows = certified(one, "engine")
    assert len(rows) == 3
    assert rows[1].startswith("certified for audio")
    assert certified(one, "openvino") == [
        "not certified on this engine (openvino here, engine int8 there)"
    ]
    assert certified(manifest(), "engine") == ["not certified: no certificate"]
