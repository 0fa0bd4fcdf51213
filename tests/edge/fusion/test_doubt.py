"""What is unlike healthy windows is believed less, says so in numbers, and may be the part."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from edge.fusion.doubt import Doubt, barring, believed, energy, measures, unlike
from edge.monitor import Band, Familiar
from sensors.signal import Appearance, Quality, Waveform

BAND = Band(low_sick=1.0, low=2.0, high=6.0, high_sick=10.0)


def test_energy_of_logits_that_say_nothing() -> None:
    """-T ln(n e^(c / T)) = -c - T ln n."""
    assert energy(np.zeros(4), 1.0) == pytest.approx(-math.log(4))
    assert energy(np.full(3, 5.0), 2.0) == pytest.approx(-5.0 - 2.0 * math.log(3))


def test_energy_is_what_scipy_says_also_beyond_the_range_of_exp() -> None:
    for logits in (np.array([1.0, -2.0, 0.5]), np.array([2_000.0, -2_000.0, 3.0])):
        assert energy(logits, 1.3) == pytest.approx(-1.3 * logsumexp(logits / 1.3))


@pytest.mark.parametrize(
    ("value", "kept"), [(2.0, 1.0), (6.0, 1.0), (1.5, 0.5), (1.0, 0.0), (0.1, 0.0), (7.0, 0.75)]
)
def test_beyond_a_limit_belief_falls_evenly_to_the_sick_one(value: float, kept: float) -> None:
    assert believed(unlike({"floor": BAND}, {"floor": value}))[0] == pytest.approx(kept)


def test_the_reason_says_what_was_measured_and_the_limit() -> None:
    (doubt,) = unlike({"distance": Band(high=24.0, high_sick=30.0)}, {"distance": 31.0})
    assert doubt == Doubt(0.0, "out of distribution: distance 31 > 24", may_be_part=True)
    (doubt,) = unlike({"sharpness": BAND}, {"sharpness": 1.5})
    assert doubt.words == "blurred: sharpness 1.5 < 2"


def test_what_was_not_measured_is_not_doubted() -> None:
    assert unlike({"distance": BAND}, {"energy": 100.0}) == []


def test_a_number_that_is_none_is_no_healthy_one() -> None:
    """Of an embedding that overflowed; comparisons with NaN are all false."""
    (doubt,) = unlike({"distance": Band(high=24.0, high_sick=30.0)}, {"distance": math.nan})
    assert doubt.kept == 0.0


def test_the_worst_doubt_decides_and_stands_first() -> None:
    found = [Doubt(0.7, "a", may_be_part=False), Doubt(0.3, "b", may_be_part=True)]
    assert believed(found) == (0.3, "b; a")
    assert barring(found) == "b"
    assert (believed([]), barring([])) == ((1.0, ""), "")


def test_measures_are_those_of_the_window_and_of_the_answer() -> None:
    familiar = Familiar(
        np.zeros((2, 2), np.float32), np.array([1.0, 5.0], np.float32), np.eye(2, dtype=np.float32)
    )
    clip = Quality(appearance=Appearance(0.3, 0.0, 0.0, 0.9))
    found = measures(clip, np.array([0.0, 1.0]), np.array([3.0, 4.0]), 1.0, familiar)
    assert found == pytest.approx(
        {"sharpness": 0.9, "brightness": 0.3, "energy": -math.log(1 + math.e), "distance": 1.0}
    )
    series = Quality(waveform=Waveform(2.0, 1.0, 0.5, 0.0))
    assert list(measures(series, np.zeros(2), None, 1.0, None)) == [
        "level", "floor", "whiteness", "energy"
    ]  # fmt: skip


def test_a_bridged_gap_is_not_taken_for_a_missing_noise_floor() -> None:
    bridged = Quality(coverage=0.98, gaps=1, waveform=Waveform(2.0, 1.0, 0.5, 0.0))
    assert list(measures(bridged, np.zeros(2), None, 1.0, None)) == ["energy"]
