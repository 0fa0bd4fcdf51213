"""A camera that OpenCV opens: a video file, played at its own pace."""

import asyncio
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from sensors.camera import CameraSource
from sensors.errors import LinkLost
from sensors.signal import Sample
from sensors.wiring import SensorSource

RATE = 25.0
FRAMES = 15


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Picture k is grey 10 + 15 k, with a black left half."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (160, 120))
    for k in range(FRAMES):
        picture = np.full((120, 160, 3), 10 + 15 * k, np.uint8)
        picture[:, :80] = 0
        writer.write(picture)
    writer.release()
    return path


def watch(path: Path | str) -> tuple[CameraSource, list[Sample], Counter[str]]:
    pictures: list[Sample] = []
    counts: Counter[str] = Counter()
    camera = CameraSource(
        SensorSource(id="cam", camera=str(path)),
        height=60,
        width=80,
        deliver=pictures.append,
        count=lambda _, cause: counts.update([cause]),
        up=lambda: counts.update(["up"]),
    )
    return camera, pictures, counts


async def until(pictures: list[Sample]) -> None:
    async with asyncio.timeout(5):
        while not pictures:  # noqa: ASYNC110 - they come from another thread
            await asyncio.sleep(0.005)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("camera")]


async def test_every_picture_comes_grey_in_size_and_at_its_pace(film: Path) -> None:
    camera, pictures, counts = watch(film)
    with pytest.raises(LinkLost, match="ended"):
        await camera.run()
    assert [p.seq for p in pictures] == list(range(FRAMES))
    for k, picture in enumerate(pictures):
        assert picture.data.shape == (60, 80)
        assert picture.data.dtype == np.uint8
        assert abs(int(picture.data[30, 60]) - (10 + 15 * k)) <= 4
        assert picture.data[30, 20] <= 4
        assert picture.rate_hz == RATE
    took_s = (pictures[-1].received_ns - pictures[0].received_ns) / 1e9
    assert took_s == pytest.approx((FRAMES - 1) / RATE, abs=0.1)
    assert counts == {"up": 1}
    assert not threads()


async def test_a_loop_that_is_busy_gets_the_newest_picture_and_counts_the_rest(film: Path) -> None:
    camera, pictures, counts = watch(film)
    task = asyncio.create_task(camera.run())
    await until(pictures)
    time.sleep(0.3)  # noqa: ASYNC251 - the very thing under test
    with pytest.raises(LinkLost):
        await task
    assert len(pictures) + counts["camera_overrun"] == FRAMES
    assert counts["camera_overrun"] >= 4
    gap = max(b.seq - a.seq for a, b in pairwise(pictures))
    assert gap >= 5  # the newest was kept


async def test_a_camera_that_is_not_there_says_what_to_look_at(tmp_path: Path) -> None:
    camera, _, _ = watch(tmp_path / "none.avi")
    with pytest.raises(LinkLost, match="is it there, and is it free"):
        await camera.run()
    assert not threads()


async def test_cancelling_ends_its_thread(film: Path) -> None:
    camera, pictures, _ = watch(film)
    task = asyncio.create_task(camera.run())
    await until(pictures)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not threads()
