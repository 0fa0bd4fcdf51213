"""One simulated part: its cause, its nuisances, and what three sensors recorded of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.cause import OK, Cause, draw_cause
from sensors.simulator.machine import run_machine
from sensors.simulator.picture import empty_frames, frame_times, frames
from sensors.simulator.sound import pressure, silence
from sensors.simulator.traits import PartTraits, draw_part_traits, draw_station
from sensors.simulator.vibration import acceleration, quiescent

# Each purpose has its own stream of random numbers, so that a defect of one sense changes no bit
# of the others.
_PURPOSES = (
    "cause",
    "traits",
    "healthy",
    "defect",
    "accelerometer",
    "microphone",
    "face",
    "mark",
    "camera",
)
_IDLE = 1  # a last key of the streams between two parts; those of parts have 0


@dataclass(frozen=True, slots=True)
class SimulatedPart:
    """Recordings of one part; times count from its trigger."""

    cause: Cause
    traits: PartTraits
    station_index: int
    seed: int
    vibration: NDArray[np.float32]  # (axis, sample), m/s^2
    sound: NDArray[np.float32]  # (sample,), Pa
    frames: tuple[bytes, ...]  # JPEG
    frame_times_s: tuple[float, ...]
    duration_s: float


def drawn_cause(
    seed: int, station_index: int, part_index: int, *, defect_share: float = 0.5
) -> Cause:
    """What `simulate_part` of the same arguments draws, without the recordings."""
    rngs = _streams(seed, station_index, part_index, 0)
    return draw_cause(rngs["cause"], defect_share=defect_share)


def drawn_traits(
    seed: int, station_index: int, part_index: int, *, difficulty: float = 1.0
) -> PartTraits:
    """The nuisances that `simulate_part` of the same arguments draws, without the recordings."""
    return draw_part_traits(_streams(seed, station_index, part_index, 0)["traits"], difficulty)


def simulate_part(
    seed: int,
    station_index: int,
    part_index: int,
    *,
    difficulty: float = 1.0,
    duration_s: float = 0.5,
    cause: Cause | None = None,
    defect_share: float = 0.5,
    strangeness: float = 1.0,
) -> SimulatedPart:
    """Simulates one part, deterministic in its arguments; `cause` replaces the drawn one.

    A replaced cause changes nothing else of the part: same speed, same noise, same face. With
    `strangeness` 2 stations are twice as unlike as difficulty alone makes them, parts as ever.
    """
    rngs = _streams(seed, station_index, part_index, 0)
    drawn = draw_cause(rngs["cause"], defect_share=defect_share)
    cause = drawn if cause is None else cause
    station = draw_station(seed, station_index, difficulty * strangeness)
    traits = draw_part_traits(rngs["traits"], difficulty)
    state = run_machine(cause, traits, duration_s, rngs["healthy"], rngs["defect"])
    vibration = acceleration(state, station, traits, duration_s, rngs["accelerometer"])
    sound = pressure(state, station, traits, duration_s, rngs["microphone"])
    pictures = frames(
        state,
        cause,
        station,
        traits,
        duration_s,
        face=rngs["face"],
        mark=rngs["mark"],
        noise=rngs["camera"],
    )
    times_s = frame_times(duration_s)
    return SimulatedPart(
        cause, traits, station_index, seed, vibration, sound, tuple(pictures), times_s, duration_s
    )


def simulate_idle(
    seed: int,
    station_index: int,
    *,
    difficulty: float = 1.0,
    duration_s: float = 0.5,
    idle_index: int = 0,
    strangeness: float = 1.0,
) -> SimulatedPart:
    """The station between two parts: motor off, fixture empty; `idle_index` varies the noise."""
    rngs = _streams(seed, station_index, idle_index, _IDLE)
    station = draw_station(seed, station_index, difficulty * strangeness)
    traits = replace(draw_part_traits(rngs["traits"], difficulty), speed_rpm=0.0)
    vibration = quiescent(station, duration_s, rngs["accelerometer"]).astype(np.float32)
    sound = silence(station, duration_s, rngs["microphone"]).astype(np.float32)
    pictures = tuple(empty_frames(station, duration_s, rngs["camera"]))
    times_s = frame_times(duration_s)
    return SimulatedPart(
        OK, traits, station_index, seed, vibration, sound, pictures, times_s, duration_s
    )


def _streams(
    seed: int, station_index: int, index: int, kind: int
) -> dict[str, np.random.Generator]:
    return {
        purpose: np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(station_index, index, number, kind))
        )
        for number, purpose in enumerate(_PURPOSES)
    }
