"""Acceleration at the sensor on the motor's foot."""

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.machine import MachineState
from sensors.simulator.motion import LEAD_S, MECHANICS_RATE_HZ
from sensors.simulator.structure import accelerances
from sensors.simulator.traits import PartTraits, StationTraits

VIBRATION_RATE_HZ = 25_600

RESONANCE_PER_KELVIN = -2.5e-4  # the modulus of cast aluminium falls as it warms


def acceleration(
    state: MachineState,
    station: StationTraits,
    traits: PartTraits,
    duration_s: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Acceleration from the trigger on, m/s^2: (axis, sample) at `VIBRATION_RATE_HZ`."""
    spectrum = np.fft.rfft(state.forces_n)  # (source, frequency)
    count = state.motion.time_s.size
    frequency_hz = np.arange(count // 2 + 1, dtype=np.float64) * (MECHANICS_RATE_HZ / count)
    transfer = accelerances(station.modes, frequency_hz, stiffness_shift(traits))
    felt = np.einsum("asf,sf->af", transfer, spectrum) * traits.clamping_gain
    start = round(LEAD_S * MECHANICS_RATE_HZ)
    stop = start + round(duration_s * VIBRATION_RATE_HZ)
    true_axes = np.fft.irfft(felt, count)[:, start:stop]
    sensed = np.array(station.axis_coupling) @ true_axes
    return (sensed + quiescent(station, duration_s, rng)).astype(np.float32)


def stiffness_shift(traits: PartTraits) -> float:
    """Relative shift of all resonances at this part's temperature."""
    return 0.5 * RESONANCE_PER_KELVIN * (traits.temperature_c - 45.0)


def quiescent(
    station: StationTraits, duration_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sensor noise and the trembling floor, m/s^2: (axis, sample)."""
    count = round(duration_s * VIBRATION_RATE_HZ)
    noise = station.accelerometer_noise_m_s2 * rng.standard_normal((3, count))
    time_s = np.arange(count) / VIBRATION_RATE_HZ
    for neighbour in station.neighbours:
        phase_rad = rng.uniform(0.0, 2.0 * np.pi, 3)
        share = rng.uniform(0.3, 1.0, 3) * station.floor_vibration_m_s2
        turning = 2.0 * np.pi * neighbour.speed_hz * time_s
        noise += share[:, None] * np.cos(turning + phase_rad[:, None])
    return np.asarray(noise)
