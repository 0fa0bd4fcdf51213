"""Parts that touch when they should not: a rotor that rubs, a cover that rattles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.cause import REJECT_LIMIT, Cause
from sensors.simulator.motion import Impulses, Motion

Real = NDArray[np.float64]

FRICTION = 0.15  # broadband force over normal force
PUSH_SHARE = 0.1  # the rest closes within the motor: the guard is bolted to the same housing
RESTITUTION = 0.55
RATTLE_ORDER = 2.0  # misalignment shakes the cover twice a revolution
RATTLE_MOMENTUM_N_S = 4.5e-5  # of a mean blow at the reject limit
FLIGHT_SHARE = 0.3  # height of a hop, as a share of the gap


@dataclass(frozen=True, slots=True)
class Rub:
    """Forces of a rubbing rotor, N: what the whole motor feels, and friction on the guard."""

    push_n: Real  # (x and y, sample)
    friction_n: Real  # (sample,)


def rub(cause: Cause, motion: Motion, rng: np.random.Generator) -> Rub:
    """A rotor touching its guard once a revolution; zeros when it runs free.

    Partial rub: the arc of contact and the force both grow with severity (Muszynska 1989,
    "Rotor-to-stationary element rub-related vibration phenomena"). Within the arc, stick-slip
    makes a broadband force in proportion to the normal force.
    """
    severity = cause.severity_of("rub")
    count = motion.time_s.size
    if severity == 0.0:
        return Rub(np.zeros((2, count)), np.zeros(count))
    contact_rad = rng.uniform(-np.pi, np.pi)
    half_arc_rad = np.radians(28.0) * severity**0.3
    phase_rad = motion.angle_rad - contact_rad
    pressing = np.maximum(np.cos(phase_rad) - np.cos(half_arc_rad), 0.0)
    pressing /= 1.0 - np.cos(half_arc_rad)
    turn = np.floor(phase_rad / (2.0 * np.pi) + 0.5).astype(np.int64)
    turn -= turn[0]
    each_turn = np.exp(0.25 * rng.standard_normal(int(turn[-1]) + 1))
    normal_n = cause.magnitude * each_turn[turn] * pressing
    towards = np.array([[np.cos(contact_rad)], [np.sin(contact_rad)]])
    return Rub(-PUSH_SHARE * normal_n * towards, FRICTION * normal_n * rng.standard_normal(count))


@dataclass(frozen=True, slots=True)
class Rattle:
    """A loose cover: its blows on the housing and its hops between them."""

    impulses: Impulses
    hop_mm: Real  # height of the hop that follows each blow

    def lift_at(self, time_s: float) -> float:
        """How far the cover stands off its seat, mm: a parabola between two blows."""
        times_s = self.impulses.times_s
        last = int(np.searchsorted(times_s, time_s)) - 1
        if last < 0 or last + 1 >= times_s.size:
            return 0.0
        share = (time_s - times_s[last]) / (times_s[last + 1] - times_s[last])
        return float(4.0 * share * (1.0 - share) * self.hop_mm[last])


def rattle(cause: Cause, motion: Motion, rng: np.random.Generator) -> Rattle:
    """A cover bouncing on a shaking seat; nothing when it is tight.

    Holmes 1982, "The dynamics of repeated impacts with a sinusoidally vibrating table": with phase
    p and scaled velocity v, p' = p + v, v' = a v - g cos(p'). Blows lock to multiples of the
    shaking at small g and become chaotic at large g.
    """
    severity = cause.severity_of("loose_cover")
    if severity == 0.0:
        return Rattle(Impulses.none(), np.empty(0))
    drive = 2.0 + 2.5 * min(severity, 3.0) ** 0.5
    start_rad, end_rad = RATTLE_ORDER * motion.angle_rad[[0, -1]]
    phase_rad, velocity = start_rad + rng.uniform(0.0, 2.0 * np.pi), rng.uniform(2.0, 6.0)
    phases, blows, velocities = [], [], []
    while phase_rad < end_rad:
        leaving = abs(RESTITUTION * velocity - drive * np.cos(phase_rad)) + 0.5
        phases.append(phase_rad)
        blows.append(velocity + leaving)
        velocities.append(leaving)
        velocity = leaving
        phase_rad += leaving * (1.0 + 0.03 * rng.standard_normal())
    times_s = motion.times_at(np.array(phases) / RATTLE_ORDER)
    scale = severity * RATTLE_MOMENTUM_N_S / 6.0
    gap_mm = severity * REJECT_LIMIT["loose_cover"].value
    hop_mm = FLIGHT_SHARE * gap_mm * np.minimum(np.array(velocities) / 6.0, 1.5)
    return Rattle(Impulses(times_s, scale * np.array(blows)), hop_mm)
