"""The motor on its test stand: every force in it, from one shaft angle and one cause."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.bearing import spall_impulses
from sensors.simulator.cause import Cause
from sensors.simulator.contact import Rattle, rattle, rub
from sensors.simulator.motion import Impulses, Motion, impulse_train, shaft_motion
from sensors.simulator.structure import SOURCES
from sensors.simulator.traits import PartTraits

Real = NDArray[np.float64]

LINE_FREQUENCY_HZ = 50.0
STATOR_SLOTS = 24
FAN_BLADES = 7
REFERENCE_SPEED_HZ = 30.0
GREASE_TICK_N_S = 1.0e-4


@dataclass(frozen=True, slots=True)
class MachineState:
    """What moves and what pushes: the one source of vibration, sound and picture."""

    motion: Motion
    forces_n: Real  # (source, sample) on the mechanics grid, rows as SOURCES
    spall: Impulses
    rattle: Rattle


def run_machine(
    cause: Cause,
    traits: PartTraits,
    duration_s: float,
    healthy: np.random.Generator,
    defect: np.random.Generator,
) -> MachineState:
    """Runs the motor; `healthy` draws what every motor has, `defect` what the cause adds."""
    motion = shaft_motion(traits, duration_s, healthy)
    forces_n = _healthy_forces(traits, motion, healthy)
    spall = spall_impulses(cause, motion, traits.load, defect)
    loose = rattle(cause, motion, defect)
    touch = rub(cause, motion, defect)
    forces_n[:2] += touch.push_n
    if cause.hypothesis == "imbalance":
        forces_n[:2] += _unbalance(cause.magnitude, motion, defect)
    forces_n[SOURCES.index("bearing")] += impulse_train(spall, motion)
    forces_n[SOURCES.index("contact")] += touch.friction_n
    forces_n[SOURCES.index("cover")] += impulse_train(loose.impulses, motion)
    return MachineState(motion, forces_n, spall, loose)


def _unbalance(unbalance_g_mm: float, motion: Motion, rng: np.random.Generator) -> Real:
    """Rotating force m r w^2 of an unbalance at a random angle: (x and y, sample), N."""
    phase_rad = motion.angle_rad + rng.uniform(0.0, 2.0 * np.pi)
    force_n = unbalance_g_mm * 1e-6 * (2.0 * np.pi * motion.speed_hz) ** 2
    return np.asarray(force_n * np.stack([np.cos(phase_rad), np.sin(phase_rad)]))


def _healthy_forces(traits: PartTraits, motion: Motion, rng: np.random.Generator) -> Real:
    """Residual unbalance, misalignment, magnetic hum, rolling noise, grease and windage."""
    count = motion.time_s.size
    angle_rad = motion.angle_rad
    speed = motion.speed_hz / REFERENCE_SPEED_HZ
    forces_n = np.zeros((len(SOURCES), count))
    rotor_x, rotor_y, bearing, _, cover = forces_n  # views, filled in place
    forces_n[:2] += _unbalance(traits.residual_unbalance_g_mm, motion, rng)
    phases = rng.uniform(0.0, 2.0 * np.pi, 8)
    rotor_x += traits.misalignment_n * np.cos(2.0 * angle_rad + phases[0])
    rotor_y += 0.4 * traits.misalignment_n * np.cos(3.0 * angle_rad + phases[1])
    for order in range(4, 10):  # a worn coupling gives every motor a falling series
        level_n = 0.3 * traits.misalignment_n * 0.8**order * np.exp(0.5 * rng.standard_normal())
        rotor_x += level_n * np.cos(order * angle_rad + rng.uniform(0.0, 2.0 * np.pi))
    rotor_y += traits.hum_n * np.cos(4.0 * np.pi * LINE_FREQUENCY_HZ * motion.time_s + phases[2])
    for order, share, phase in (
        (STATOR_SLOTS - 2, 0.15, phases[3]),
        (STATOR_SLOTS, 0.35, phases[4]),
        (STATOR_SLOTS + 2, 0.15, phases[5]),
    ):
        bearing += traits.hum_n * traits.load * share * np.cos(order * angle_rad + phase)
    warmth = 1.0 - 0.008 * (traits.temperature_c - 45.0)  # thin oil, less damping of the cage
    bearing += traits.rolling_noise_n * warmth * speed * rng.standard_normal(count)
    bearing += impulse_train(_grease_ticks(traits, motion, rng), motion)
    swirl = 1.0 + traits.windage_modulation * np.cos(angle_rad + phases[6])
    cover += traits.windage_n * speed**2 * swirl * rng.standard_normal(count)
    cover += 0.4 * traits.windage_n * speed**2 * np.cos(FAN_BLADES * angle_rad + phases[7])
    return forces_n


def _grease_ticks(traits: PartTraits, motion: Motion, rng: np.random.Generator) -> Impulses:
    """Dirt and grease channelling: a sound bearing ticks too, at no particular rate."""
    duration_s = motion.time_s[-1] - motion.time_s[0]
    count = int(rng.poisson(traits.grease_ticks_per_s * duration_s))
    times_s = np.sort(rng.uniform(motion.time_s[0], motion.time_s[-1], count))
    return Impulses(times_s, GREASE_TICK_N_S * np.exp(0.6 * rng.standard_normal(count)))
