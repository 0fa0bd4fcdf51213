"""What stands still around the rotor: bench, housing, cover and light."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.simulator.traits import StationTraits

Image = NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX = 640, 480
HOUSING_RADIUS_PX = 228.0
SEAT_RADIUS_PX = 217.5
COVER_RADIUS_PX = 215.0
WINDOW_RADIUS_PX = 180.0  # of the hole in the cover through which the rotor is seen
SCREW_CIRCLE_PX = 198.0

_SHIFT = 4
Pixel = tuple[float, float]


def disc(image: Image, centre_px: Pixel, radius_px: float, colour: tuple[int, ...]) -> None:
    """A filled circle at a fractional place."""
    centre = round(centre_px[0] * 16), round(centre_px[1] * 16)
    cv2.circle(image, centre, round(radius_px * 16), colour, -1, cv2.LINE_AA, _SHIFT)


def circle(
    image: Image, centre_px: Pixel, radius_px: float, colour: tuple[int, ...], width_px: int
) -> None:
    """An outline at a fractional place."""
    centre = round(centre_px[0] * 16), round(centre_px[1] * 16)
    cv2.circle(image, centre, round(radius_px * 16), colour, width_px, cv2.LINE_AA, _SHIFT)


@lru_cache(maxsize=16)
def bench(station: StationTraits) -> Image:
    """The empty fixture: scuffed plate, two clamps, the dark well the part sits in."""
    rng = np.random.default_rng(station.room_seed)
    coarse = rng.normal(0.0, 1.0, (HEIGHT_PX // 8, WIDTH_PX // 8)).astype(np.float32)
    cloud = cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    grain = cv2.blur(rng.normal(0.0, 1.0, (HEIGHT_PX, WIDTH_PX)).astype(np.float32), (9, 1))
    grey = np.clip(58.0 + 4.0 * np.asarray(cloud) + 9.0 * np.asarray(grain), 0, 255)
    image = np.ascontiguousarray(grey[..., None] * np.array([1.04, 1.0, 0.94])).astype(np.uint8)
    for left in (18, WIDTH_PX - 98):
        cv2.rectangle(image, (left, 205), (left + 80, 275), (72, 74, 76), -1)
        cv2.rectangle(image, (left, 205), (left + 80, 275), (36, 36, 38), 2, cv2.LINE_AA)
        disc(image, (left + 40.0, 240.0), 14.0, (40, 42, 44))
    disc(image, (WIDTH_PX / 2.0, HEIGHT_PX / 2.0), HOUSING_RADIUS_PX + 6.0, (26, 25, 24))
    image.setflags(write=False)
    return image


@lru_cache(maxsize=16)
def light_field(station: StationTraits) -> Image:
    """Light at each pixel, 128 for the nominal: a lamp to one side, and the turned face's sheen.

    Rings reflect towards the camera along two opposite sectors: the bow-tie that turned metal
    shows, which stands still while the part turns.
    """
    rows, columns = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    x = (columns - WIDTH_PX / 2.0) / (WIDTH_PX / 2.0)
    y = (rows - HEIGHT_PX / 2.0) / (WIDTH_PX / 2.0)
    radius = np.hypot(x, y)
    direction = station.light_direction_rad
    lamp = 1.0 + station.light_gradient * (x * np.cos(direction) + y * np.sin(direction))
    vignette = 1.0 - 0.22 * (x**2 + y**2)
    sheen = np.cos(np.arctan2(y, x) - direction) ** 6 * np.clip(radius / 0.25, 0.0, 1.0)
    on_part = np.clip((0.72 - radius) / 0.2, 0.0, 1.0)
    field = lamp * vignette * (1.0 + station.highlight * sheen * on_part)
    grey = np.clip(128.0 * field, 0, 255).astype(np.uint8)
    coloured = np.repeat(grey[..., None], 3, axis=2)
    coloured.setflags(write=False)
    return coloured


def draw_housing(image: Image, centre_px: Pixel, scale: float) -> None:
    """The cast housing and the recess in which the cover sits."""
    disc(image, centre_px, HOUSING_RADIUS_PX * scale, (92, 90, 88))
    disc(image, centre_px, (SEAT_RADIUS_PX + 2.5) * scale, (128, 126, 122))
    disc(image, centre_px, SEAT_RADIUS_PX * scale, (16, 16, 16))


def draw_cover(image: Image, centre_px: Pixel, scale: float) -> None:
    """The painted cover, its beading and its four screws; the window is filled dark."""
    disc(image, centre_px, COVER_RADIUS_PX * scale, (128, 104, 84))
    disc(image, centre_px, (COVER_RADIUS_PX - 3.0) * scale, (112, 90, 72))
    for quarter in range(4):
        angle = np.pi * (quarter / 2.0 + 0.1)
        offset = SCREW_CIRCLE_PX * scale * np.array([np.cos(angle), np.sin(angle)])
        place = float(centre_px[0] + offset[0]), float(centre_px[1] + offset[1])
        disc(image, place, 9.0 * scale, (52, 48, 46))
        disc(image, place, 7.5 * scale, (150, 150, 148))
        disc(image, place, 3.0 * scale, (48, 48, 50))
    disc(image, centre_px, (WINDOW_RADIUS_PX + 2.5) * scale, (150, 124, 102))
    disc(image, centre_px, WINDOW_RADIUS_PX * scale, (14, 14, 14))
