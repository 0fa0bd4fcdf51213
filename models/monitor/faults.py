"""Faults of one sensor, and defects that nobody taught, done to the recordings of a good part."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal

import cv2
import numpy as np

from models.monitor import changes as do
from models.monitor.changes import Picture, Wave
from sensors.simulator.part import SimulatedPart
from sensors.simulator.picture import JPEG_QUALITY
from sensors.simulator.traits import draw_station

Sense = Literal["camera", "vibration", "audio"]
STRIDE = 2  # every second picture is looked at


@dataclass(frozen=True, slots=True)
class Others:
    """What else the station recorded."""

    before: SimulatedPart  # the part before
    idle: SimulatedPart  # nothing turns, the fixture is empty


Change = Callable[[SimulatedPart, Others, np.random.Generator], SimulatedPart]


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the study."""

    sense: Sense
    name: str
    change: Change
    is_defect: bool = False  # of the part, of a kind never taught; else of the sensor


def _camera(name: str, change: Callable[[Picture], Picture], *, is_defect: bool = False) -> Fault:
    return Fault("camera", name, partial(_shot_again, change), is_defect)


def _wave(
    sense: Sense,
    name: str,
    change: Callable[[Wave, np.random.Generator], Wave],
    *,
    is_defect: bool = False,
) -> Fault:
    return Fault(sense, name, partial(_heard_again, sense, change), is_defect)


def _shot_again(
    change: Callable[[Picture], Picture],
    part: SimulatedPart,
    _: Others,
    rng: np.random.Generator,
) -> SimulatedPart:
    """Every picture that is looked at, in grey, changed before the sensor's noise is added."""
    noise = draw_station(part.seed, part.station_index, 1.0).camera_noise_grey
    frames = list(part.frames)
    for i in range(0, len(frames), STRIDE):
        data = np.frombuffer(frames[i], np.uint8)
        grey = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)
        changed = change(grey) + noise * _grain(grey.shape, rng)
        pixels = np.clip(changed, 0, 255).astype(np.uint8)
        encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        frames[i] = bytes(encoded)
    return replace(part, frames=tuple(frames))


def _grain(shape: tuple[int, ...], rng: np.random.Generator) -> Picture:
    """Noise of deviation 1: rows and columns of one picture of it, turned at random."""
    down, right = (int(rng.integers(size)) for size in shape)
    return np.roll(_noise(shape), (down, right), (0, 1))


@cache
def _noise(shape: tuple[int, ...]) -> Picture:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _heard_again(
    sense: Sense,
    change: Callable[[Wave, np.random.Generator], Wave],
    part: SimulatedPart,
    _: Others,
    rng: np.random.Generator,
) -> SimulatedPart:
    if sense == "vibration":
        return replace(part, vibration=change(part.vibration, rng).astype(np.float32))
    return replace(part, sound=change(part.sound[None], rng)[0].astype(np.float32))


def _taken(part: SimulatedPart, source: SimulatedPart, sense: Sense) -> SimulatedPart:
    """This sense's recording of another part."""
    if sense == "camera":
        return replace(part, frames=source.frames, frame_times_s=source.frame_times_s)
    if sense == "vibration":
        return replace(part, vibration=source.vibration)
    return replace(part, sound=source.sound)


def _before(sense: Sense) -> Fault:
    return Fault(
        sense, "the part before", lambda part, others, _: _taken(part, others.before, sense)
    )


def _idle(sense: Sense, name: str) -> Fault:
    return Fault(sense, name, lambda p, others, _: _taken(p, others.idle, sense))


FAULTS: tuple[Fault, ...] = (
    *(_camera(f"blurred, {s:g} px", partial(do.blur, s)) for s in (1.0, 1.5, 2.0, 3.0, 5.0)),
    _camera("oil on half of the lens", do.half_oiled),
    *(_camera(f"light x {g:g}", partial(do.light, g)) for g in (0.7, 0.5, 0.25, 1.5, 2.0, 3.0)),
    _camera("haze, half the contrast", do.haze),
    _camera("lens covered", do.covered),
    _camera("nothing but noise", do.nothing),
    *(_camera(f"knocked aside, {n} px", partial(do.knocked, n)) for n in (20, 60)),
    *(_camera(f"turned, {n:g} degrees", partial(do.turned, n)) for n in (5.0, 20.0)),
    *(_camera(f"resolution / {n}", partial(do.coarse_picture, n)) for n in (4, 8)),
    _idle("camera", "fixture empty"),
    _before("camera"),
    _camera("new defect: a hole, 12 px", partial(do.disc, 10.0, 12), is_defect=True),
    _camera("new defect: a hole, 30 px", partial(do.disc, 10.0, 30), is_defect=True),
    _camera("new defect: a bright chip, 12 px", partial(do.disc, 240.0, 12), is_defect=True),
    *(
        _wave("vibration", f"unplugged, noise of {n:g} m/s2", partial(do.noise_only, n))
        for n in (0.001, 0.1, 1.0)
    ),
    _wave("vibration", "unplugged, noise as loud as the machine", do.noise_as_loud),
    _wave("vibration", "one axis dead", do.dead_axis),
    *(
        _wave("vibration", f"sensitivity x {g:g}", partial(do.gain, g))
        for g in (0.1, 0.5, 2.0, 10.0)
    ),
    *(
        _wave("vibration", f"saturated at {s:.0%} of its peak", partial(do.saturated, s))
        for s in (0.5, 0.2)
    ),
    *(
        _wave("vibration", f"50 Hz hum of {a:g} m/s2 on it", partial(do.tone, 25_600.0, 50.0, a))
        for a in (1.0, 5.0, 20.0)
    ),
    _wave("vibration", "nothing but 50 Hz hum, 3 m/s2", partial(do.only_hum, 25_600.0, 3.0)),
    *(
        _wave("vibration", f"steps of {s:g} m/s2", partial(do.stepped, s))
        for s in (0.25, 1.0, 4.0)
    ),
    _wave("vibration", "loose on its mount (16 samples' mean)", partial(do.muffled, 16)),
    *(
        _wave("vibration", f"another machine, speed x {s:g}", partial(do.at_speed, s))
        for s in (0.5, 2.0)
    ),
    _idle("vibration", "nothing turns"),
    _before("vibration"),
    _wave(
        "vibration", "new defect: a loose body, 20 m/s2", partial(do.knocks, 25_600.0, 20.0),
        is_defect=True,
    ),
    _wave(
        "vibration", "new defect: a whine, 3 kHz, 3 m/s2", partial(do.tone, 25_600.0, 3e3, 3.0),
        is_defect=True,
    ),
    *(
        _wave("audio", f"unplugged, noise of {n:g} Pa", partial(do.noise_only, n))
        for n in (0.0001, 0.001, 0.01)
    ),
    _wave("audio", "unplugged, noise as loud as the machine", do.noise_as_loud),
    *(_wave("audio", f"sensitivity x {g:g}", partial(do.gain, g)) for g in (0.1, 0.5, 2.0, 10.0)),
    *(
        _wave("audio", f"saturated at {s:.0%} of its peak", partial(do.saturated, s))
        for s in (0.5, 0.2)
    ),
    *(
        _wave("audio", f"50 Hz hum of {a:g} Pa on it", partial(do.tone, 16_000.0, 50.0, a))
        for a in (0.02, 0.1, 0.5)
    ),
    _wave("audio", "nothing but 50 Hz hum, 0.03 Pa", partial(do.only_hum, 16_000.0, 0.03)),
    *(_wave("audio", f"steps of {s:g} Pa", partial(do.stepped, s)) for s in (0.002, 0.01, 0.05)),
    _wave("audio", "covered (16 samples' mean)", partial(do.muffled, 16)),
    *(
        _wave("audio", f"another machine, speed x {s:g}", partial(do.at_speed, s))
        for s in (0.5, 2.0)
    ),
    _idle("audio", "room silent, nothing turns"),
    _before("audio"),
    _wave(
        "audio", "new defect: a loose body, 0.2 Pa", partial(do.knocks, 16_000.0, 0.2),
        is_defect=True,
    ),
    _wave(
        "audio", "new defect: a squeal, 3 kHz, 0.05 Pa", partial(do.tone, 16_000.0, 3e3, 0.05),
        is_defect=True,
    ),
)  # fmt: skip
