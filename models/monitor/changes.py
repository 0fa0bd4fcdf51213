"""What faults, and defects that nobody taught, make of a picture or a waveform. Pure.

A picture is (height, width) grey, float, before the sensor's noise; a waveform (channel, sample).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Wave = NDArray[np.floating]


# --- pictures ------------------------------------------------------------------------------------


def blur(sigma_px: float, image: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px))


def light(gain: float, image: Picture) -> Picture:
    return np.asarray(np.minimum(image * np.float32(gain), 255.0))


def haze(image: Picture) -> Picture:
    return np.asarray(0.5 * image + 64.0, np.float32)


def covered(image: Picture) -> Picture:
    return np.full_like(image, 2.0)


def nothing(image: Picture) -> Picture:
    return np.full_like(image, 100.0)


def half_oiled(image: Picture) -> Picture:
    half = image.copy()
    middle = image.shape[1] // 2
    half[:, :middle] = blur(6.0, image)[:, :middle]
    return half


def knocked(shift_px: int, image: Picture) -> Picture:
    return np.asarray(np.roll(image, shift_px, axis=1))


def turned(degrees: float, image: Picture) -> Picture:
    height, width = image.shape
    turn = cv2.getRotationMatrix2D((width / 2.0, height / 2.0), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT))


def coarse_picture(times: int, image: Picture) -> Picture:
    height, width = image.shape
    small = cv2.resize(image, (width // times, height // times), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))


def disc(grey: float, radius_px: int, image: Picture) -> Picture:
    """A hole, or a chip, beside the shaft."""
    height, width = image.shape
    marked = image.copy()
    cv2.circle(marked, (width // 2 + 60, height // 2 + 30), radius_px, grey, -1)
    return marked


# --- waveforms -----------------------------------------------------------------------------------


def noise_only(rms: float, wave: Wave, rng: np.random.Generator) -> Wave:
    return np.asarray(rms * rng.standard_normal(wave.shape))


def noise_as_loud(wave: Wave, rng: np.random.Generator) -> Wave:
    return np.asarray(wave.std(axis=1, keepdims=True) * rng.standard_normal(wave.shape))


def dead_axis(wave: Wave, rng: np.random.Generator) -> Wave:
    changed = wave.copy()
    changed[2] = 0.01 * rng.standard_normal(wave.shape[1])
    return changed


def gain(gain: float, wave: Wave, _: np.random.Generator) -> Wave:
    return wave * gain


def saturated(share: float, wave: Wave, _: np.random.Generator) -> Wave:
    limit = share * np.abs(wave).max()
    return np.clip(wave, -limit, limit)


def tone(rate_hz: float, hz: float, amplitude: float, wave: Wave, _: np.random.Generator) -> Wave:
    time_s = np.arange(wave.shape[1]) / rate_hz
    return np.asarray(wave + amplitude * np.sin(2.0 * np.pi * hz * time_s))


def only_hum(rate_hz: float, amplitude: float, wave: Wave, rng: np.random.Generator) -> Wave:
    return tone(rate_hz, 50.0, amplitude, noise_only(0.01 * amplitude, wave, rng), rng)


def stepped(step: float, wave: Wave, _: np.random.Generator) -> Wave:
    return np.asarray(np.round(wave / step) * step)


def muffled(length: int, wave: Wave, _: np.random.Generator) -> Wave:
    kernel = np.full(length, 1.0 / length)
    return np.stack([np.convolve(one, kernel, "same") for one in wave])


def at_speed(speed: float, wave: Wave, _: np.random.Generator) -> Wave:
    """The same machine at another speed, all its resonances with it: another machine."""
    count = wave.shape[1]
    at = (np.arange(count) * speed) % (count - 1)
    return np.stack([np.interp(at, np.arange(count), one) for one in wave])


def knocks(rate_hz: float, peak: float, wave: Wave, rng: np.random.Generator) -> Wave:
    """A loose body inside: blows that ring, at random times."""
    changed = np.array(wave, np.float64)
    ring = np.exp(-np.arange(400) / 60.0) * np.sin(2.0 * np.pi * 2_900.0 / rate_hz * np.arange(400))
    for at in rng.integers(0, wave.shape[1] - ring.size, 12):
        changed[:, at : at + ring.size] += peak * ring
    return changed
