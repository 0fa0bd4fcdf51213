"""The condition of a signal before any network looks at it: of a picture, of a waveform. Pure."""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.signal import Appearance, Waveform, Window

BLACK = 16  # grey levels: what a video signal calls black (ITU-R BT.601)
WHITE = 255
STRETCHES = 5  # of a window; in the quietest of them the noise floor is looked for


def appearance(pixels: NDArray[np.uint8]) -> Appearance:
    """Of a picture (height, width) grey.

    Sharpness is the energy of the Laplacian (Subbarao, Choi & Nikzad 1993, Opt. Eng. 32, 2824-2836;
    LAP1 of Pertuz, Puig & Garcia 2013, Pattern Recognition 46, 1415-1432) as an RMS, over the
    standard deviation of the grey levels, so that it does not change with the light.
    """
    size = pixels.size
    edges = cv2.norm(cv2.Laplacian(pixels, cv2.CV_16S)) / math.sqrt(size)
    mean, spread = cv2.meanStdDev(pixels)
    contrast = float(spread[0, 0])
    return Appearance(
        brightness=float(mean[0, 0]) / WHITE,
        dark=np.count_nonzero(pixels <= BLACK) / size,
        white=np.count_nonzero(pixels == WHITE) / size,
        sharpness=edges / contrast if contrast else 0.0,
    )


def of_clip(pictures: Sequence[Appearance]) -> Appearance:
    """Of all pictures of a clip: the least sharp, the blackest, and the mean light of all."""
    count = len(pictures)
    return Appearance(
        brightness=sum(one.brightness for one in pictures) / count,
        dark=max(one.dark for one in pictures),
        white=sum(one.white for one in pictures) / count,
        sharpness=min(one.sharpness for one in pictures),
    )


def assessed(window: Window) -> Window:
    """A window with what its samples look like; of a clip each picture was looked at as it came."""
    if window.data.ndim != 2 or window.quality.waveform is not None:
        return window
    data: NDArray[np.float32] = window.data  # type: ignore[assignment]
    looks = waveform(data)
    seen = replace(
        window.quality, clipped=_clipped(data), is_flat=looks.held == 1.0, waveform=looks
    )
    return replace(window, quality=seen)


def waveform(data: NDArray[np.float32]) -> Waveform:
    """Of a window (channel, sample) in SI units.

    The ratio of the mean square successive difference to the variance is von Neumann's (1941,
    Ann. Math. Stat. 12, 367-395). A floor that is looked for where it is quietest is not lifted by
    knocks (minimum statistics: Martin 2001, IEEE Trans. Speech Audio Process. 9, 504-512).
    """
    found = [_channel(one) for one in data]
    return Waveform(
        level=min(one.level for one in found),
        floor=min(one.floor for one in found),
        whiteness=max(one.whiteness for one in found),
        held=max(one.held for one in found),
    )


def _channel(data: NDArray[np.float32]) -> Waveform:
    """One channel at a time stays in the cache."""
    steps = data[1:] - data[:-1]
    length = steps.size // STRETCHES
    stretches = [steps[at : at + length] for at in range(0, length * STRETCHES, length)]
    powers = [float(one.dot(one)) / length for one in stretches]
    about_mean = data - np.add.reduce(data) / np.float32(data.size)
    power = float(about_mean.dot(about_mean)) / data.size
    return Waveform(
        level=math.sqrt(power),
        floor=math.sqrt(min(powers) / 2.0),
        whiteness=sum(powers) / STRETCHES / power if power else 0.0,
        held=1.0 - float(np.count_nonzero(steps)) / steps.size,
    )


def _clipped(data: NDArray[np.float32]) -> float:
    """Share of samples that stay at their channel's largest or smallest value, two or more."""
    count = 0
    for one in data:
        staying = one[1:][one[1:] == one[:-1]]
        if staying.size:  # noise never does
            is_end = (staying == one.max()) | (staying == one.min())
            count += int(np.count_nonzero(is_end))
    return count / data.size
