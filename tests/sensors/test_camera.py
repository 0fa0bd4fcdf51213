"""A camera that OpenCV opens: a video file, played at its own pace, and a network camera."""

import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
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
    with pytest.raises(LinkLost, match="is it there, is it free"):
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


class NetworkCamera:
    """Sends a film over HTTP as a camera does: each picture when it is taken, none in advance."""

    def __init__(self, pictures: list[bytes], silent_s: float = 0.0) -> None:
        self._pictures = pictures
        self._silent_s = silent_s  # at the end, before it hangs up
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.url = f"http://somebody:secret@127.0.0.1:{self._server.getsockname()[1]}/film"
        self.sent_ns: list[int] = []

    def __enter__(self) -> "NetworkCamera":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        peer, _ = self._server.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(4096)
            peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            for picture in self._pictures:
                self.sent_ns.append(time.monotonic_ns())
                peer.sendall(picture)
                time.sleep(1 / RATE)
            peer.settimeout(self._silent_s)
            peer.recv(1)


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """MPEG-4 pictures of rising grey, one by one, out of an AVI (name, length, even data)."""
    path = tmp_path_factory.mktemp("coded") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), RATE, (160, 120))
    for k in range(50):
        writer.write(np.full((120, 160, 3), 5 * k, np.uint8))
    writer.release()
    film, pictures = path.read_bytes(), []
    at = film.index(b"movi") + 4
    while film[at : at + 4] == b"00dc":
        end = at + 8 + int.from_bytes(film[at + 4 : at + 8], "little")
        pictures.append(film[at + 8 : end])
        at = end + end % 2
    return pictures


async def test_a_decoder_hands_a_picture_on_when_the_camera_sends_the_next(
    coded: list[bytes],
) -> None:
    """One that works on several pictures at once, as FFmpeg's does, is late by as many."""
    with NetworkCamera(coded) as sender:
        camera, pictures, _ = watch(sender.url)
        with pytest.raises(LinkLost) as lost:
            await camera.run()
    assert "secret" not in str(lost.value)
    shown = [round(float(p.data.mean()) / 5) for p in pictures]
    late_s = [
        (p.received_ns - sender.sent_ns[k]) / 1e9 for p, k in zip(pictures, shown, strict=True)
    ]
    assert statistics.median(late_s[len(late_s) // 2 :]) < 1.5 / RATE


async def test_what_a_decoder_gives_away_after_a_long_silence_is_no_picture(
    coded: list[bytes],
) -> None:
    with NetworkCamera(coded, silent_s=8.0) as sender:
        camera, pictures, _ = watch(sender.url)
        with pytest.raises(LinkLost, match="is it alive"):
            await camera.run()
        lost_ns = time.monotonic_ns()
    assert pictures[-1].received_ns - sender.sent_ns[-1] < 0.5e9
    assert lost_ns - sender.sent_ns[-1] < 4.5e9


@pytest.mark.parametrize("source", ["none.avi", "/dev/video9", "rtsp://me:secret@127.0.0.1:9/cam"])
def test_only_the_supervisor_speaks_of_a_camera_that_is_away(source: str) -> None:
    """FFmpeg and OpenCV would write their own lines at every redial."""
    script = f"""
import asyncio
from tests.sensors.test_camera import watch
try:
    asyncio.run(watch({source!r})[0].run())
except Exception as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20
    )
    assert "cannot be opened: is it there" in done.stdout
    assert "secret" not in done.stdout
    assert done.stderr == ""
