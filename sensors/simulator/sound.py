"""Sound pressure at the microphone, radiated by the very forces that shake the motor."""

import numpy as np
from numpy.typing import NDArray

from sensors.simulator.machine import MachineState
from sensors.simulator.motion import LEAD_S, MECHANICS_RATE_HZ
from sensors.simulator.room import SOUND_RATE_HZ, hall_noise, room_response
from sensors.simulator.structure import radiances
from sensors.simulator.traits import PartTraits, StationTraits
from sensors.simulator.vibration import stiffness_shift

__all__ = ["SOUND_RATE_HZ", "pressure", "silence"]


def pressure(
    state: MachineState,
    station: StationTraits,
    traits: PartTraits,
    duration_s: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Sound pressure from the trigger on, Pa: (sample,) at `SOUND_RATE_HZ`.

    The change of rate is exact: both grids span the same time, so the forces' spectrum is cut at
    8 kHz and turned back at 16 kHz.
    """
    mechanics_count = state.motion.time_s.size
    sound_count = round(mechanics_count * SOUND_RATE_HZ / MECHANICS_RATE_HZ)
    frequency_hz = np.arange(sound_count // 2 + 1) * np.float64(SOUND_RATE_HZ / sound_count)
    spectrum = np.fft.rfft(state.forces_n)[:, : frequency_hz.size]
    transfer = radiances(station.modes, frequency_hz, stiffness_shift(traits))
    heard = np.sum(transfer * spectrum, axis=0)
    heard *= room_response(
        station.room_seed, station.reverberation_s, station.reverberant_ratio, sound_count
    )
    scale = sound_count / mechanics_count
    start = round(LEAD_S * SOUND_RATE_HZ)
    count = round(duration_s * SOUND_RATE_HZ)
    radiated = scale * np.fft.irfft(heard, sound_count)[start : start + count]
    return (radiated + silence(station, duration_s, rng)).astype(np.float32)


def silence(
    station: StationTraits, duration_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """What the microphone gives with the motor off, Pa: (sample,)."""
    count = round(duration_s * SOUND_RATE_HZ)
    noise = hall_noise(station, count, rng)
    return np.asarray(noise + station.microphone_noise_pa * rng.standard_normal(count))
