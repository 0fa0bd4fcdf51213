"""The turned front of a rotor: finish, holes, label, dirt; what turns under the camera."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.simulator.traits import PartTraits

Image = NDArray[np.uint8]
Real = NDArray[np.float32]

MM_PER_PX = 0.2
FACE_RADIUS_PX = 184
FACE_SIZE_PX = 2 * FACE_RADIUS_PX + 4
HOLE_RADIUS_PX = 140.0
SCREW_RADIUS_PX = 72.0
BORE_RADIUS_PX = 34

_CENTRE = FACE_SIZE_PX / 2.0
_SHIFT = 4  # OpenCV draws with 4 fractional bits
_METAL_GREY = 118.0


def rotor_face(traits: PartTraits, rng: np.random.Generator) -> Image:
    """One part's face at shaft angle 0, even light: (row, column, blue-green-red)."""
    face = np.clip(_turned_metal(traits.finish, rng)[..., None] * np.array(traits.tint), 0, 255)
    image = np.asarray(face, dtype=np.uint8)
    _draw_tool_marks(image, traits.finish, rng)
    _draw_holes(image, rng)
    _draw_label(image, rng)
    _draw_stains(image, traits.stains, rng)
    _draw_fibres(image, traits.fibres, rng)
    return image


def hole_positions(count: int = 6) -> list[tuple[float, float]]:
    """Centres of the holes relative to the face's centre, px."""
    angles = 2.0 * np.pi * np.arange(count) / count
    return [(HOLE_RADIUS_PX * float(np.cos(a)), HOLE_RADIUS_PX * float(np.sin(a))) for a in angles]


def point(x_px: float, y_px: float) -> tuple[int, int]:
    """A place relative to the face's centre, in OpenCV's fractional coordinates."""
    scale = 1 << _SHIFT
    return round((_CENTRE + x_px - 0.5) * scale), round((_CENTRE + y_px - 0.5) * scale)


def _turned_metal(finish: float, rng: np.random.Generator) -> Real:
    """Grey metal with the rings and broken arcs that a lathe leaves."""
    arcs = rng.standard_normal((360, FACE_RADIUS_PX + 4)).astype(np.float32)
    arcs = np.asarray(cv2.blur(arcs, (1, 25), borderType=cv2.BORDER_REFLECT))
    rings = rng.standard_normal((1, FACE_RADIUS_PX + 4)).astype(np.float32)
    rings = np.asarray(cv2.GaussianBlur(rings, (5, 1), 0))
    polar = np.float32(_METAL_GREY) + np.float32(finish) * (28.0 * arcs + 7.0 * rings)
    flags = cv2.WARP_POLAR_LINEAR | cv2.WARP_INVERSE_MAP | cv2.WARP_FILL_OUTLIERS
    size = (FACE_SIZE_PX, FACE_SIZE_PX)
    radius = float(FACE_RADIUS_PX + 4)
    return np.asarray(cv2.warpPolar(polar, size, (_CENTRE, _CENTRE), radius, flags))


def _draw_tool_marks(image: Image, finish: float, rng: np.random.Generator) -> None:
    """Arcs around the centre where the tool dwelt: bright or dark, as good parts have them."""
    for _ in range(int(rng.poisson(5.0 * finish))):
        radius = round(float(rng.uniform(45.0, 175.0)) * 16)
        start = float(rng.uniform(0.0, 360.0))
        stop = start + float(rng.uniform(10.0, 90.0))
        grey = _METAL_GREY + float(rng.uniform(-28.0, 28.0))
        colour = (grey, grey, grey)
        cv2.ellipse(
            image, point(0, 0), (radius, radius), 0, start, stop, colour, 1, cv2.LINE_AA, _SHIFT
        )


def _draw_holes(image: Image, rng: np.random.Generator) -> None:
    """Six holes, four slotted screws as they came to rest, and the shaft with its keyway."""
    for x, y in hole_positions():
        cv2.circle(image, point(x, y), 11 << _SHIFT, (150, 152, 150), -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(image, point(x, y), 9 << _SHIFT, (24, 22, 22), -1, cv2.LINE_AA, _SHIFT)
    for quarter in range(4):
        angle = np.pi * (quarter / 2.0 + 0.25)
        x, y = SCREW_RADIUS_PX * float(np.cos(angle)), SCREW_RADIUS_PX * float(np.sin(angle))
        cv2.circle(image, point(x, y), 12 << _SHIFT, (70, 70, 72), -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(image, point(x, y), 10 << _SHIFT, (148, 150, 146), -1, cv2.LINE_AA, _SHIFT)
        slot = float(rng.uniform(0.0, np.pi))
        dx, dy = 8.0 * float(np.cos(slot)), 8.0 * float(np.sin(slot))
        ends = point(x - dx, y - dy), point(x + dx, y + dy)
        cv2.line(image, *ends, (45, 45, 48), 3, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, point(0, 0), BORE_RADIUS_PX << _SHIFT, (60, 60, 62), -1, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, point(0, 0), 29 << _SHIFT, (165, 166, 164), -1, cv2.LINE_AA, _SHIFT)
    cv2.rectangle(image, point(-5, -33), point(5, -19), (40, 40, 42), -1, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, point(0, 0), 5 << _SHIFT, (80, 80, 80), -1, cv2.LINE_AA, _SHIFT)


def _draw_label(image: Image, rng: np.random.Generator) -> None:
    """A sticker with a bar code, a little askew."""
    label = np.full((34, 74, 3), (196, 204, 206), dtype=np.uint8)
    left = 5
    while left < 66:
        width = int(rng.integers(1, 4))
        label[5:22, left : left + width] = 40
        left += width + int(rng.integers(1, 4))
    text = f"M{int(rng.integers(1000, 9999))}"
    cv2.putText(label, text, (6, 31), cv2.FONT_HERSHEY_PLAIN, 0.7, (50, 50, 50), 1, cv2.LINE_AA)
    askew_deg = float(rng.normal(0.0, 3.0))
    turn = cv2.getRotationMatrix2D((37.0, 17.0), askew_deg, 1.0)
    turn[:, 2] += (_CENTRE - 37.0 + rng.normal(0.0, 2.0), _CENTRE + 105.0 + rng.normal(0.0, 2.0))
    size = (FACE_SIZE_PX, FACE_SIZE_PX)
    cv2.warpAffine(label, turn, size, image, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)


def _draw_stains(image: Image, count: int, rng: np.random.Generator) -> None:
    """Oil: soft brown patches."""
    for _ in range(count):
        size = int(rng.integers(16, 44)) * 2
        left, top = (int(rng.integers(10, FACE_SIZE_PX - size - 10)) for _ in range(2))
        patch = np.zeros((size, size), dtype=np.float32)
        axes = (round(size * rng.uniform(0.12, 0.3)), round(size * rng.uniform(0.12, 0.3)))
        middle = (size // 2, size // 2)
        cv2.ellipse(patch, middle, axes, rng.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA)
        patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), size / 14.0))
        depth = float(rng.uniform(0.12, 0.4)) * np.array([1.0, 0.85, 0.75], dtype=np.float32)
        region = image[top : top + size, left : left + size]
        region[:] = (region * (1.0 - patch[..., None] * depth)).astype(np.uint8)


def _draw_fibres(image: Image, count: int, rng: np.random.Generator) -> None:
    """Lint: thin curved threads, faint."""
    for _ in range(count):
        angle = float(rng.uniform(0.0, 2.0 * np.pi))
        radius = float(rng.uniform(50.0, 165.0))
        x, y = radius * float(np.cos(angle)), radius * float(np.sin(angle))
        steps = np.cumsum(rng.normal(0.0, 0.25, 12)) + rng.uniform(0.0, 2.0 * np.pi)
        xs, ys = x + np.cumsum(2.2 * np.cos(steps)), y + np.cumsum(2.2 * np.sin(steps))
        line = np.array([point(a, b) for a, b in zip(xs, ys, strict=True)], dtype=np.int32)
        grey = _METAL_GREY + float(rng.choice([-24.0, 24.0]))
        cv2.polylines(image, [line], False, (grey, grey, grey), 1, cv2.LINE_AA, _SHIFT)
