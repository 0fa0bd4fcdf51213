"""The hall around the cell: reverberation, neighbours, clanks and background noise."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.traits import StationTraits

SOUND_RATE_HZ = 16_000
MAX_HARMONIC_HZ = 5_000.0

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


@lru_cache(maxsize=64)
def room_response(room_seed: int, reverberation_s: float, ratio: float, count: int) -> Complex:
    """Direct sound and an exponentially decaying diffuse tail, as a spectrum of `count` samples.

    Polack's model of a reverberant tail: white noise under exp(-6.9 t / T60).
    """
    rng = np.random.default_rng(room_seed)
    time_s = np.arange(count) / SOUND_RATE_HZ
    tail = rng.standard_normal(count) * np.exp(-6.9 * time_s / reverberation_s)
    tail[: round(0.003 * SOUND_RATE_HZ)] = 0.0  # the first wall is half a metre away
    tail *= np.sqrt(ratio / np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(np.fft.rfft(tail))


def hall_noise(station: StationTraits, count: int, rng: np.random.Generator) -> Real:
    """Everything heard with the motor off, Pa, without the microphone's own noise."""
    noise = _background(station, count, rng)
    time_s = np.arange(count) / SOUND_RATE_HZ
    for neighbour in station.neighbours:
        orders = np.arange(1, 25)
        orders = orders[orders * neighbour.speed_hz < MAX_HARMONIC_HZ]
        level_pa = neighbour.level_pa * neighbour.harmonic_decay**orders
        level_pa = level_pa * np.exp(0.3 * rng.standard_normal(orders.size))
        phase_rad = rng.uniform(0.0, 2.0 * np.pi, orders.size)
        drift = 1.0 + 0.004 * rng.standard_normal()
        turning = np.exp(2j * np.pi * neighbour.speed_hz * drift * time_s)
        phasors = level_pa * np.exp(1j * phase_rad)  # of order 1 up; order 0 is silent
        noise += np.polyval(np.append(phasors[::-1], 0.0), turning).real
    for start in rng.integers(0, count, rng.poisson(station.clanks_per_s * count / SOUND_RATE_HZ)):
        noise[start:] += _clank(count - int(start), rng)
    return noise


def _background(station: StationTraits, count: int, rng: np.random.Generator) -> Real:
    """Broadband noise whose amplitude falls as frequency to the power of the station's tilt."""
    frequency_hz = np.fft.rfftfreq(count, 1.0 / SOUND_RATE_HZ)
    shape = np.maximum(frequency_hz, 40.0) ** -station.background_tilt
    shape[0] = 0.0
    shape *= np.sqrt(count / 2.0) * np.sqrt(count / np.sum(shape**2) / 2.0)
    white = rng.standard_normal((2, frequency_hz.size))
    return np.asarray(
        station.background_pa * np.fft.irfft(shape * (white[0] + 1j * white[1]), count)
    )


def _clank(count: int, rng: np.random.Generator) -> Real:
    """Metal dropped somewhere in the hall: five inharmonic, decaying partials, Pa."""
    time_s = np.arange(count) / SOUND_RATE_HZ
    partial_hz = rng.uniform(600.0, 5_500.0, 5)
    decay_s = rng.uniform(0.004, 0.06, 5)
    level_pa = 0.03 * np.exp(0.7 * rng.standard_normal()) * rng.random(5)
    ringing = np.sin(2.0 * np.pi * np.outer(partial_hz, time_s))
    return np.asarray(level_pa @ (ringing * np.exp(-time_s / decay_s[:, None])))
