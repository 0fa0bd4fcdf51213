"""How unevenly an engine runs: what its sound's envelope has between the engine's own orders.

Four cylinders that fire alike repeat themselves every two revolutions, so that the envelope's
spectrum is a comb of half orders. One that misfires, now more and now less, fills the gaps. The
share between the teeth is a pure number: gain, distance and colour of the room drop out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Real = NDArray[np.float64]

BAND_HZ = (2_500.0, 7_000.0)
ENVELOPE_HZ = 500.0
WINDOW_S = 8.0
TOP_HZ = 60.0
CYCLES_HZ = (5.0, 9.0)  # of two revolutions: 600 to 1,080 rpm
STEP_HZ = 0.01
TEETH = 8  # of the comb by which the rate is found
TOOTH = 0.2  # half its width, in cycles
LOWEST = 0.6  # cycles; slower is the idle control


@dataclass(frozen=True, slots=True)
class Idle:
    """Window by window."""

    irregularity: Real  # share of the modulation between the teeth, 0 to 1
    cycle_hz: Real  # of two revolutions
    level: Real  # RMS of the sound, in its own unit


def idle(sound: Real, rate_hz: float) -> Idle:
    """Of a recording (sample,) at idle, in windows of 8 s that overlap by half.

    Raises:
        ValueError: shorter than a window, or sampled too slowly for the band.
    """
    if rate_hz <= 2.0 * BAND_HZ[1]:
        raise ValueError(f"sampled at {rate_hz:g} Hz; expected above {2.0 * BAND_HZ[1]:g} Hz")
    every = round(rate_hz / ENVELOPE_HZ)
    passing = signal.butter(4, BAND_HZ, "bandpass", fs=rate_hz, output="sos")
    ringing = signal.sosfilt(passing, sound)
    swell = np.abs(signal.hilbert(ringing[: len(ringing) // every * every]))
    envelope = swell.reshape(-1, every).mean(axis=1)
    length = round(WINDOW_S * ENVELOPE_HZ)
    if len(envelope) < length:
        raise ValueError(f"{len(sound) / rate_hz:.1f} s of sound; expected at least {WINDOW_S} s")
    starts = range(0, len(envelope) - length + 1, length // 2)
    pairs = [_window(envelope[start : start + length]) for start in starts]
    level = [np.std(sound[s * every : (s + length) * every]) for s in starts]
    uneven, rate = np.array(pairs).T
    return Idle(uneven, rate, np.array(level))


def _window(envelope: Real) -> tuple[float, float]:
    """(irregularity, cycles a second)"""
    depth = envelope / envelope.mean() - 1.0
    fine = 4 * len(depth)
    power = np.abs(np.fft.rfft(depth * np.hanning(len(depth)), fine)) ** 2
    candidates = np.arange(*CYCLES_HZ, STEP_HZ)
    teeth = np.outer(np.arange(1, TEETH + 1), candidates) * fine / ENVELOPE_HZ
    cycle_hz = float(candidates[power[np.round(teeth).astype(int)].sum(axis=0).argmax()])
    frequency = np.fft.rfftfreq(fine, 1.0 / ENVELOPE_HZ)
    cycles = frequency / cycle_hz
    heard = (cycles > LOWEST) & (frequency < TOP_HZ)
    between = heard & (np.abs(cycles - np.round(cycles)) >= TOOTH)
    return float(power[between].sum() / power[heard].sum()), cycle_hz
