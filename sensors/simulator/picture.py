"""What the camera sees: the rotor turning by the shaft's angle behind its cover, as JPEG."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.simulator.cause import Cause
from sensors.simulator.face import FACE_SIZE_PX, MM_PER_PX, rotor_face
from sensors.simulator.machine import MachineState
from sensors.simulator.mark import CRACK_DEPTH, SCRATCH_GAIN, Mark, crack, scratch
from sensors.simulator.scene import (
    HEIGHT_PX,
    WIDTH_PX,
    WINDOW_RADIUS_PX,
    Pixel,
    bench,
    circle,
    disc,
    draw_cover,
    draw_housing,
    light_field,
)
from sensors.simulator.traits import PartTraits, StationTraits

Image = NDArray[np.uint8]

CAMERA_RATE_HZ = 30.0
JPEG_QUALITY = 85
SLIDE_SHARE = 0.4  # how far a loose cover shifts sideways, as a share of its gap

_NOISE_GREY = 40.0  # of the stored noise picture
_NOISE_MARGIN_PX = 64
_BLUR_STEPS = 3


def frame_times(duration_s: float) -> tuple[float, ...]:
    """Middle of each exposure after the trigger, s."""
    return tuple((i + 0.5) / CAMERA_RATE_HZ for i in range(round(duration_s * CAMERA_RATE_HZ)))


def frames(
    state: MachineState,
    cause: Cause,
    station: StationTraits,
    traits: PartTraits,
    duration_s: float,
    *,
    face: np.random.Generator,
    mark: np.random.Generator,
    noise: np.random.Generator,
) -> list[bytes]:
    """JPEG pictures of one part; the three generators draw its face, its defect, the sensor."""
    blur_rad = 2.0 * np.pi * traits.speed_rpm / 60.0 * station.exposure_s
    bare, groove = _marked_face(cause, rotor_face(traits, face), mark)
    rotor = _turn_blurred(bare, blur_rad)
    shine = None if groove is None else _shine(bare, groove, cause.severity, blur_rad)
    slide_rad = float(mark.uniform(0.0, 2.0 * np.pi))
    times_s = frame_times(duration_s)
    seats = [_cover_seat(cause, traits, state.rattle.lift_at(t), slide_rad) for t in times_s]
    stands = {seat: _stand(station, traits, seat) for seat in set(seats)}
    pictures = []
    for time_s, seat in zip(times_s, seats, strict=True):
        angle_rad = float(state.motion.angle_at(time_s))
        lit = rotor
        if groove is not None and shine is not None:
            glint = groove.glint(angle_rad, station.light_direction_rad)
            lit = np.asarray(cv2.addWeighted(rotor, 1.0, shine, glint, 0.0))
        scene = _with_rotor(stands[seat], lit, angle_rad, station.camera_scale)
        pictures.append(_expose(scene, station, traits.light_gain, noise))
    return pictures


def empty_frames(
    station: StationTraits, duration_s: float, noise: np.random.Generator
) -> list[bytes]:
    """JPEG pictures of the fixture with no part in it."""
    return [_expose(bench(station), station, 1.0, noise) for _ in frame_times(duration_s)]


def _marked_face(cause: Cause, face: Image, rng: np.random.Generator) -> tuple[Image, Mark | None]:
    """The face with a crack cut into it, or beside the scratch that must be lit in each frame."""
    if cause.hypothesis == "scratch":
        return face, scratch(cause, rng)
    if cause.hypothesis == "crack":
        cut = crack(cause, rng)
        depth = (CRACK_DEPTH * cut.cover)[..., None]
        face[cut.region] = (face[cut.region] * (1.0 - depth)).astype(np.uint8)
    return face, None


def _shine(face: Image, groove: Mark, severity: float, blur_rad: float) -> Image:
    """Light that a groove adds at full glint, more the deeper it is; none over a hole."""
    layer = np.zeros_like(face)
    gain = np.float32(SCRATCH_GAIN * severity**0.5) * groove.cover[..., None]
    layer[groove.region] = np.minimum(face[groove.region] * gain, 255.0)
    return _turn_blurred(layer, blur_rad)


def _turned(image: Image, angle_rad: float, scale: float, shift_px: Pixel) -> Image:
    """Turned about its centre, clockwise on the screen as the angle grows."""
    middle = (FACE_SIZE_PX - 1) / 2.0
    turn = cv2.getRotationMatrix2D((middle, middle), -np.degrees(angle_rad), scale)
    turn[:, 2] += shift_px
    size = (FACE_SIZE_PX, FACE_SIZE_PX)
    return np.asarray(cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REPLICATE))


def _turn_blurred(image: Image, blur_rad: float) -> Image:
    """Smeared over the angle that the part turns during the exposure."""
    angles = blur_rad * (np.arange(_BLUR_STEPS) / (_BLUR_STEPS - 1) - 0.5)
    smeared = image
    for count, angle_rad in enumerate(angles):
        turned = _turned(image, float(angle_rad), 1.0, (0.0, 0.0))
        share = 1.0 / (count + 1)
        smeared = np.asarray(cv2.addWeighted(turned, share, smeared, 1.0 - share, 0.0))
    return smeared


def _cover_seat(
    cause: Cause, traits: PartTraits, lift_mm: float, direction_rad: float
) -> tuple[float, float]:
    """Where the cover sits, mm: its play when tight, and its slide and hops when loose."""
    slide_mm = lift_mm
    if cause.hypothesis == "loose_cover":
        slide_mm += SLIDE_SHARE * cause.magnitude
    x, y = traits.cover_play_mm
    return x + slide_mm * float(np.cos(direction_rad)), y + slide_mm * float(np.sin(direction_rad))


@dataclass(frozen=True, slots=True)
class _Stand:
    """All that does not turn, and the window of its cover, through which the rotor is seen."""

    image: Image
    window: Image  # 0 or 255
    window_centre_px: Pixel
    rotor_centre_px: Pixel
    left_px: int
    top_px: int


def _stand(station: StationTraits, traits: PartTraits, cover_mm: tuple[float, float]) -> _Stand:
    scale = station.camera_scale
    x = (WIDTH_PX - 1) / 2.0 + station.camera_shift_px[0] + traits.placement_shift_px[0]
    y = (HEIGHT_PX - 1) / 2.0 + station.camera_shift_px[1] + traits.placement_shift_px[1]
    cover_px = x + cover_mm[0] / MM_PER_PX * scale, y + cover_mm[1] / MM_PER_PX * scale
    image = bench(station).copy()
    draw_housing(image, (x, y), scale)
    draw_cover(image, cover_px, scale)
    left, top = round(x - FACE_SIZE_PX / 2.0), round(y - FACE_SIZE_PX / 2.0)
    window = np.zeros((FACE_SIZE_PX, FACE_SIZE_PX), dtype=np.uint8)
    disc(window, (cover_px[0] - left, cover_px[1] - top), WINDOW_RADIUS_PX * scale - 2.0, (255,))
    return _Stand(image, window, cover_px, (x, y), left, top)


def _with_rotor(stand: _Stand, rotor: Image, angle_rad: float, scale: float) -> Image:
    """The rotor in its place, and the shadow of the cover's edge on it."""
    image = stand.image.copy()
    middle = (FACE_SIZE_PX - 1) / 2.0
    x, y = stand.rotor_centre_px
    shift_px = x - stand.left_px - middle, y - stand.top_px - middle
    turned = _turned(rotor, angle_rad, scale, shift_px)
    rows = slice(stand.top_px, stand.top_px + FACE_SIZE_PX)
    columns = slice(stand.left_px, stand.left_px + FACE_SIZE_PX)
    cv2.copyTo(turned, stand.window, image[rows, columns])
    circle(image, stand.window_centre_px, WINDOW_RADIUS_PX * scale - 1.5, (16, 16, 16), 3)
    return image


def _expose(
    scene: Image, station: StationTraits, light_gain: float, rng: np.random.Generator
) -> bytes:
    """Light, sensor noise, JPEG."""
    flicker = float(np.exp(0.01 * rng.standard_normal()))
    lit = cv2.multiply(scene, light_field(station), scale=light_gain * flicker / 128.0)
    down, right = (int(v) for v in rng.integers(0, _NOISE_MARGIN_PX, 2))
    grain = _noise_picture()[down : down + HEIGHT_PX, right : right + WIDTH_PX]
    share = station.camera_noise_grey / _NOISE_GREY
    noisy = cv2.addWeighted(lit, 1.0, grain, share, -128.0 * share)
    done, encoded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "OpenCV was built without JPEG"
    return bytes(encoded)


@lru_cache(maxsize=1)
def _noise_picture() -> Image:
    """Noise around 128, larger than a frame: each frame takes another part of it."""
    rng = np.random.default_rng(0)
    shape = (HEIGHT_PX + _NOISE_MARGIN_PX, WIDTH_PX + _NOISE_MARGIN_PX)
    grey = rng.standard_normal((*shape, 1)) + 0.5 * rng.standard_normal((*shape, 3))
    return np.asarray(np.clip(128.0 + _NOISE_GREY / 1.12 * grey, 0, 255), dtype=np.uint8)
