"""From logits to a mass, and from the look of a window to how far it is believed."""

import math

import numpy as np
import pytest

from edge import bundle, config
from edge.fusion.doubt import believed
from edge.fusion.evidence import excludes, placed, signs, statement
from edge.fusion.frame import Frame
from edge.fusion.mass import vacuous
from edge.manifest import Detector, DetectorClass, SeriesInput
from sensors.signal import Appearance, Quality, Waveform

MOTOR = Frame(("ok", "scratch", "imbalance", "rub"))
GOOD = ("ok", "scratch")  # vibration cannot see a scratch


def reliability(quality: Quality, rejecting: float = 1.0) -> tuple[float, str]:
    """How far to believe a window by its look alone, and why when below 1."""
    return believed(signs(quality, rejecting))


def detector(*, temperature: float = 1.0, discount: float = 1.0) -> Detector:
    return Detector(
        sense="vibration",
        file="vibration.onnx",
        input=SeriesInput(
            kind="series", name="x", unit="m/s2", channels=3, rate_hz=25_600, length=12_800
        ),
        classes=(
            DetectorClass(name="good", hypotheses=GOOD, prior=0.5),
            DetectorClass(name="imbalance", hypotheses=("imbalance",), prior=0.3),
            DetectorClass(name="rub", hypotheses=("rub",), prior=0.2),
        ),
        temperature=temperature,
        discount=discount,
    )


def logits(*probabilities: float) -> np.ndarray:
    return np.log(np.array(probabilities, dtype=np.float32))


def test_the_training_prior_is_divided_out() -> None:
    """Posterior .7 .2 .1 under prior .5 .3 .2: likelihoods 1.4 : 2/3 : 1/2."""
    said = statement(logits(0.7, 0.2, 0.1), detector(), MOTOR, 1.0)
    total = 1.4 + 2 / 3 + 0.5
    expected = {"good": 1.4 / total, "imbalance": 2 / 3 / total, "rub": 0.5 / total}
    assert said.probabilities == pytest.approx(expected, rel=1e-6)


def test_a_network_that_repeats_its_prior_says_nothing_in_particular() -> None:
    said = statement(logits(0.5, 0.3, 0.2), detector(), MOTOR, 1.0)
    assert list(said.probabilities.values()) == pytest.approx([1 / 3] * 3, rel=1e-6)


def test_temperature_softens_before_the_prior_is_divided_out() -> None:
    """At T = 2 softmax of (4, 0, 0) is (e^2, 1, 1) / (e^2 + 2)."""
    said = statement(np.array([4.0, 0.0, 0.0]), detector(temperature=2.0), MOTOR, 1.0)
    weights = [math.e**2 / 0.5, 1 / 0.3, 1 / 0.2]
    expected = [w / sum(weights) for w in weights]
    assert list(said.probabilities.values()) == pytest.approx(expected)


def test_a_class_is_evidence_for_the_set_it_cannot_tell_apart() -> None:
    said = statement(np.array([9.0, 0.0, 0.0]), detector(), MOTOR, 1.0)
    assert said.mass.belief(MOTOR.mask(["ok"])) == 0.0
    assert said.mass.belief(MOTOR.mask(GOOD)) == pytest.approx(said.probabilities["good"])


def test_discount_and_reliability_leave_the_rest_to_ignorance() -> None:
    said = statement(np.array([9.0, 0.0, 0.0]), detector(discount=0.9), MOTOR, 0.5)
    assert said.mass.ignorance == pytest.approx(0.55)
    good = said.mass[MOTOR.mask(GOOD)]
    assert good == pytest.approx(0.45 * said.probabilities["good"])


def test_a_sick_sensor_says_nothing() -> None:
    assert statement(np.array([9.0, 0.0, 0.0]), detector(), MOTOR, 0.0).mass == vacuous(MOTOR)


def test_logits_beyond_the_range_of_exp_are_read() -> None:
    said = statement(np.array([2000.0, -2000.0, 0.0]), detector(), MOTOR, 1.0)
    assert said.probabilities == {"good": 1.0, "imbalance": 0.0, "rub": 0.0}


def test_an_answer_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        statement(np.array([1.0, 2.0]), detector(), MOTOR, 1.0)


def test_a_detector_excludes_what_its_good_class_does_not_allow() -> None:
    assert MOTOR.names(excludes(detector(), MOTOR, "ok")) == ("imbalance", "rub")


def test_a_healthy_window_is_believed_wholly() -> None:
    assert reliability(Quality()) == (1.0, "")


def test_one_doubled_frame_in_eight_or_one_lost_block_in_fifty_is_forgiven() -> None:
    assert reliability(Quality(repeated=1 / 8)) == (1.0, "")
    assert reliability(Quality(coverage=0.98, gaps=1)) == (1.0, "")


@pytest.mark.parametrize("rejects_from", [None, 0.5, 0.95])  # the shipped bundle's, and others
@pytest.mark.parametrize("coverage", [0.974, 0.97, 0.96, 0.94, 0.9])
def test_on_a_window_with_a_bridge_no_detector_rejects_a_part_alone(
    coverage: float, rejects_from: float | None
) -> None:
    """However sure it is: more than one block of fifty is a line that no machine made."""
    manifest = bundle.load(config.SHIPPED / "motor").manifest
    if rejects_from is not None:
        rows = [
            row.model_copy(update={"defect_belief": rejects_from}) for row in manifest.thresholds
        ]
        manifest = manifest.model_copy(update={"thresholds": tuple(rows)})
    vibration = manifest.detectors["vibration"]
    frame = Frame(manifest.hypotheses)
    healthy, reason = reliability(Quality(coverage=coverage, gaps=1), manifest.rejecting)
    said = statement(np.array([-50.0, 50.0, -50.0, -50.0]), vibration, frame, healthy)
    assert said.probabilities["imbalance"] == pytest.approx(1.0)
    limits = manifest.thresholds_for(frozenset(manifest.detectors))
    assert said.mass.belief(frame.mask(["imbalance"])) < limits.defect_belief
    assert reason.startswith("incomplete")


@pytest.mark.parametrize(
    ("quality", "reason"),
    [
        (Quality(repeated=1.0), "stuck: 100 % of blocks repeat"),
        (Quality(replayed=1 / 8), "stuck: 12.5 % of blocks are replayed"),
        (Quality(is_flat=True), "flat: no variation at all"),
        (Quality(coverage=0.5), "incomplete: 50 % of the window has no data"),
        (Quality(clipped=0.2), "clipped: 20 % of samples"),
        (Quality(gaps=7), "torn: 7 stretches are missing"),
        (Quality(appearance=Appearance(0.0, 1.0, 0.0, 0.0)), "black: 100 % of pixels"),
        (
            Quality(waveform=Waveform(1.0, 1.0, 1.0, held=0.8)),
            "coarse: 80 % of samples equal the one before",
        ),
        (Quality(skew_ms=250.0), "clock off: stamps disagree by 250 ms"),
        (Quality(drift_ppm=-3_000.0), "clock off: it drifts by 3000 ppm"),
    ],
)
def test_a_sick_window_is_not_believed_and_says_why(quality: Quality, reason: str) -> None:
    assert reliability(quality) == (0.0, reason)


def test_jitter_bursts_and_the_worst_of_crystals_are_no_sign() -> None:
    assert reliability(Quality(skew_ms=50.0, drift_ppm=500.0)) == (1.0, "")


def test_between_the_limits_belief_falls_evenly() -> None:
    """Repeats: from .15 to .40, so .275 is half way."""
    believed, reason = reliability(Quality(repeated=0.275))
    assert believed == pytest.approx(0.5)
    assert reason == "stuck: 27.5 % of blocks repeat"


def test_what_is_hardly_believed_is_not_believed_at_all() -> None:
    """On such a word no part could pass, and the sensor would not count as absent either."""
    assert reliability(Quality(repeated=0.33))[0] == pytest.approx(0.28)
    assert reliability(Quality(repeated=0.35)) == (0.0, "stuck: 35 % of blocks repeat")


def test_a_window_whose_time_is_doubtful_is_not_believed_and_says_why() -> None:
    kept, reason = believed([*placed("doubtful"), *signs(Quality(clipped=0.02))])
    assert kept == 0.0
    assert reason.startswith("mis-timed: it comes later than it used to")
    assert reason.endswith("clipped: 2 % of samples")
    assert placed("envelope") == placed("synchronised") == []


def test_the_worst_sign_decides_and_stands_first() -> None:
    believed, reason = reliability(Quality(coverage=0.9, gaps=2, clipped=0.03))
    assert believed == pytest.approx((0.05 - 0.03) / (0.05 - 0.001))
    assert [one.split(":")[0] for one in reason.split("; ")] == ["clipped", "incomplete", "torn"]


def test_more_of_a_sign_is_never_believed_more() -> None:
    shares = [share / 100 for share in range(101)]
    for row in (
        [reliability(Quality(repeated=share))[0] for share in shares],
        [reliability(Quality(clipped=share))[0] for share in shares],
        [reliability(Quality(coverage=1 - share))[0] for share in shares],
    ):
        assert row == sorted(row, reverse=True)
        assert (row[0], row[-1]) == (1.0, 0.0)
