"""Calibration finds what it was given, and bounds are the tables' own."""

import numpy as np
import pytest

pytest.importorskip("torch")

from edge.bundle import Detector, DetectorClass, SeriesInput
from edge.fusion.frame import Frame
from models import calibrate, evaluate

pytestmark = pytest.mark.workshop

RNG = np.random.default_rng(11)


def _drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their own softmax: calibrated at temperature 1."""
    logits = 3.0 * RNG.standard_normal((count, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < RNG.random((count, 1))).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_known_scaling(scale: float) -> None:
    logits, labels = _drawn(20_000)
    found = calibrate.temperature(scale * logits, labels, np.ones(labels.size))
    assert found == pytest.approx(scale, rel=0.05)


def test_priors_are_weighted_shares() -> None:
    shares = calibrate.priors(np.array([0, 0, 1, 2]), np.array([1.0, 1.0, 0.5, 1.5]), 3)
    np.testing.assert_allclose(shares, [0.5, 0.125, 0.375])


@pytest.mark.parametrize(
    ("events", "parts", "rate"),
    [(0, 427, 0.007), (3, 1106, 0.007), (10, 2420, 0.007), (0, 299, 0.01), (5, 455, 0.023)],
)
def test_the_upper_bound_is_clopper_and_pearsons(events: int, parts: int, rate: float) -> None:
    """Smallest numbers of parts that show a rate with 95 % confidence, from published tables."""
    assert evaluate.upper_bound(events, parts, 0.95) <= rate
    assert evaluate.upper_bound(events, parts - 1, 0.95) > rate


FRAME = Frame(("ok", "seen", "felt"))


def _detector(defect: str, unseen: str) -> Detector:
    return Detector(
        sense="vibration",
        file="x.onnx",
        input=SeriesInput(kind="series", name="x", unit="m/s2", channels=1, rate_hz=1.0, length=1),
        classes=(
            DetectorClass(name="good", hypotheses=("ok", unseen), prior=0.5),
            DetectorClass(name=defect, hypotheses=(defect,), prior=0.5),
        ),
    )


def _rows(logits: dict[str, np.ndarray], is_good: np.ndarray):
    detectors = {"eye": _detector("seen", "felt"), "hand": _detector("felt", "seen")}
    return calibrate.thresholds(
        logits, is_good, detectors, FRAME, rule="yager", good="ok"
    ), detectors


def test_thresholds_fail_about_the_allowed_share_of_good_parts() -> None:
    margin = 4.0 + 2.0 * RNG.standard_normal((2, 20_000))
    logits = {n: np.stack([m, -m], axis=1) for n, m in zip(("eye", "hand"), margin, strict=True)}
    rows, detectors = _rows(logits, np.ones(20_000, bool))
    row = next(one for one in rows if one.sensors is None)
    fused = calibrate.fuse(logits, detectors, FRAME, "yager")
    passing = np.mean(
        [
            one.mass.belief(FRAME.mask(["ok"])) >= row.ok_belief and one.conflict <= row.conflict
            for one in fused
        ]
    )
    assert 1.0 - passing == pytest.approx(calibrate.FALSE_REJECTS, abs=0.002)


def test_no_row_is_made_for_detectors_that_cannot_tell_a_part_is_good() -> None:
    rows, _ = _rows({n: np.tile([4.0, -4.0], (50, 1)) for n in ("eye", "hand")}, np.ones(50, bool))
    assert [one.sensors for one in rows] == [None]
