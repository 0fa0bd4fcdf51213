"""The shaft's angle over time and instants of impact: what every sense derives from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.traits import PartTraits

Real = NDArray[np.float64]

MECHANICS_RATE_HZ = 25_600.0
LEAD_S = 0.25  # simulated before the trigger, so that ringing and reverberation are there
_GRID_HZ = 3_200  # a duration on this grid has whole samples at 25.6 kHz and at 16 kHz


@dataclass(frozen=True, slots=True)
class Impulses:
    """Blows: when, and how much momentum each."""

    times_s: Real
    momentum_n_s: Real

    @staticmethod
    def none() -> "Impulses":
        return Impulses(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True)
class Motion:
    """Shaft angle on the mechanics grid; time 0 is the trigger."""

    time_s: Real
    angle_rad: Real
    speed_hz: Real

    def angle_at(self, time_s: Real | float) -> Real:
        return np.asarray(np.interp(time_s, self.time_s, self.angle_rad))

    def speed_at(self, time_s: Real | float) -> Real:
        return np.asarray(np.interp(time_s, self.time_s, self.speed_hz))

    def times_at(self, angle_rad: Real) -> Real:
        return np.asarray(np.interp(angle_rad, self.angle_rad, self.time_s))


def shaft_motion(traits: PartTraits, duration_s: float, rng: np.random.Generator) -> Motion:
    """A shaft at its set speed with slow wander, started `LEAD_S` before the trigger."""
    count = 8 * int(np.ceil((LEAD_S + duration_s) * _GRID_HZ - 1e-9))
    time_s = np.arange(count) / MECHANICS_RATE_HZ - LEAD_S
    wander_hz = rng.uniform(0.5, 7.0, 4)
    phase_rad = rng.uniform(0.0, 2.0 * np.pi, 4)
    weight = rng.standard_normal(4) * 0.5
    wander = weight @ np.sin(2.0 * np.pi * wander_hz[:, None] * time_s + phase_rad[:, None])
    speed_hz = traits.speed_rpm / 60.0 * (1.0 + traits.speed_jitter * wander)
    start_rad = rng.uniform(0.0, 2.0 * np.pi)
    angle_rad = start_rad + 2.0 * np.pi * np.cumsum(speed_hz) / MECHANICS_RATE_HZ
    return Motion(time_s, angle_rad, speed_hz)


def impulse_train(impulses: Impulses, motion: Motion) -> Real:
    """Force on the mechanics grid, N, each blow shared between its two nearest samples."""
    position = (impulses.times_s - motion.time_s[0]) * MECHANICS_RATE_HZ
    index = np.floor(position).astype(np.int64)
    inside = (index >= 0) & (index < motion.time_s.size - 1)
    index, position = index[inside], position[inside]
    force = impulses.momentum_n_s[inside] * MECHANICS_RATE_HZ
    late = position - index
    count = motion.time_s.size
    train = np.bincount(index, force * (1.0 - late), count)
    return np.asarray(train + np.bincount(index + 1, force * late, count))
