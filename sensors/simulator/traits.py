"""What differs from station to station and from part to part without being a defect."""

from dataclasses import dataclass

import numpy as np

from sensors.simulator.structure import Mode, perturbed_modes

NOMINAL_SPEED_RPM = 1800.0
SPEED_SPREAD_RPM = 400.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another machine in the hall, heard through the wall of the cell."""

    speed_hz: float
    level_pa: float
    harmonic_decay: float


@dataclass(frozen=True, slots=True)
class StationTraits:
    """One test cell: its mounting, its room, its light, its sensors."""

    station_index: int
    modes: tuple[Mode, ...]
    axis_coupling: tuple[tuple[float, float, float], ...]  # sensor axis by true axis
    accelerometer_noise_m_s2: float
    floor_vibration_m_s2: float
    neighbours: tuple[Neighbour, ...]
    background_pa: float
    background_tilt: float  # exponent of the amplitude spectrum, 0 white, 0.5 pink
    clanks_per_s: float
    reverberation_s: float
    reverberant_ratio: float  # reverberant over direct energy
    room_seed: int
    microphone_noise_pa: float
    light_direction_rad: float
    light_gradient: float
    highlight: float
    camera_shift_px: tuple[float, float]
    camera_scale: float
    camera_noise_grey: float
    exposure_s: float


@dataclass(frozen=True, slots=True)
class PartTraits:
    """The nuisances of one part and one test run; none of them depends on the cause."""

    speed_rpm: float
    speed_jitter: float
    load: float
    temperature_c: float
    clamping_gain: float
    residual_unbalance_g_mm: float
    misalignment_n: float
    hum_n: float
    rolling_noise_n: float
    grease_ticks_per_s: float
    windage_n: float
    windage_modulation: float
    finish: float
    tint: tuple[float, float, float]  # blue, green, red
    stains: int
    fibres: int
    light_gain: float
    placement_shift_px: tuple[float, float]
    cover_play_mm: tuple[float, float]


def draw_station(seed: int, station_index: int, difficulty: float) -> StationTraits:
    """The traits of a station; they depend on these three arguments only."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(station_index,)))
    tilt = 0.04 * difficulty * rng.standard_normal((3, 3))
    gain = np.exp(0.06 * difficulty * rng.standard_normal(3))
    coupling = (np.eye(3) + tilt) * gain[:, None]
    neighbours = tuple(
        Neighbour(
            speed_hz=float(rng.uniform(12.0, 60.0)),
            level_pa=0.004 * difficulty * float(np.exp(0.5 * rng.standard_normal())),
            harmonic_decay=float(rng.uniform(0.75, 0.93)),
        )
        for _ in range(3)
    )
    return StationTraits(
        station_index=station_index,
        modes=perturbed_modes(rng, 0.04 * difficulty),
        axis_coupling=tuple((float(a), float(b), float(c)) for a, b, c in coupling),
        accelerometer_noise_m_s2=0.03 * (0.1 + 0.9 * difficulty) * _spread(rng, 0.2, difficulty),
        floor_vibration_m_s2=0.03 * difficulty * _spread(rng, 0.5, difficulty),
        neighbours=neighbours,
        background_pa=0.008 * difficulty * _spread(rng, 0.3, difficulty),
        background_tilt=float(rng.uniform(0.4, 0.8)),
        clanks_per_s=0.6 * difficulty * _spread(rng, 0.4, difficulty),
        reverberation_s=0.16 * _spread(rng, 0.25, difficulty),
        reverberant_ratio=0.4 * difficulty * _spread(rng, 0.3, difficulty),
        room_seed=int(rng.integers(2**31)),
        microphone_noise_pa=0.0008 * (0.1 + 0.9 * difficulty),
        light_direction_rad=float(rng.uniform(-np.pi, np.pi)),
        light_gradient=0.28 * difficulty * _spread(rng, 0.3, difficulty),
        highlight=0.35 * _spread(rng, 0.3, difficulty),
        camera_shift_px=_pair(rng, 5.0 * difficulty),
        camera_scale=1.0 + 0.012 * difficulty * float(rng.uniform(-1.0, 1.0)),
        camera_noise_grey=3.2 * (0.15 + 0.85 * difficulty) * _spread(rng, 0.15, difficulty),
        exposure_s=80e-6 * _spread(rng, 0.2, difficulty),
    )


def draw_part_traits(rng: np.random.Generator, difficulty: float) -> PartTraits:
    """The traits of one part, always from the same number of draws."""
    speed_rpm = NOMINAL_SPEED_RPM + SPEED_SPREAD_RPM * difficulty * float(rng.uniform(-1.0, 1.0))
    warmth = float(rng.uniform(-0.03, 0.03)) * min(difficulty, 1.0)
    return PartTraits(
        speed_rpm=float(np.clip(speed_rpm, 900.0, 3000.0)),
        speed_jitter=0.004 * difficulty * _spread(rng, 0.4, difficulty),
        load=float(np.clip(0.65 + 0.3 * difficulty * rng.uniform(-1.0, 1.0), 0.2, 1.2)),
        temperature_c=45.0 + 12.0 * difficulty * float(rng.uniform(-1.0, 1.0)),
        clamping_gain=_spread(rng, 0.05, difficulty),
        residual_unbalance_g_mm=22.0 * difficulty * float(rng.rayleigh()) / 1.25,
        misalignment_n=0.8 * difficulty * _spread(rng, 0.5, difficulty),
        hum_n=1.5 * _spread(rng, 0.4, difficulty),
        rolling_noise_n=1.6 * (0.1 + 0.9 * difficulty) * _spread(rng, 0.3, difficulty),
        grease_ticks_per_s=8.0 * difficulty * _spread(rng, 0.6, difficulty),
        windage_n=0.09 * (0.1 + 0.9 * difficulty) * _spread(rng, 0.35, difficulty),
        windage_modulation=0.35 * difficulty * float(rng.random()),
        finish=_spread(rng, 0.35, difficulty) * (0.3 + 0.7 * difficulty),
        tint=(0.98 + warmth, 1.0, 0.97 - warmth),
        stains=int(rng.poisson(2.0 * difficulty)),
        fibres=int(rng.poisson(0.8 * difficulty)),
        light_gain=_spread(rng, 0.08, difficulty),
        placement_shift_px=_pair(rng, 1.5 * difficulty),
        cover_play_mm=_pair(rng, 0.11 * difficulty),
    )


def _spread(rng: np.random.Generator, sigma: float, difficulty: float) -> float:
    """A factor around 1, log-normal."""
    return float(np.exp(sigma * difficulty * rng.standard_normal()))


def _pair(rng: np.random.Generator, sigma: float) -> tuple[float, float]:
    """Two shifts, kept within three sigma so that the part stays in the picture."""
    x, y = sigma * np.clip(rng.standard_normal(2), -3.0, 3.0)
    return float(x), float(y)
