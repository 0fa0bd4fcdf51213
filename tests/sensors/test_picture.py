"""Pictures: small ones cheaply, the same picture at every size, bombs and scraps refused."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import codec
from sensors.block import CAUSES, Block
from sensors.errors import BadReading
from sensors.picture import encoded_size, fit, picture


def scene(height: int = 480, width: int = 640) -> np.ndarray:
    """A smooth field, brighter to the right, with a dark square at known places."""
    image = np.tile(np.linspace(40, 200, width), (height, 1))
    image[height // 4 : height // 2, width // 4 : width // 2] = 10
    return image.astype(np.uint8)


def jpeg(image: np.ndarray, *options: int) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92, *options])[1])


@pytest.mark.parametrize("size", [(480, 640), (240, 320), (112, 112), (60, 80), (100, 30)])
def test_every_size_shows_the_same_scene(size: tuple[int, int]) -> None:
    height, width = size
    got = picture(jpeg(scene()), height, width)
    assert got.shape == size
    assert got.dtype == np.uint8
    wanted = cv2.resize(scene(), (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(got.astype(int) - wanted).mean() < 2.0
    assert got[height * 3 // 8, width * 3 // 8] < 20  # inside the square


def test_a_picture_smaller_than_wanted_is_enlarged() -> None:
    assert picture(jpeg(scene(48, 64)), 112, 112).shape == (112, 112)


def test_colour_progressive_and_png_are_read() -> None:
    colour = np.dstack([scene(), scene(), scene()])
    for data in (
        jpeg(colour),
        jpeg(scene(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        bytes(cv2.imencode(".png", scene())[1]),
        jpeg(scene()) + bytes(20),  # some cameras pad
    ):
        assert encoded_size(data) == (480, 640)
        got = picture(data, 240, 320)
        assert np.abs(got.astype(int) - cv2.resize(scene(), (320, 240))).mean() < 2.0


def test_plain_pixels_grey_or_colour_are_pictures_too() -> None:
    grey = Block("c", 0, 0, 30.0, "", "u1", (480, 640), scene().tobytes())
    colour = Block("c", 0, 0, 30.0, "", "u1", (480, 640, 3), np.dstack([scene()] * 3).tobytes())
    np.testing.assert_array_equal(codec.frame(grey, 480, 640), scene())
    assert np.abs(codec.frame(colour, 480, 640).astype(int) - scene()).max() <= 1
    with pytest.raises(BadReading, match="picture"):
        codec.frame(Block("c", 0, 0, 1.0, "Pa", "u1", (1, 2), b"ab"), 8, 8)


def test_fit_keeps_what_fits() -> None:
    image = scene()
    assert fit(image, 480, 640) is image


def test_a_picture_cut_short_is_truncated() -> None:
    for whole in (jpeg(scene()), bytes(cv2.imencode(".png", scene())[1])):
        with pytest.raises(BadReading) as caught:
            picture(whole[: len(whole) // 2], 112, 112)
        assert caught.value.cause == "truncated"


def test_a_small_file_that_claims_a_huge_picture_is_refused_unopened() -> None:
    whole = bytearray(jpeg(scene()))
    at = whole.index(b"\xff\xc0") + 5
    whole[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IEND", b""))
    )
    for bomb in (bytes(whole), png):
        with pytest.raises(BadReading) as caught:
            picture(bomb, 112, 112)
        assert caught.value.cause == "wrong_shape"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"GIF89a", b"\xff\xd8\xff\xd9", bytes(99)])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadReading) as caught:
        picture(data, 112, 112)
    assert caught.value.cause in CAUSES


@given(st.lists(st.tuples(st.integers(2, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_broken_pictures_are_read_or_refused_but_never_raise(
    changes: list[tuple[int, int]],
) -> None:
    whole = bytearray(jpeg(scene(60, 80)))
    for at, value in changes:
        whole[at % len(whole)] = value
    try:
        assert picture(bytes(whole), 32, 32).shape == (32, 32)
    except BadReading as error:
        assert error.cause in CAUSES
