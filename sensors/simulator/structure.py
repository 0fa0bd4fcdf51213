"""How forces inside the motor reach the accelerometer and the air: modal transfer functions.

Every mode is a mass on a spring and a damper. A force F on a mode of mass m gives the
acceleration A(w) = F / m * w^2 / (w^2 - wk^2 - 2j z wk w) (Ewins 2000, Modal Testing, sec. 2.4).
Modes of the housing carry the accelerometer and radiate little; modes of the sheet-metal cover
radiate well and barely move the housing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

# Where forces act; the rows of every force array.
SOURCES: tuple[str, ...] = ("rotor_x", "rotor_y", "bearing", "contact", "cover")

MOTOR_MASS_KG = 8.0
ISOLATOR_HZ = 5.0
ISOLATOR_DAMPING = 0.6


@dataclass(frozen=True, slots=True)
class Mode:
    """One resonance: how each source drives it, how the sensor feels it, how it radiates."""

    frequency_hz: float
    damping: float
    mass_kg: float
    drive: tuple[float, float, float, float, float]  # one per SOURCES
    axes: tuple[float, float, float]  # x, y, z at the accelerometer
    radiating_area_m2: float


# Housing: bending, ovalling and end-shield modes. Cover: plate modes, felt only weakly.
NOMINAL_MODES: tuple[Mode, ...] = (
    Mode(430.0, 0.020, 9.0, (0.8, 0.2, 0.6, 0.45, 0.02), (0.9, 0.3, 0.2), 0.004),
    Mode(1180.0, 0.018, 6.0, (0.3, 0.7, 0.8, 0.55, 0.02), (0.3, 0.9, 0.3), 0.006),
    Mode(2350.0, 0.015, 4.0, (0.3, 0.3, 1.0, 0.65, 0.03), (0.5, 0.5, 0.8), 0.008),
    Mode(3720.0, 0.014, 3.5, (0.2, 0.2, 1.0, 0.70, 0.03), (0.7, 0.4, 0.5), 0.008),
    Mode(5650.0, 0.012, 3.0, (0.1, 0.1, 0.9, 0.70, 0.02), (0.4, 0.8, 0.4), 0.006),
    Mode(8300.0, 0.012, 3.0, (0.1, 0.1, 0.7, 0.50, 0.02), (0.5, 0.4, 0.7), 0.003),
    Mode(780.0, 0.030, 0.12, (0.0, 0.0, 0.002, 0.20, 0.5), (0.004, 0.004, 0.008), 0.010),
    Mode(1640.0, 0.028, 0.10, (0.0, 0.0, 0.003, 0.35, 0.8), (0.004, 0.004, 0.008), 0.012),
    Mode(2900.0, 0.025, 0.08, (0.0, 0.0, 0.003, 0.60, 0.8), (0.003, 0.003, 0.006), 0.012),
    Mode(4450.0, 0.022, 0.07, (0.0, 0.0, 0.003, 0.90, 0.6), (0.003, 0.003, 0.006), 0.010),
    Mode(6300.0, 0.020, 0.06, (0.0, 0.0, 0.002, 0.80, 0.4), (0.002, 0.002, 0.004), 0.008),
)


def perturbed_modes(rng: np.random.Generator, spread: float) -> tuple[Mode, ...]:
    """The nominal modes as one station's clamping makes them; `spread` 0.05 is 5 % in frequency."""
    return tuple(
        replace(
            mode,
            frequency_hz=mode.frequency_hz * float(np.exp(spread * rng.standard_normal())),
            damping=mode.damping * float(np.exp(4.0 * spread * rng.standard_normal())),
            mass_kg=mode.mass_kg * float(np.exp(2.0 * spread * rng.standard_normal())),
        )
        for mode in NOMINAL_MODES
    )


def receptivity(modes: Sequence[Mode], frequency_hz: Real, stiffness_shift: float) -> Complex:
    """Acceleration of each mode per newton on it, m/s^2/N: (mode, frequency).

    `stiffness_shift` moves all resonances by that relative amount, as warmth and clamping do.
    """
    resonance_hz = np.array([mode.frequency_hz for mode in modes])[:, None]
    resonance_hz *= 1.0 + stiffness_shift
    damping = np.array([mode.damping for mode in modes])[:, None]
    mass_kg = np.array([mode.mass_kg for mode in modes])[:, None]
    ratio = frequency_hz[None, :] / resonance_hz
    return np.asarray(ratio**2 / (ratio**2 - 1.0 - 2j * damping * ratio) / mass_kg)


def accelerances(modes: Sequence[Mode], frequency_hz: Real, stiffness_shift: float) -> Complex:
    """m/s^2 at the accelerometer per newton at each source: (axis, source, frequency)."""
    modal = receptivity(modes, frequency_hz, stiffness_shift)
    drive = np.array([mode.drive for mode in modes])  # (mode, source)
    axes = np.array([mode.axes for mode in modes])  # (mode, axis)
    shape = np.einsum("ka,ks->ask", axes, drive).reshape(-1, len(modes))
    flexible = (shape @ modal).reshape(3, len(SOURCES), -1)
    ratio = frequency_hz / ISOLATOR_HZ
    rigid = ratio**2 / (ratio**2 - 1.0 - 2j * ISOLATOR_DAMPING * ratio) / MOTOR_MASS_KG
    flexible[0, 0] += rigid
    flexible[1, 1] += rigid
    return np.asarray(flexible)


AIR_DENSITY_KG_M3 = 1.2
MICROPHONE_DISTANCE_M = 0.35
SPEED_OF_SOUND_M_S = 343.0
RADIATION_CORNER_HZ = 350.0  # below it the body is small against the wavelength


def radiances(modes: Sequence[Mode], frequency_hz: Real, stiffness_shift: float) -> Complex:
    """Pa at the microphone per newton at each source, free field: (source, frequency).

    Simple source, p = rho A a / (4 pi r), late by r / c (Kinsler et al. 2000, Fundamentals of
    Acoustics, sec. 7.2), and a loss below `RADIATION_CORNER_HZ`. The rigid motion of the motor,
    a dipole far smaller than its wavelength, is left out: unbalance is felt and not heard.
    """
    modal = receptivity(modes, frequency_hz, stiffness_shift)
    drive = np.array([mode.drive for mode in modes])
    area_m2 = np.array([mode.radiating_area_m2 for mode in modes])
    volume = (area_m2[:, None] * drive).T @ modal
    efficiency = (frequency_hz / RADIATION_CORNER_HZ) ** 2
    efficiency = efficiency / (1.0 + efficiency)
    gain = AIR_DENSITY_KG_M3 / (4.0 * np.pi * MICROPHONE_DISTANCE_M)
    travel = np.exp(-2j * np.pi * frequency_hz * MICROPHONE_DISTANCE_M / SPEED_OF_SOUND_M_S)
    return np.asarray(gain * efficiency * travel * volume)
