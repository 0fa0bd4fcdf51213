"""Waveforms as other speeds, mountings, gains and rooms would have made them."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge.errors import ConfigError
from models.augment.pictures import uniform
from models.augment.plan import Decibels, Waveforms

SUFFIXES = (".wav", ".flac")


def augmented(waves: Tensor, plan: Waveforms, rate_hz: float) -> Tensor:
    """(batch, channel, sample) at any float type -> float32 of the same shape."""
    if plan.shift:
        waves = torch.roll(waves, int(torch.randint(0, waves.shape[-1], ())), dims=-1)
    values = waves.float()
    if plan.speed:
        values = at_speed(values, uniform(values, 1.0 - plan.speed, 1.0 + plan.speed))
    if plan.turn_degrees:
        values = turned(values, plan.turn_degrees)
    if plan.gain_db:
        values = values * 10.0 ** (uniform(values, -plan.gain_db, plan.gain_db) / 20.0)
    if plan.background_db:
        values = mixed(values, _background(values, plan.background, rate_hz), plan.background_db)
    if plan.noise_db:
        values = mixed(values, torch.randn_like(values), plan.noise_db)
    if plan.time_mask:
        values = values * _mask(values, values.shape[-1], plan.time_mask)
    if plan.band_mask:
        spectrum = torch.fft.rfft(values)
        kept = _mask(values, spectrum.shape[-1], plan.band_mask)
        values = torch.fft.irfft(spectrum * kept, n=values.shape[-1])
    return values


def at_speed(values: Tensor, speed: Tensor) -> Tensor:
    """As if the machine ran `speed` (batch, 1, 1) times as fast: every frequency moves with it.

    Linear between samples; what a faster one lacks at its end is its own end, mirrored.
    """
    last = values.shape[-1] - 1
    at = torch.arange(last + 1, device=values.device) * speed  # (batch, 1, sample)
    at = last - (last - at).abs()
    below = at.floor().clamp(0, last - 1)
    share = at - below
    index = below.long().expand(values.shape)
    return values.gather(-1, index) * (1.0 - share) + values.gather(-1, index + 1) * share


def turned(values: Tensor, most_degrees: float) -> Tensor:
    """By a small rotation about a random axis (Rodrigues' formula), three axes needed."""
    if values.shape[1] != 3:
        raise ConfigError(
            f"augment.waveforms.turn_degrees: turns three axes, there are {values.shape[1]}; set 0"
        )
    axis = torch.nn.functional.normalize(torch.randn(values.shape[0], 3, device=values.device))
    angle = uniform(values, 0.0, math.radians(most_degrees))
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
    eye = torch.eye(3, device=values.device)
    rotation = eye + torch.sin(angle) * cross + (1.0 - torch.cos(angle)) * (cross @ cross)
    return torch.matmul(rotation, values)


def mixed(values: Tensor, other: Tensor, ratio_db: Decibels) -> Tensor:
    """Both together, the power of the other below that of each example by a random ratio."""
    own, foreign = (one.square().mean(dim=(1, 2), keepdim=True) for one in (values, other))
    ratio = 10.0 ** (uniform(values, *ratio_db) / 10.0)
    return values + other * torch.sqrt(own / (foreign * ratio).clamp_min(1e-30))


def pink(values: Tensor) -> Tensor:
    """Noise whose power falls with frequency, as that of rooms and halls does."""
    spectrum = torch.fft.rfft(torch.randn_like(values))
    order = torch.arange(spectrum.shape[-1], device=values.device).clamp_min(1)
    noise: Tensor = torch.fft.irfft(spectrum / torch.sqrt(order), n=values.shape[-1])
    return noise


def _background(values: Tensor, folder: Path | None, rate_hz: float) -> Tensor:
    if folder is None:
        return pink(values)
    sounds = _sounds(folder, rate_hz, values.shape[-1])
    length = values.shape[-1]
    rows = []
    for which in torch.randint(0, len(sounds), (values.shape[0],)).tolist():
        sound = sounds[which]
        start = int(torch.randint(0, sound.shape[-1] - length + 1, ()))
        rows.append(sound[start : start + length])
    return torch.stack(rows)[:, None].to(values.device).expand(values.shape)


@lru_cache(maxsize=4)
def _sounds(folder: Path, rate_hz: float, length: int) -> Sequence[Tensor]:
    """Every recording of the background that is as long as an example."""
    import soundfile  # noqa: PLC0415 - a library of C, only where there is sound

    found = []
    for file in sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES):
        samples, stated_hz = soundfile.read(file, dtype="float32", always_2d=True)
        if stated_hz != rate_hz:
            raise ConfigError(f"{file}: {stated_hz} Hz, expected {rate_hz:g}; convert it")
        if len(samples) >= length and np.isfinite(samples).all():
            found.append(torch.from_numpy(samples[:, 0].copy()))
    if not found:
        raise ConfigError(
            f"{folder}: no {' or '.join(SUFFIXES)} as long as an example; record the background, "
            "or leave augment.waveforms.background out for pink noise"
        )
    return found


def _mask(values: Tensor, length: int, share: float) -> Tensor:
    """(batch, 1, length): 0 over one stretch of each example, else 1."""
    wide = torch.rand(values.shape[0], 1, 1, device=values.device) * share * length
    start = torch.rand_like(wide) * (length - wide)
    place = torch.arange(length, device=values.device)
    return ((place < start) | (place >= start + wide)).to(values.dtype)
