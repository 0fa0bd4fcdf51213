"""Scratches and cracks: where they lie on the face, and how they catch the light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.simulator.cause import Cause
from sensors.simulator.face import FACE_SIZE_PX, MM_PER_PX, hole_positions

Image = NDArray[np.uint8]
Real = NDArray[np.float32]

PATCH_PX = 256
_FINE = 3  # marks are drawn three times too large, then averaged
SCRATCH_GAIN = 2.2  # light of a groove at full glint, relative to the metal around it
CRACK_DEPTH = 0.85


@dataclass(frozen=True, slots=True)
class Mark:
    """How much of each pixel a mark covers, 0 to 1, and where its patch lies on the face."""

    cover: Real  # (row, column)
    left_px: int
    top_px: int
    direction_rad: float

    @property
    def region(self) -> tuple[slice, slice]:
        rows = slice(self.top_px, self.top_px + PATCH_PX)
        return rows, slice(self.left_px, self.left_px + PATCH_PX)

    def glint(self, face_angle_rad: float, light_direction_rad: float) -> float:
        """Brightness of a groove when the face has turned: most when it lies across the light."""
        across = np.sin(self.direction_rad + face_angle_rad - light_direction_rad)
        return float(0.4 + 0.6 * across**2)


def scratch(cause: Cause, rng: np.random.Generator) -> Mark:
    """A straight or slightly bent groove, bright where it faces the light."""
    length_px = cause.magnitude / MM_PER_PX
    direction_rad = float(rng.uniform(0.0, 2.0 * np.pi))
    bend = float(rng.normal(0.0, 0.15))
    along = np.linspace(-0.5, 0.5, 16)
    heading = direction_rad + bend * along
    path = np.stack([np.cos(heading), np.sin(heading)], axis=1) * length_px / 15.0
    path = np.cumsum(path, axis=0)
    path -= path.mean(axis=0)
    radius = float(rng.uniform(55.0, 160.0 - 0.3 * length_px))
    around_rad = float(rng.uniform(0.0, 2.0 * np.pi))
    centre = radius * np.array([np.cos(around_rad), np.sin(around_rad)])
    width_px = 2.0 * cause.severity**0.4
    taper = np.minimum(1.0, 0.3 + 2.0 * (0.5 - np.abs(along)))
    strokes = [(path[i], path[i + 1], width_px * float(taper[i])) for i in range(15)]
    return _mark(strokes, centre, direction_rad)


def crack(cause: Cause, rng: np.random.Generator) -> Mark:
    """A dark, jagged, branching line that starts at the rim of a hole."""
    length_px = cause.magnitude / MM_PER_PX
    holes = hole_positions()
    hole = np.array(holes[int(rng.integers(len(holes)))])
    inward_rad = float(np.arctan2(-hole[1], -hole[0]))
    heading = inward_rad + float(rng.normal(0.0, 0.7))
    start = hole + 10.0 * np.array([np.cos(heading), np.sin(heading)])
    width_px = 2.8 * cause.severity**0.6
    main = _jagged(np.zeros(2), heading, length_px, width_px, rng)
    strokes = list(main)
    for _ in range(1 + int(rng.poisson(0.8 * cause.severity))):
        root, _, width = main[int(rng.integers(len(main)))]
        turned = heading + float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.5, 1.0))
        strokes += _jagged(root, turned, 0.35 * length_px, 0.7 * width, rng)
    return _mark(strokes, start, heading)


Stroke = tuple[NDArray[np.float64], NDArray[np.float64], float]  # from, to, width; px


def _jagged(
    start: NDArray[np.float64],
    heading: float,
    length_px: float,
    width_px: float,
    rng: np.random.Generator,
) -> list[Stroke]:
    """Steps of about a millimetre, each turned a little, thinning towards the tip."""
    steps = max(3, round(length_px / 5.0))
    strokes: list[Stroke] = []
    place = start
    for step in range(steps):
        turned = heading + float(rng.normal(0.0, 0.55))
        reach = length_px / steps * np.array([np.cos(turned), np.sin(turned)])
        strokes.append((place, place + reach, width_px * (1.0 - 0.6 * step / steps)))
        place = place + reach
    return strokes


def _mark(strokes: list[Stroke], origin: NDArray[np.float64], direction_rad: float) -> Mark:
    """Draws strokes relative to `origin`, which is relative to the face's centre."""
    place = origin + FACE_SIZE_PX / 2.0 - PATCH_PX / 2.0
    left, top = np.clip(np.round(place), 0, FACE_SIZE_PX - PATCH_PX).astype(int)
    shift = origin + FACE_SIZE_PX / 2.0 - (left, top)
    fine = np.zeros((_FINE * PATCH_PX, _FINE * PATCH_PX), dtype=np.uint8)
    for begin, end, width_px in strokes:
        ends = [np.round((p + shift) * _FINE * 16).astype(int).tolist() for p in (begin, end)]
        width = max(1, round(width_px * _FINE))
        cv2.line(fine, ends[0], ends[1], 255, width, cv2.LINE_AA, 4)
    coarse = cv2.resize(fine, (PATCH_PX, PATCH_PX), interpolation=cv2.INTER_AREA)
    cover = np.asarray(coarse, dtype=np.float32) / np.float32(255.0)
    return Mark(cover, int(left), int(top), direction_rad)
