"""The front end's layers against librosa and against closed forms."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
librosa = pytest.importorskip("librosa")

from models.frontend import (  # noqa: E402
    ChannelEnergy,
    Displacement,
    MelPower,
    PowerBank,
    PowerSpectrogram,
    gabor_pairs,
    integration_kernel,
)

pytestmark = pytest.mark.workshop

RATE_HZ = 16_000.0


def _sound(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time_s = np.arange(8_000) / RATE_HZ
    tones = np.sin(2 * np.pi * 440.0 * time_s) + 0.1 * np.sin(2 * np.pi * 5_000.0 * time_s)
    return (0.02 * tones + 0.002 * rng.standard_normal(8_000)).astype(np.float32)


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(("size", "hop"), [(256, 80), (512, 160)])
def test_power_spectrogram_is_librosas(size: int, hop: int) -> None:
    sound = _sound(1)
    found = PowerSpectrogram(size, hop)(torch.from_numpy(sound)[None])[0].numpy()
    expected = np.abs(librosa.stft(sound, n_fft=size, hop_length=hop, center=False)) ** 2
    assert found.shape == expected.shape
    assert _relative(found, expected) < 1e-4


def test_mel_power_is_librosas_within_1e_4_in_every_band() -> None:
    sound = _sound(2)
    spectrogram, mel = PowerSpectrogram(256, 80), MelPower(RATE_HZ, 256, 40, 100.0)
    found = mel(spectrogram(torch.from_numpy(sound)[None]))[0].numpy()
    power = np.abs(librosa.stft(sound, n_fft=256, hop_length=80, center=False)) ** 2
    expected = librosa.filters.mel(sr=RATE_HZ, n_fft=256, n_mels=40, fmin=100.0) @ power
    worst = np.abs(found - expected).max(axis=1) / expected.max(axis=1)
    assert worst.max() < 1e-4


@pytest.mark.parametrize("loudness", [1.0, 1e-3])
def test_channel_energy_is_librosas(loudness: float) -> None:
    spectrogram, mel = PowerSpectrogram(256, 80), MelPower(RATE_HZ, 256, 40, 100.0)
    power = loudness * mel(spectrogram(torch.from_numpy(_sound(3))[None]))
    found = ChannelEnergy(power.shape[-1])(power)[0].numpy()
    # its smoother starts with the first frame, as ours does
    first = (1.0 - 0.025) * power[0, :, :1].numpy()
    expected = librosa.pcen(
        power[0].numpy(), sr=RATE_HZ, hop_length=80, b=0.025, gain=0.98, bias=2.0, power=0.5,
        eps=1e-6, zi=first,
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_no_mel_band_of_the_microphones_network_is_empty() -> None:
    assert np.all(MelPower(RATE_HZ, 256, 40, 100.0).weights.numpy().max(axis=1) > 0.0)


@pytest.mark.parametrize("frequency_hz", [1400 / 60, 30.0, 2200 / 60])
def test_displacement_of_an_unbalance_does_not_depend_on_speed(frequency_hz: float) -> None:
    amplitude_m_s2 = (2 * np.pi * frequency_hz) ** 2 * 1e-5  # 10 um of motion
    time_s = np.arange(12_800) / 25_600.0
    samples = amplitude_m_s2 * np.sin(2 * np.pi * frequency_hz * time_s)
    layer = Displacement(25_600.0, 64, (18.0, 45.0))
    moved = layer(torch.from_numpy(samples.astype(np.float32))[None, None])[0, 1].numpy()
    middle = moved[45:-45]  # away from the edges
    middle_hz = np.sqrt(18.0 * 45.0)
    expected = (2 * np.pi * middle_hz) ** 2 * 1e-5
    assert np.sqrt(2.0) * middle.std() == pytest.approx(expected, rel=0.1)


def test_integration_kernel_has_linear_phase() -> None:
    kernel = integration_kernel(400.0, (18.0, 45.0))
    np.testing.assert_allclose(kernel, kernel[::-1], atol=1e-12)


def test_a_bank_in_quadrature_gives_an_envelope_without_ripple() -> None:
    pairs = gabor_pairs(np.array([0.1]), np.array([0.03]), 1, 96, seed=0)
    bank = PowerBank(pairs, stride=1, pool=1, floor=1e-9)
    tone = np.sin(2 * np.pi * 0.1 * np.arange(2_000)).astype(np.float32)
    envelope = bank(torch.from_numpy(tone)[None, None]).exp()[0, 0, 200:-200].detach().numpy()
    assert envelope.std() / envelope.mean() < 0.02
