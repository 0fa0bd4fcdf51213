"""The one thread that decodes pictures. Two frames wait per camera; the older is dropped."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Self

import cv2

WAITING_PER_CAMERA = 2

Work = Callable[[], Any]
Done = Callable[[Any], None]


class DecodeThread:
    """Runs small pieces of picture work off the loop, in order of arrival."""

    def __init__(self, count: Callable[[str, str], None]) -> None:
        self._count = count
        self._queue: deque[tuple[str, Work, Done]] = deque()
        self._waiting: dict[str, int] = {}
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="decode", daemon=True)

    async def __aenter__(self) -> Self:
        cv2.setNumThreads(1)
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join, 2.0)

    def submit(self, camera: str, work: Work, done: Done) -> None:
        """Calls `done(result)` on the loop; over two waiting, the camera's oldest is dropped."""
        with self._wake:
            if self._waiting.get(camera, 0) >= WAITING_PER_CAMERA:
                oldest = next(i for i, (c, _, _) in enumerate(self._queue) if c == camera)
                del self._queue[oldest]
                self._waiting[camera] -= 1
                self._count(camera, "decode_queue")
            self._queue.append((camera, work, done))
            self._waiting[camera] = self._waiting.get(camera, 0) + 1
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._stopped:
                    self._wake.wait()
                if self._stopped:
                    return
                camera, work, done = self._queue.popleft()
                self._waiting[camera] -= 1
            result = work()
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(done, result)
