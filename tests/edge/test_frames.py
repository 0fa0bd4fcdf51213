"""Pictures are decoded when a part needs them, and only then: real JPEGs, a real decode thread."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.decode import DecodeThread
from edge.frames import FrameDecoder
from sensors.picture import picture
from sensors.signal import Encoded, Sample
from sensors.windower import Need, Windower

RATE_HZ = 30.0
PERIOD_NS = round(1e9 / RATE_HZ)
STEP = 2 * PERIOD_NS  # from a part's first window to its second: three pictures are in both
NEED = Need("cam", "clip", RATE_HZ, frames=4, stride=2, height=60, width=80)
HALF = PERIOD_NS // 4  # parts' edges, that the clip's times lie near the even pictures


def jpeg(grey: int) -> bytes:
    return cv2.imencode(".jpg", np.full((120, 160), grey, np.uint8))[1].tobytes()


class Camera:
    """A station with one camera: its rings, its decoder, and what was decoded."""

    def __init__(self, decode: DecodeThread) -> None:
        self.decoded: list[int] = []
        self.looks: list[NDArray[np.uint8]] = []
        self.counted: Counter[str] = Counter()
        later = replace(NEED, offset_ns=STEP, window=1)
        self.windower = Windower([NEED, later], lambda *_: None)
        self.looked = asyncio.Event()
        self.frames = FrameDecoder(
            self.windower,
            ["cam"],
            decode,
            lambda _, cause: self.counted.update([cause]),
            developed=lambda _: self.looked.set(),
        )

    def shoot(self, k: int, data: bytes | None = None) -> None:
        """Picture number `k` comes."""
        data = data or jpeg(10 * k)

        def decode() -> NDArray[np.uint8]:
            self.decoded.append(k)
            return picture(data, 60, 80)

        sample = Sample("cam", k, 0, 0, RATE_HZ, Encoded(decode, data))
        self.windower.add(sample, k * PERIOD_NS, "synchronised")
        self.frames.came("cam")

    async def cut(self, edge_ns: int, *, partial_: bool = False) -> NDArray[np.generic] | None:
        """The clip of a part, as the pipeline asks for it: again after every picture."""
        how = self.windower.cut_partial if partial_ else self.windower.cut
        async with asyncio.timeout(5):
            while (window := how("cam", edge_ns, 0)) is None:
                self.looked.clear()
                self.frames.ask("cam", edge_ns, self.looks.append)
                await self.looked.wait()
        return window.data


@pytest.fixture
async def camera() -> AsyncIterator[Camera]:
    async with DecodeThread(lambda *_: None) as decode:
        yield Camera(decode)


async def drained() -> None:
    for _ in range(20):
        await asyncio.sleep(0.005)


async def test_nothing_is_decoded_while_no_part_is_there(camera: Camera) -> None:
    for k in range(20):
        camera.shoot(k)
    await drained()
    assert camera.decoded == []


async def test_of_an_open_parts_pictures_only_the_clips_own_are_decoded_as_they_come(
    camera: Camera,
) -> None:
    camera.shoot(3)
    edge_ns = 4 * PERIOD_NS - HALF
    camera.frames.opened("cam", edge_ns, camera.looks.append)
    for k in range(4, 12):
        camera.shoot(k)
        camera.frames.ask("cam", edge_ns, camera.looks.append)
    await drained()
    assert camera.decoded == [4, 6, 8, 10]
    data = await camera.cut(edge_ns)
    assert data is not None
    assert [round(float(one.mean())) for one in data] == [40, 60, 80, 100]


async def test_a_network_sees_each_picture_of_a_clip_once_and_early(camera: Camera) -> None:
    edge_ns = 4 * PERIOD_NS - HALF
    camera.frames.opened("cam", edge_ns, camera.looks.append)
    for k in range(4, 10):
        camera.shoot(k)
        await drained()
        for _ in range(2):
            camera.frames.ask("cam", edge_ns, camera.looks.append)
    assert [round(float(one.mean())) for one in camera.looks] == [40, 60, 80]
    assert camera.windower.cut("cam", edge_ns, 0) is None  # the last is still to come


async def test_a_picture_of_two_windows_is_decoded_once_and_looked_at_once(camera: Camera) -> None:
    edge_ns = 4 * PERIOD_NS - HALF
    camera.frames.opened("cam", edge_ns, camera.looks.append)
    for k in range(4, 14):
        camera.shoot(k)
        await drained()
        for window in (0, 1):
            camera.frames.ask("cam", edge_ns, camera.looks.append, window)
    assert [round(float(one.mean())) for one in camera.looks] == [40, 60, 80, 100, 120]
    for window, shown in ((0, [40, 60, 80, 100]), (1, [60, 80, 100, 120])):
        cut = camera.windower.cut("cam", edge_ns, 0, window)
        assert cut is not None
        assert [round(float(one.mean())) for one in cut.data] == shown
    assert camera.decoded == [4, 6, 8, 10, 12]


async def test_a_part_told_after_its_pictures_finds_them(camera: Camera) -> None:
    for k in range(20):
        camera.shoot(k)
    edge_ns = 4 * PERIOD_NS - HALF
    camera.frames.opened("cam", edge_ns, camera.looks.append)
    data = await camera.cut(edge_ns)
    assert data is not None
    assert [round(float(one.mean())) for one in data] == [40, 60, 80, 100]
    assert camera.decoded == [4, 6, 8, 10]


async def test_where_triggers_come_late_pictures_are_decoded_in_advance_until_they_do_not(
    camera: Camera,
) -> None:
    for k in range(12):
        camera.shoot(k)
    camera.frames.opened("cam", 4 * PERIOD_NS, camera.looks.append)
    await drained()
    camera.decoded.clear()
    for k in range(12, 18):
        camera.shoot(k)
        await drained()
    assert camera.decoded == list(range(12, 18))
    camera.frames.opened("cam", 18 * PERIOD_NS, camera.looks.append)  # in time again
    camera.shoot(19)
    await drained()
    assert 19 not in camera.decoded


async def test_a_picture_that_breaks_in_decoding_is_counted_and_its_neighbour_stands_in(
    camera: Camera,
) -> None:
    broken = jpeg(77)
    broken = broken[:200] + bytes(len(broken) - 202) + broken[-2:]
    for k in range(12):
        camera.shoot(k, broken[:160] + broken[-2:] if k == 6 else None)
    edge_ns = 4 * PERIOD_NS - HALF
    data = await camera.cut(edge_ns)
    assert data is not None
    assert camera.counted == {"undecodable": 1}
    assert [round(float(one.mean())) for one in data] in ([40, 50, 80, 100], [40, 70, 80, 100])


async def test_at_the_deadline_a_clip_is_cut_of_what_is_decoded(camera: Camera) -> None:
    for k in range(11):
        camera.shoot(k)
    edge_ns = 4 * PERIOD_NS - HALF
    assert camera.windower.cut_partial("cam", edge_ns, 0) is None
    for picture_ in camera.windower.wanted("cam", edge_ns)[:2]:
        assert picture_.encoded is not None
        camera.windower.develop("cam", picture_, picture_.encoded.decode())
    window = camera.windower.cut_partial("cam", edge_ns, 0)
    assert window is not None
    assert window.quality.coverage == 0.5


async def test_a_frozen_camera_is_seen_whether_it_sends_the_same_bytes_or_the_same_picture(
    camera: Camera,
) -> None:
    edge_ns = 4 * PERIOD_NS - HALF
    for k in range(12):
        camera.shoot(k, jpeg(50) if k % 4 else jpeg(50) + b"")
    await camera.cut(edge_ns)
    window = camera.windower.cut("cam", edge_ns, 0)
    assert window is not None
    assert window.quality.repeated == 1.0
