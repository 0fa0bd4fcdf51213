"""A camera wired to the box: any source OpenCV opens (RTSP, V4L2, a file)."""

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from sensors.condition import appearance
from sensors.errors import LinkLost
from sensors.picture import fit
from sensors.signal import Count, Sample
from sensors.wiring import SensorSource

OPEN_S = 5.0
STALL_S = 3.0  # without a picture, the camera is taken for dead
LEAVE_S = 1.0  # a driver may hold its thread longer; it then ends by itself
USUAL_HZ = 30.0
# Only by these variables does OpenCV pass options to FFmpeg: TCP, and no waiting for more; silence,
# for the supervisor says what there is to say, once
RTSP_OPTIONS = "rtsp_transport;tcp|fflags;nobuffer|max_delay;0"
QUIET = "-8"


class CameraSource:
    """One session of one camera; pictures are stamped with their arrival and `stamp_offset_ms`.

    A thread of its own reads and converts; the loop gets the newest picture, and an older one it
    had no time for is dropped and counted as `camera_overrun`.
    """

    def __init__(
        self,
        source: SensorSource,
        *,
        height: int,
        width: int,
        deliver: Callable[[Sample], None],
        count: Count,
        up: Callable[[], None] = lambda: None,  # called at the first picture
    ) -> None:
        self._source = source
        self._size = height, width
        self._deliver = deliver
        self._count = count
        self._up = up
        self._stop = threading.Event()
        self._newest: Sample | None = None
        self._lock = threading.Lock()  # of the newest
        self._heard_ns = 0  # when the last picture came; 0: none yet

    async def run(self) -> None:
        """Deliver pictures until cancelled.

        Raises:
            LinkLost: it cannot be opened, stopped sending, or ended.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        self._stop.clear()
        self._heard_ns = 0
        started_ns = time.monotonic_ns()
        reader = threading.Thread(
            target=self._read, args=(loop, ended), name=f"camera {self._source.id}", daemon=True
        )
        reader.start()
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=0.5)
                since = self._heard_ns or started_ns
                patience_s = STALL_S if self._heard_ns else OPEN_S
                if not ended.done() and time.monotonic_ns() - since > patience_s * 1e9:
                    raise self._silent(patience_s)
            ended.result()
        finally:
            self._stop.set()
            await asyncio.wait([ended], timeout=LEAVE_S)
            if ended.done():
                ended.exception()  # retrieved: run() may be on its way out for another reason
                reader.join()  # it said so with its last breath

    @property
    def _where(self) -> str:
        address = re.sub(r"//[^/]*@", "//", self._source.camera or "")  # without the password
        return f"camera {self._source.id} ({address})"

    def _silent(self, patience_s: float) -> LinkLost:
        return LinkLost(f"{self._where}: no picture for {patience_s} s: is it alive?")

    def _read(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        """The thread: from opening to release."""
        outcome: Exception = LinkLost(f"{self._where}: ended")
        capture: Any = None
        try:
            capture = self._open()
            self._read_on(loop, capture)
        except (LinkLost, OSError) as error:
            outcome = error
        except cv2.error as error:
            outcome = LinkLost(f"{self._where}: {error}")
        except Exception as error:  # noqa: BLE001 - carried to run(), which raises it
            outcome = error
        finally:
            if capture is not None:
                capture.release()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, ended, outcome)

    def _open(self) -> Any:
        name = self._source.camera or ""
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", QUIET)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        if name.startswith("rtsp"):
            os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", RTSP_OPTIONS)
        if name.startswith("/dev/video"):
            capture = cv2.VideoCapture(name, cv2.CAP_V4L2)
        else:
            limits = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                round(OPEN_S * 1e3),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                round(STALL_S * 1e3),
                cv2.CAP_PROP_N_THREADS,  # each one more keeps a picture back until the next comes
                1,
            ]
            capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            capture.release()
            raise LinkLost(
                f"{self._where}: cannot be opened: is it there, is it free, are its address and "
                "password right?"
            )
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # V4L2: the newest picture, not the oldest
        return capture

    def _read_on(self, loop: asyncio.AbstractEventLoop, capture: Any) -> None:
        rate_hz = self._source.rate_hz or capture.get(cv2.CAP_PROP_FPS) or USUAL_HZ
        is_file = Path(self._source.camera or "").is_file()
        started, seq = time.monotonic(), 0
        asked_ns = time.monotonic_ns()
        while not self._stop.is_set() and capture.grab():
            if time.monotonic_ns() - asked_ns > STALL_S * 1e9:  # a held one that FFmpeg gives away
                raise self._silent(STALL_S)
            if is_file and self._stop.wait(max(0.0, started + seq / rate_hz - time.monotonic())):
                return
            received_ns = asked_ns = time.monotonic_ns()
            ok, pixels = capture.retrieve()
            if not ok:
                self._count(self._source.id, "undecodable")
                continue
            taken_ns = received_ns + round(self._source.stamp_offset_ms * 1e6)
            data = fit(pixels, *self._size)
            sample = Sample(
                self._source.id, seq, taken_ns, received_ns, rate_hz, data,
                appearance=appearance(data),
            )  # fmt: skip
            self._hand_over(loop, sample)
            seq += 1

    def _hand_over(self, loop: asyncio.AbstractEventLoop, sample: Sample) -> None:
        with self._lock:
            is_waiting, self._newest = self._newest is not None, sample
        if not loop.is_closed():
            loop.call_soon_threadsafe(
                self._count if is_waiting else self._take,
                *((self._source.id, "camera_overrun") if is_waiting else ()),
            )

    def _take(self) -> None:
        with self._lock:
            sample, self._newest = self._newest, None
        if sample is None or self._stop.is_set():
            return
        if not self._heard_ns:
            self._up()
        self._heard_ns = sample.received_ns
        self._deliver(sample)


def _settle(ended: asyncio.Future[None], outcome: Exception) -> None:
    if not ended.done():
        ended.set_exception(outcome)
