"""A rolling bearing: its kinematics and the impulses of a spall on one of its races."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.cause import Cause
from sensors.simulator.motion import Impulses, Motion

SLIP_JITTER = 0.012  # relative, each interval: 1 to 2 % (Randall & Antoni 2011, sec. 2)
MOMENTUM_AT_LIMIT_N_S = 1e-3
REFERENCE_SPEED_HZ = 30.0


@dataclass(frozen=True, slots=True)
class Bearing:
    """Geometry, and the defect orders it implies, in events per shaft revolution.

    Randall & Antoni 2011, "Rolling element bearing diagnostics - a tutorial", eqs. 1 to 4.
    """

    balls: int
    ball_diameter_mm: float
    pitch_diameter_mm: float
    contact_angle_rad: float

    @property
    def ratio(self) -> float:
        across = float(np.cos(self.contact_angle_rad))
        return self.ball_diameter_mm / self.pitch_diameter_mm * across

    @property
    def bpfo(self) -> float:
        """Ball passing order, outer race."""
        return 0.5 * self.balls * (1.0 - self.ratio)

    @property
    def bpfi(self) -> float:
        """Ball passing order, inner race."""
        return 0.5 * self.balls * (1.0 + self.ratio)

    @property
    def ftf(self) -> float:
        """Fundamental train (cage) order."""
        return 0.5 * (1.0 - self.ratio)

    @property
    def bsf(self) -> float:
        """Ball spin order."""
        return 0.5 * self.pitch_diameter_mm / self.ball_diameter_mm * (1.0 - self.ratio**2)


# The 6203 of the Case Western Reserve test rig's fan end, whose published orders are
# BPFO 3.053, BPFI 4.947, FTF 0.382 and BSF 1.994.
BEARING = Bearing(balls=8, ball_diameter_mm=6.746, pitch_diameter_mm=28.5, contact_angle_rad=0.0)


def load_zone(angle_rad: NDArray[np.float64], extent: float) -> NDArray[np.float64]:
    """Share of the peak load at an angle from the load direction; Stribeck's distribution.

    Harris 2001, Rolling Bearing Analysis, eq. 7.12, exponent 3/2 for balls; `extent` is his
    epsilon, 0.5 for a loaded half circle.
    """
    base = np.maximum(1.0 - (1.0 - np.cos(angle_rad)) / (2.0 * extent), 0.0)
    return np.asarray(base**1.5)


def spall_impulses(cause: Cause, motion: Motion, load: float, rng: np.random.Generator) -> Impulses:
    """The blows of the balls on a spall; none when the bearing is sound.

    A spall of the outer race sits in the load zone; one of the inner race passes through it once
    a revolution. Slip makes every interval a little random, and the error accumulates.
    """
    severity = cause.severity_of("bearing_outer", "bearing_inner")
    if severity == 0.0:
        return Impulses.none()
    is_inner = cause.hypothesis == "bearing_inner"
    order = BEARING.bpfi if is_inner else BEARING.bpfo
    turns = (motion.angle_rad[-1] - motion.angle_rad[0]) / (2.0 * np.pi)
    count = int(turns * order * 1.1) + 2
    intervals = 2.0 * np.pi / order * (1.0 + SLIP_JITTER * rng.standard_normal(count))
    angles = motion.angle_rad[0] + np.cumsum(intervals) - rng.random() * intervals[0]
    zone = np.ones(count)
    if is_inner:
        zone = load_zone(angles - rng.uniform(-np.pi, np.pi), extent=0.45 + 0.2 * load)
    scatter = np.exp(0.12 * rng.standard_normal(count))
    inside = angles < motion.angle_rad[-1]
    times_s = motion.times_at(angles[inside])
    speed = motion.speed_at(times_s) / REFERENCE_SPEED_HZ
    strength = MOMENTUM_AT_LIMIT_N_S * severity * (0.6 + 0.6 * load)
    return Impulses(times_s, strength * speed * (zone * scatter)[inside])
