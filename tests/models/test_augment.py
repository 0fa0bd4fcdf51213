"""An augmentation changes what it says and nothing else; expected numbers are closed forms."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edge.errors import ConfigError  # noqa: E402
from models.augment import pictures, waveforms  # noqa: E402
from models.augment.plan import Pictures, Waveforms  # noqa: E402

pytestmark = pytest.mark.workshop

RATE_HZ = 8000.0


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(4)


def _tone(frequency_hz: float, channels: int = 1) -> torch.Tensor:
    time_s = torch.arange(4000) / RATE_HZ
    return torch.sin(2 * np.pi * frequency_hz * time_s).expand(2, channels, -1)


def _power(values: torch.Tensor) -> torch.Tensor:
    return values.square().mean(dim=(1, 2))


def test_nothing_planned_changes_nothing() -> None:
    clip = torch.randint(0, 256, (2, 3, 12, 16), dtype=torch.uint8)
    torch.testing.assert_close(pictures.augmented(clip, Pictures()), clip.float())
    tone = _tone(440.0)
    torch.testing.assert_close(waveforms.augmented(tone, Waveforms(), RATE_HZ), tone)


@pytest.mark.parametrize(
    "plan",
    [
        Pictures(mirror=True), Pictures(shift=4), Pictures(crop=0.3), Pictures(light=0.3),
        Pictures(blur=2.0), Pictures(noise=8.0),
    ],
    ids=["mirror", "shift", "crop", "light", "blur", "noise"],
)  # fmt: skip
def test_pictures_keep_their_shape_and_range_and_are_changed(plan: Pictures) -> None:
    clip = torch.randint(0, 256, (4, 3, 24, 32), dtype=torch.uint8)
    changed = [pictures.augmented(clip, plan) for _ in range(3)]
    for one in changed:
        assert one.shape == clip.shape
        assert 0.0 <= float(one.min()) <= float(one.max()) <= 255.0
    assert any(not torch.equal(one, clip.float()) for one in changed)


def test_frames_of_a_clip_are_changed_alike() -> None:
    clip = torch.randint(0, 256, (2, 1, 24, 32), dtype=torch.uint8).expand(2, 4, 24, 32)
    plan = Pictures(mirror=True, shift=4, crop=0.3, light=0.2, blur=1.5)
    changed = pictures.augmented(clip, plan)
    torch.testing.assert_close(changed, changed[:, :1].expand_as(changed))


def test_a_crop_of_half_a_ramp_has_half_its_slope() -> None:
    ramp = torch.arange(64.0).expand(8, 1, 64, 64)
    zoomed = pictures.cropped(ramp, 0.5)[:, 0, 32]
    slope = (zoomed[:, 40] - zoomed[:, 24]) / 16.0
    assert bool(((slope > 0.5) & (slope <= 1.0)).all())
    assert float(slope.min()) < 0.9


def test_a_blurred_point_is_the_gaussian() -> None:
    point = torch.zeros(1, 1, 33, 33)
    point[0, 0, 16, 16] = 1.0
    spread = pictures.blurred(point, 2.0)[0, 0]
    place = torch.arange(33.0) - 16.0
    expected = torch.exp(-0.5 * (place / 2.0) ** 2) / (2.0 * np.sqrt(2 * np.pi))
    torch.testing.assert_close(spread.sum(0), expected, atol=2e-3, rtol=0.0)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_at_another_speed_every_frequency_moves_with_it(speed: float) -> None:
    faster = waveforms.at_speed(_tone(400.0), torch.full((2, 1, 1), speed))[0, 0, :3500]
    spectrum = torch.fft.rfft(faster * torch.hann_window(3500)).abs()
    found_hz = float(spectrum.argmax()) * RATE_HZ / 3500
    assert found_hz == pytest.approx(400.0 * speed, abs=RATE_HZ / 3500)


def test_a_sensor_mounted_askew_feels_as_strongly() -> None:
    values = torch.randn(16, 3, 500)
    turned = waveforms.turned(values, 30.0)
    torch.testing.assert_close(turned.norm(dim=1), values.norm(dim=1), rtol=1e-4, atol=1e-5)
    cosine = (turned * values).sum((1, 2)) / values.square().sum((1, 2))
    assert bool((cosine > np.cos(np.radians(31.0))).all())
    assert not torch.allclose(turned, values)
    with pytest.raises(ConfigError, match="turn_degrees: turns three axes, there are 1; set 0"):
        waveforms.augmented(_tone(400.0), Waveforms(turn_degrees=5.0), RATE_HZ)


@pytest.mark.parametrize("key", ["noise_db", "background_db"])
def test_noise_lies_below_the_signal_by_the_ratio_asked_for(key: str) -> None:
    tone = _tone(400.0, channels=3)
    noisy = waveforms.augmented(tone, Waveforms.model_validate({key: (10.0, 10.0)}), RATE_HZ)
    ratio_db = 10.0 * torch.log10(_power(tone) / _power(noisy - tone))
    torch.testing.assert_close(ratio_db, torch.full((2,), 10.0), atol=0.01, rtol=0.0)


def test_pink_noise_falls_three_decibels_an_octave() -> None:
    noise = waveforms.pink(torch.zeros(64, 1, 8192))
    power = torch.fft.rfft(noise).abs().square().mean((0, 1))
    low, high = power[100:200].mean(), power[200:400].mean()
    assert float(10 * torch.log10(low / high)) == pytest.approx(3.0, abs=0.3)


def test_a_recorded_background_is_what_is_mixed_in(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    plan = Waveforms(background_db=(0.0, 0.0), background=tmp_path)
    with pytest.raises(ConfigError, match=r"no \.wav or \.flac as long as an example"):
        waveforms.augmented(_tone(400.0), plan, RATE_HZ)
    hum = np.sin(2 * np.pi * 50.0 * np.arange(12_000) / RATE_HZ).astype(np.float32)
    soundfile.write(tmp_path / "hall.wav", hum, 8000, subtype="FLOAT")
    mixed = waveforms.augmented(_tone(400.0), plan, RATE_HZ)
    spectrum = torch.fft.rfft(mixed[0, 0]).abs()
    assert sorted(int(place) * 2 for place in spectrum.topk(2).indices) == [50, 400]


def test_a_mask_of_time_silences_one_stretch_and_one_of_frequency_a_band() -> None:
    ones = torch.ones(64, 1, 1000)
    silent = (waveforms.augmented(ones, Waveforms(time_mask=0.3), RATE_HZ) == 0.0)[:, 0]
    edges = (silent[:, 1:] != silent[:, :-1]).sum(1)
    assert int(edges.max()) <= 2
    assert 0.05 < float(silent.float().mean()) < 0.25  # of 0 to 30 %
    assert float(silent.float().mean(1).max()) <= 0.301
    noise = torch.randn(64, 1, 1000)
    missing = torch.fft.rfft(waveforms.augmented(noise, Waveforms(band_mask=0.3), RATE_HZ)).abs()
    assert 0.05 < float((missing < 1e-3).float().mean()) < 0.25
