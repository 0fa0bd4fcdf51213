"""An encoded picture to the grey pixels a detector eats; the workshop calls the same function."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.errors import BadReading

MAX_SIDE = 16_384  # pixels
MAX_PIXELS = 64_000_000  # a small file may claim a huge picture
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
    (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
    (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
    (1, cv2.IMREAD_GRAYSCALE),
)
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_END = b"\xff\xd9"
_JPEG_PADDING = 64  # bytes that cameras leave after the end marker
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG to (height, width) grey.

    A JPEG is decoded at a half, a quarter or an eighth where that is still as large as wanted,
    which saves most of the work; the rest is area interpolation.

    Raises:
        BadReading: not a JPEG or PNG, cut short, broken, or of a size nobody sends.
    """
    full_height, full_width = encoded_size(data)
    flag = next(
        flag
        for times, flag in _REDUCED
        if times == 1 or (full_height // times >= height and full_width // times >= width)
    )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise BadReading("undecodable", f"broken picture: {error.err}") from error
    if pixels is None or pixels.ndim != 2:
        raise BadReading("undecodable", "broken picture: the decoder gave nothing")
    return fit(pixels, height, width)


def fit(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a picture, grey or (height, width, 3) in blue, green, red, to (height, width) grey."""
    grey: Any = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) if pixels.ndim == 3 else pixels
    if grey.shape == (height, width):
        return grey  # type: ignore[no-any-return]
    shrinks = grey.shape[0] >= height and grey.shape[1] >= width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(grey, (width, height), interpolation=how)  # type: ignore[no-any-return]


def encoded_size(data: bytes) -> tuple[int, int]:
    """(height, width) as the picture's own header states them, before anything is decoded.

    Raises:
        BadReading: see `picture`.
    """
    if data.startswith(_PNG):
        if not data.endswith(b"IEND\xaeB`\x82"):
            raise BadReading("truncated", "a PNG without its end")
        size = int.from_bytes(data[20:24]), int.from_bytes(data[16:20])
    elif data.startswith(b"\xff\xd8\xff"):
        if data.rfind(_JPEG_END, max(2, len(data) - _JPEG_PADDING)) < 0:
            raise BadReading("truncated", "a JPEG without its end marker FFD9")
        size = _jpeg_size(data)
    else:
        raise BadReading("undecodable", f"expected a JPEG or PNG, it begins {data[:8].hex(' ')}")
    height, width = size
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE and height * width <= MAX_PIXELS):
        raise BadReading("wrong_shape", f"a picture of {height} x {width}; at most {MAX_PIXELS}")
    return size


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments up to the frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            return int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xD0 <= marker <= 0xD7 or marker == 0x01:  # markers that stand alone
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise BadReading("undecodable", "a JPEG without a frame header")
