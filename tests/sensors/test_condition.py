"""Measures of a signal's condition, against closed forms."""

import math

import cv2
import numpy as np
import pytest

from sensors.condition import appearance, of_clip, waveform
from sensors.signal import Appearance

RATE_HZ = 25_600.0
RNG = np.random.default_rng(11)


def wave(*channels: np.ndarray) -> np.ndarray:
    return np.stack(channels).astype(np.float32)


def sine(hz: float, amplitude: float, samples: int = 12_800) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(samples) / RATE_HZ)


def test_white_noise_has_von_neumanns_ratio_two_and_its_own_deviation_as_floor_and_level() -> None:
    """E[(x' - x)^2] is twice the variance when samples do not depend on each other."""
    found = waveform(wave(0.3 * RNG.standard_normal(12_800)))
    assert found.whiteness == pytest.approx(2.0, rel=0.05)
    assert found.level == pytest.approx(0.3, rel=0.03)
    assert found.floor == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("hz", [50.0, 1_000.0, 12_800.0])
def test_a_sine_has_the_ratio_of_its_frequency(hz: float) -> None:
    """Differences of a sine are a sine, 2 sin(pi f / fs) as large; at half the rate that is 2."""
    alternating = hz == RATE_HZ / 2
    data = np.tile([1.0, -1.0], 6_400) if alternating else sine(hz, 1.0)
    expected = 4.0 * math.sin(math.pi * hz / RATE_HZ) ** 2
    assert waveform(wave(data)).whiteness == pytest.approx(expected, rel=2e-3)


def test_gravity_is_no_level() -> None:
    found = waveform(wave(9.81 + sine(200.0, 0.02)))
    assert found.level == pytest.approx(0.02 / math.sqrt(2), rel=1e-3)


def test_knocks_do_not_lift_the_floor() -> None:
    noisy = 0.1 * RNG.standard_normal(12_800)
    noisy[[1_000, 4_000, 6_000]] += 50.0
    assert waveform(wave(noisy)).floor == pytest.approx(0.1, rel=0.05)


def test_one_dead_channel_of_three_shows_in_level_and_floor() -> None:
    alive = RNG.standard_normal((2, 12_800))
    found = waveform(wave(alive[0], 1e-3 * RNG.standard_normal(12_800), alive[1]))
    assert found.level == pytest.approx(1e-3, rel=0.03)
    assert found.floor == pytest.approx(1e-3, rel=0.05)


def test_samples_given_twice_are_held() -> None:
    """Of 12,799 steps every second one is none."""
    assert waveform(wave(np.repeat(RNG.standard_normal(6_400), 2))).held == pytest.approx(
        0.5, abs=1e-4
    )
    assert waveform(wave(RNG.standard_normal(12_800))).held == 0.0
    assert waveform(wave(np.zeros(12_800))).held == 1.0


def stripes(*waves: tuple[float, float]) -> np.ndarray:
    """Cosines along x, of a period in pixels and an amplitude; mirrored at the edges they go on."""
    row = sum(amplitude * np.cos(2 * np.pi * np.arange(161) / px) for px, amplitude in waves)
    return np.tile(np.rint(127.5 + row), (120, 1)).astype(np.uint8)


def laplacian_gain(period_px: float) -> float:
    """1, -2, 1 makes of a cosine of w radians a pixel the same, 2 (1 - cos w) as large."""
    return 2.0 * (1.0 - math.cos(2 * math.pi / period_px))


@pytest.mark.parametrize("period_px", [4.0, 8.0, 16.0])
def test_sharpness_of_stripes_is_what_the_laplacian_makes_of_them(period_px: float) -> None:
    found = appearance(stripes((period_px, 100.0)))
    assert found.sharpness == pytest.approx(laplacian_gain(period_px), rel=0.02)


def test_sharpness_does_not_change_with_the_light() -> None:
    bright, dim = appearance(stripes((8.0, 100.0))), appearance(stripes((8.0, 30.0)))
    assert dim.sharpness == pytest.approx(bright.sharpness, rel=0.02)


def test_a_blurred_lens_takes_the_fine_stripes_and_leaves_the_coarse_ones() -> None:
    """A Gaussian of s pixels leaves exp(-(s w)^2 / 2) of a cosine of w radians a pixel."""
    fine, coarse, sigma = 4.0, 32.0, 1.0
    kept = {px: 60.0 * math.exp(-((sigma * 2 * math.pi / px) ** 2) / 2) for px in (fine, coarse)}
    edges = math.hypot(*(laplacian_gain(px) * left for px, left in kept.items()))
    expected = edges / math.hypot(*kept.values())
    sharp = stripes((fine, 60.0), (coarse, 60.0))
    blurred = cv2.GaussianBlur(sharp, (0, 0), sigma)
    assert appearance(blurred).sharpness == pytest.approx(expected, rel=0.05)
    assert appearance(blurred).sharpness < 0.5 * appearance(sharp).sharpness


def test_exposure_is_counted() -> None:
    picture = np.full((120, 160), 128, np.uint8)
    picture[:30], picture[30:36] = 16, 255
    found = appearance(picture)
    assert (found.dark, found.white) == (0.25, 0.05)
    mean = (30 * 16 + 6 * 255 + 84 * 128) / 120 / 255
    assert found.brightness == pytest.approx(mean)
    assert appearance(np.full((120, 160), 7, np.uint8)).sharpness == 0.0


def test_a_clip_is_as_sharp_as_its_least_sharp_picture() -> None:
    found = of_clip([Appearance(0.2, 0.1, 0.0, 0.9), Appearance(0.4, 0.0, 0.02, 0.3)])
    assert found.sharpness == 0.3
    assert found.dark == 0.1
    assert (found.brightness, found.white) == (pytest.approx(0.3), 0.01)
