"""Limits that are none, and statistics that are none, are refused; distances are Mahalanobis'."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from edge.errors import BundleError
from edge.monitor import Band, Familiar, read, typical


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"low": 1.0}, "low and low_sick belong together"),
        ({"high_sick": 1.0}, "high and high_sick belong together"),
        ({"low_sick": 2.0, "low": 1.0}, "limits must rise"),
        ({"low_sick": 1.0, "low": 2.0, "high": 1.5, "high_sick": 3.0}, "limits must rise"),
        ({"higher": 1.0}, "Extra inputs"),
    ],
)
def test_a_band_whose_limits_do_not_rise_is_refused(limits: dict[str, float], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Band(**limits)


def test_distance_is_mahalanobis_from_the_class_answered_in_units_of_its_radius() -> None:
    """Covariance diag(4, 1) about (2, 0): (4, 1) is sqrt(2^2 / 4 + 1) away, twice the radius."""
    whitening = np.diag([0.5, 1.0]).astype(np.float32)
    centres = np.array([[2.0, 0.0], [40.0, 0.0]], np.float32) @ whitening.T
    familiar = Familiar(centres, np.array([np.sqrt(2) / 2, 1.0], np.float32), whitening)
    assert familiar.distance(np.array([4.0, 1.0]), 0) == pytest.approx(2.0)
    assert familiar.distance(np.array([4.0, 1.0]), 1) == pytest.approx(np.sqrt(18.0**2 + 1.0))


def columns(**changed: np.ndarray) -> dict[str, np.ndarray]:
    right = {
        "camera.centres": np.zeros((2, 3), np.float32),
        "camera.radii": np.ones(2, np.float32),
        "camera.whitening": np.eye(3, dtype=np.float32),
    }
    return right | {f"camera.{key}": value for key, value in changed.items()}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"whitening": np.eye(4, dtype=np.float32)}, "do not fit"),
        ({"radii": np.ones(3, np.float32)}, "do not fit"),
        ({"radii": np.zeros(2, np.float32)}, "not above 0"),
        ({"centres": np.full((2, 3), np.nan, np.float32)}, "not all of its statistics"),
        ({"centres": np.zeros(3, np.float32)}, "not enough values"),
        ({"centres": np.array([["a"] * 3] * 2)}, "Cannot cast"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(
    tmp_path: Path, changed: dict[str, np.ndarray], said: str
) -> None:
    file = tmp_path / "monitor.npz"
    np.savez(file, **columns(**changed))
    with pytest.raises(BundleError, match=said):
        read(file, ["camera"])


def test_statistics_of_a_detector_that_are_missing_are_named(tmp_path: Path) -> None:
    file = tmp_path / "monitor.npz"
    np.savez(file, **columns())
    assert read(file, ["camera"]).familiar["camera"].distance(np.ones(3), 0) == pytest.approx(
        np.sqrt(3)
    )
    with pytest.raises(BundleError, match=r"audio\.centres"):
        read(file, ["audio"])


def test_a_typical_part_is_the_middle_of_good_ones_whatever_one_of_them_was() -> None:
    """Medians by hand; energy and distance are of the answer, and follow from it."""
    logits = np.array([[1.0, 0.0], [2.0, -1.0], [90.0, 50.0]])
    measured = {"level": np.array([3.0, 1.0, 2.0]), "energy": np.array([1.0, 2.0, 3.0])}
    found = typical(logits, np.array([[0.0], [4.0], [5.0]]), measured)
    assert found.logits.tolist() == [2.0, 0.0]
    assert found.embedding.tolist() == [4.0]
    assert found.measured == {"level": 2.0}


def test_the_typical_parts_of_a_bundle_are_read_with_its_statistics(tmp_path: Path) -> None:
    file = tmp_path / "monitor.npz"
    own = {
        "camera.typical.logits": np.array([1.0, 2.0], np.float32),
        "camera.typical.embedding": np.array([0.5], np.float32),
        "camera.typical.brightness": np.float32(0.25),
    }
    np.savez(file, **columns(), **own)
    found = read(file, ["camera"]).typical["camera"]
    assert found.logits.tolist() == [1.0, 2.0]
    assert found.measured == {"brightness": 0.25}
    np.savez(file, **columns(), **own | {"camera.typical.logits": np.array(np.nan, np.float32)})
    with pytest.raises(BundleError, match="typical part"):
        read(file, ["camera"])
