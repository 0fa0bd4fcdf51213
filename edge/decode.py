"""The one thread that decodes pictures. Two frames wait per camera; the older is dropped."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Self, TypeVar

import cv2

from sensors.signal import Count

T = TypeVar("T")
WAITING_PER_CAMERA = 2


class DecodeThread:
    """Runs small pieces of picture work off the loop, in order of arrival."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._waiting: defaultdict[str, deque[Future[Any]]] = defaultdict(deque)

    async def __aenter__(self) -> Self:
        cv2.setNumThreads(1)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "decode")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def submit(self, camera: str, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Calls `done(result)` on the loop; over two waiting, the camera's oldest is dropped.

        What `work` raises is raised on the loop.
        """
        waiting = self._waiting[camera]
        while waiting and (waiting[0].running() or waiting[0].done()):
            waiting.popleft()
        if len(waiting) == WAITING_PER_CAMERA and waiting.popleft().cancel():
            self._count(camera, "decode_queue")
        job = self._thread.submit(work)
        waiting.append(job)
        job.add_done_callback(partial(self._hand_over, done))

    def _hand_over(self, done: Callable[[T], None], job: "Future[T]") -> None:
        """On the decode thread, or on the loop for a job that was cancelled."""
        if not job.cancelled() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: done(job.result()))
