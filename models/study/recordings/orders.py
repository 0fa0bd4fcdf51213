"""What a shaft's vibration shows in orders of its speed, block of revolutions by block.

A bearing's blows and a shaft's unbalance come at fixed multiples (orders) of the speed, and with
the order as the axis they stand still when the speed changes. Ringing that the blows excite is
demodulated first (envelope analysis: Randall & Antoni 2011, "Rolling element bearing diagnostics",
Mechanical Systems and Signal Processing 25, section 3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Real = NDArray[np.float64]

REVOLUTIONS = 10  # a block
HOP = 2  # revolutions from block to block
PER_ORDER = REVOLUTIONS  # bins of the spectrum to one order
ORDERS = 16  # the highest
BANDS_HZ = ((500.0, 2_000.0), (2_000.0, 5_000.0), (5_000.0, 9_500.0))
REFERENCE_RPM = 600.0
SMALLEST = 1e-7  # below any noise; keeps the logarithm finite


@dataclass(frozen=True, slots=True)
class Blocks:
    """One recording, block by block."""

    spectra: Real  # (block, channel, bin) logarithm of amplitudes; bin k is order (k + 1) / 10
    shapes: Real  # (block, measure) logarithms: kurtosis of each channel, RMS of each axis


def blocks(acceleration: Real, rate_hz: float, rpm: float) -> Blocks:
    """Of acceleration (sample, axis) at a known speed; its mean is taken off.

    Channels: the axes, over the speed squared (what a fixed unbalance gives), then for each band of
    `BANDS_HZ` the axes' envelopes, over their mean (how deep they are modulated).

    Raises:
        ValueError: shorter than one block.
    """
    length = round(REVOLUTIONS * rate_hz * 60.0 / rpm)
    hop = round(HOP * rate_hz * 60.0 / rpm)
    if len(acceleration) < length:
        raise ValueError(
            f"{len(acceleration)} samples hold no {REVOLUTIONS} revolutions at {rpm:g} rpm; "
            f"expected at least {length}"
        )
    centred = (acceleration - acceleration.mean(axis=0)).T  # (axis, sample)
    envelopes = np.stack([_envelope(centred, band, rate_hz) for band in BANDS_HZ])
    spectra, shapes = [], []
    for start in range(0, centred.shape[1] - length + 1, hop):
        raw = centred[:, start : start + length]
        swell = envelopes[:, :, start : start + length].reshape(-1, length)
        depth = swell / swell.mean(axis=1, keepdims=True)
        slow = _amplitudes(raw) / (rpm / REFERENCE_RPM) ** 2
        spectra.append(np.log(np.concatenate([slow, _amplitudes(depth)]) + SMALLEST))
        kurtosis = np.concatenate([_kurtosis(raw), _kurtosis(swell)])
        shapes.append(np.log(np.concatenate([kurtosis, raw.std(axis=1)])))
    return Blocks(np.stack(spectra), np.stack(shapes))


def _envelope(centred: Real, band_hz: tuple[float, float], rate_hz: float) -> Real:
    passing = signal.butter(4, band_hz, "bandpass", fs=rate_hz, output="sos")
    ringing = signal.sosfiltfilt(passing, centred, axis=1)
    return np.asarray(np.abs(signal.hilbert(ringing, axis=1)))


def _amplitudes(values: Real) -> Real:
    """(channel, sample) of whole revolutions -> (channel, bin), without the mean."""
    window = np.hanning(values.shape[1])
    still = values - values.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(still * window, axis=1)) * 2.0 / window.sum()
    return np.asarray(spectrum[:, 1 : PER_ORDER * ORDERS + 1])


def _kurtosis(values: Real) -> Real:
    still = values - values.mean(axis=1, keepdims=True)
    return np.asarray((still**4).mean(axis=1) / (still**2).mean(axis=1) ** 2)
