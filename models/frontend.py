"""Signal processing as layers, so that it travels inside the graph and exists once.

Every transform is a convolution with fixed or trained kernels followed by elementwise arithmetic,
which exports to plain ONNX operators. These layers stay in float when a network is quantised.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Real = NDArray[np.float64]


class PowerSpectrogram(nn.Module):
    """Short-time power spectrum under a periodic Hann window, no padding.

    (batch, sample) -> (batch, frequency, frame), as
    `abs(librosa.stft(x, n_fft=size, hop_length=hop, center=False)) ** 2`.
    """

    kernels: Tensor  # (2 * frequency, 1, sample): cosines, then sines

    def __init__(self, size: int, hop: int) -> None:
        super().__init__()
        self.hop = hop
        self.register_buffer("kernels", torch.from_numpy(power_kernels(size)))

    def forward(self, samples: Tensor) -> Tensor:
        parts = nn.functional.conv1d(samples[:, None, :], self.kernels, stride=self.hop)
        real, imaginary = parts.chunk(2, dim=1)
        return real * real + imaginary * imaginary


class MelPower(nn.Module):
    """Power in triangular mel bands: (batch, frequency, frame) -> (batch, band, frame)."""

    weights: Tensor  # (band, frequency)

    def __init__(self, rate_hz: float, size: int, bands: int, lowest_hz: float) -> None:
        super().__init__()
        self.register_buffer("weights", _float(mel_weights(rate_hz, size, bands, lowest_hz)))

    def forward(self, power: Tensor) -> Tensor:
        return torch.matmul(self.weights, power)


class ChannelEnergy(nn.Module):
    """Per-channel energy normalisation: (batch, band, frame) of power -> the same, no logarithm.

    Wang et al. 2017, "Trainable frontend for robust and far-field keyword spotting", eq. 1 and 2:
    every band is divided by its own recent level, so that a hum that stays fades and what begins
    stands out. The smoother is a product with a fixed matrix: `frames` of them, no loop. It starts
    as if the first frame had always been.
    """

    decay: Tensor  # (frame, frame)
    first: Tensor  # (frame,)

    def __init__(
        self,
        frames: int,
        smoothing: float = 0.025,
        gain: float = 0.98,
        bias: float = 2.0,
        power: float = 0.5,
        floor: float = 1e-6,
    ) -> None:
        super().__init__()
        self.gain, self.bias, self.power, self.floor = gain, bias, power, floor
        lag = np.arange(frames)[None, :] - np.arange(frames)[:, None]
        kernel = np.where(lag >= 0, smoothing * (1.0 - smoothing) ** np.maximum(lag, 0), 0.0)
        self.register_buffer("decay", _float(kernel))
        first: Real = (1.0 - smoothing) ** np.arange(1.0, frames + 1.0)
        self.register_buffer("first", _float(first))

    def forward(self, power: Tensor) -> Tensor:
        level = torch.matmul(power, self.decay) + power[..., :1] * self.first
        # in logarithms: powers of small numbers keep their digits
        normal = power * torch.exp(-self.gain * torch.log(level + self.floor))
        compressed: Tensor = torch.pow(normal + self.bias, self.power)
        return compressed - float(self.bias**self.power)


class PowerBank(nn.Module):
    """Trained filters in quadrature pairs: (batch, channel, sample) -> (batch, pair, step).

    The squares of a pair add up to the squared envelope of its band, without the ripple that
    rectifying one filter leaves. Two banks in a row, the second on the logarithm of the first,
    are the time scattering of Andén & Mallat 2014, "Deep scattering spectrum", with filters that
    learn: the second sees at which rate blows repeat, whatever they make ring. `stride` divides
    the length of the kernels, half of it, and the number of samples.
    """

    def __init__(self, kernels: Tensor, stride: int, pool: int, floor: float) -> None:
        super().__init__()
        filters, channels, length = kernels.shape
        self.stride = stride
        self.padding = length // 2
        # Polyphase: every stretch of `stride` samples is one step of as many channels. The same
        # sums, in a shape that processors fill their registers with: four times as fast.
        self.filters = nn.Conv1d(channels * stride, filters, length // stride, bias=False)
        phases = kernels.reshape(filters, channels, length // stride, stride).transpose(2, 3)
        self.filters.weight = nn.Parameter(phases.flatten(1, 2).clone())
        self.pool = nn.AvgPool1d(pool)
        self.floor = floor

    def forward(self, samples: Tensor) -> Tensor:
        padded = nn.functional.pad(samples, (self.padding, self.padding))
        _, channels, length = padded.shape
        phases = padded.reshape(-1, channels, length // self.stride, self.stride).transpose(2, 3)
        parts = self.filters(phases.reshape(-1, channels * self.stride, length // self.stride))
        real, imaginary = parts.chunk(2, dim=1)
        return torch.log(self.pool(real * real + imaginary * imaginary) + self.floor)


def unmoved(joined: Tensor) -> Tensor:
    """What was concatenated, where it is to be quantised: the same (batch, channel, step).

    A quantisation that follows a concatenation at once is moved by OpenVINO (2026.4.1) before it,
    into every part; on a processor with AVX2 alone the next convolution is then off by a tenth of
    its span. It is not moved through a pool, be it of one.
    """
    return nn.functional.max_pool1d(joined, 1)


class Displacement(nn.Module):
    """Slow motion: the series at a lower rate, and its double integral within a band.

    (batch, channel, sample) -> (batch, 2 * channel, step). An unbalance makes a force in
    proportion to the square of speed; the displacement of a body on soft mounts does not depend
    on speed, so that integrating twice leaves a number to compare with a limit.
    """

    kernel: Tensor  # (1, 1, sample)

    def __init__(self, rate_hz: float, factor: int, band_hz: tuple[float, float]) -> None:
        super().__init__()
        self.pool = nn.AvgPool1d(factor)
        kernel = integration_kernel(rate_hz / factor, band_hz)
        self.padding = kernel.size // 2
        self.register_buffer("kernel", _float(kernel)[None, None, :])

    def forward(self, samples: Tensor) -> Tensor:
        slow = self.pool(samples)
        _, channels, steps = slow.shape
        each = slow.reshape(-1, 1, steps)
        moved = nn.functional.conv1d(each, self.kernel, padding=self.padding)
        return torch.cat([slow, moved.reshape(-1, channels, steps)], dim=1)


def power_kernels(size: int) -> NDArray[np.float32]:
    """(2 * frequency, 1, sample) cosines, then sines, under a periodic Hann window.

    A cosine takes only `size` values, those of one turn, and the window follows from them:
    `models.compact` relies on it.
    """
    turn = np.cos(2.0 * np.pi * np.arange(size) / size).astype(np.float32)
    cosine = np.outer(np.arange(size // 2 + 1), np.arange(size))
    place = np.concatenate([cosine, cosine + size - size // 4]) % size
    window = np.float32(0.5) - np.float32(0.5) * turn
    return np.asarray(turn[place] * window)[:, None, :]


def mel_weights(rate_hz: float, size: int, bands: int, lowest_hz: float) -> Real:
    """(band, frequency) triangles of equal area, Slaney 1998, "Auditory Toolbox"."""
    edges_mel = np.linspace(_mel(lowest_hz), _mel(rate_hz / 2.0), bands + 2)
    edges_hz = np.array([_hz(mel) for mel in edges_mel])
    frequency_hz = np.arange(size // 2 + 1) * rate_hz / size
    ramps = edges_hz[:, None] - frequency_hz[None, :]
    widths = np.diff(edges_hz)
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)) * area[:, None])


def gabor_pairs(centres: Real, bandwidth: Real, channels: int, length: int, seed: int) -> Tensor:
    """Starting kernels of a `PowerBank`: (2 * pair, channel, length).

    `centres` and `bandwidth` in cycles a sample; each pair looks along a random direction across
    the channels.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(length) - (length - 1) / 2.0
    envelope = np.exp(-0.5 * (2.0 * np.pi * bandwidth[:, None] * time / 2.355) ** 2)
    envelope /= np.sqrt(np.sum(envelope**2, axis=1, keepdims=True))
    phase = 2.0 * np.pi * centres[:, None] * time
    direction = rng.standard_normal((centres.size, channels))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    pairs = np.concatenate([envelope * np.cos(phase), envelope * np.sin(phase)])
    return _float(pairs[:, None, :] * np.tile(direction, (2, 1))[:, :, None])


def integration_kernel(rate_hz: float, band_hz: tuple[float, float], length: int = 81) -> Real:
    """Linear-phase filter with the gain (f0 / f)^2 inside the band, 1 at its middle f0."""
    frequency_hz = np.linspace(0.0, rate_hz / 2.0, 513)
    low, high = band_hz
    middle_hz = np.sqrt(low * high)
    inside = (frequency_hz >= low) & (frequency_hz <= high)
    gain = np.where(inside, (middle_hz / np.maximum(frequency_hz, low)) ** 2, 0.0)
    response = np.fft.irfft(gain)
    centred = np.roll(response, length // 2)[:length]
    return np.asarray(centred * np.hamming(length))


def _mel(frequency_hz: float) -> float:
    """Slaney's scale: linear to 1 kHz, logarithmic above."""
    if frequency_hz < 1000.0:
        return 3.0 * frequency_hz / 200.0
    return 15.0 + 27.0 * float(np.log(frequency_hz / 1000.0) / np.log(6.4))


def _hz(mel: float) -> float:
    if mel < 15.0:
        return 200.0 * mel / 3.0
    return 1000.0 * float(6.4 ** ((mel - 15.0) / 27.0))


def _float(values: Real) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
