"""How far each augmentation may go. Nothing is done to an example where its number is 0."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from edge.certificate import Share, Table

Decibels = tuple[float, float]  # the least and the most


class Pictures(Table):
    """Of clips. All frames of a clip are changed alike, as by another camera or another place."""

    mirror: bool = False  # left and right, up and down
    shift: NonNegativeInt = 0  # pixels, any direction
    crop: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0  # of each side, at most: the rest is zoomed
    light: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0  # gain 1 - this to 1 + this
    blur: NonNegativeFloat = 0.0  # pixels, standard deviation at most
    noise: NonNegativeFloat = 0.0  # grey levels of 255, standard deviation at most


class Waveforms(Table):
    """Of vibration and sound."""

    shift: bool = False  # it begins anywhere, the end goes on at the beginning
    speed: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.0  # played at 1 - this to 1 + this
    gain_db: NonNegativeFloat = 0.0  # louder or quieter by at most this, all channels alike
    turn_degrees: NonNegativeFloat = 0.0  # the sensor is mounted askew: about any axis, three axes
    noise_db: Decibels | None = None  # white noise of its own: signal to noise
    background_db: Decibels | None = None  # the plant in the background: signal to noise
    background: Path | None = None  # folder of .wav or .flac of it; None: pink noise
    time_mask: Share = 0.0  # a stretch of at most this share is silent
    band_mask: Share = 0.0  # a band of at most this share of the frequencies is missing


class Plan(Table):
    """`[augment]`: the section that fits the sense is used."""

    pictures: Pictures = Pictures()
    waveforms: Waveforms = Waveforms()
