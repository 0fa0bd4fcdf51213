"""The one thread that decodes pictures, in order of asking."""

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Self, TypeVar

import cv2

from edge.priority import give_way
from sensors.signal import Count

T = TypeVar("T")
WAITING_PER_CAMERA = 64  # pictures; eight parts' worth
BEHIND_LOOP = 5  # steps of niceness
_Job = tuple[str, Callable[[], Any], Callable[[Any], None]]


class DecodeThread:
    """Runs small pieces of picture work off the loop. Counts `decode_queue` by camera."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting: Counter[str] = Counter()  # touched on the loop alone

    async def __aenter__(self) -> Self:
        cv2.setNumThreads(1)
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="decode", daemon=True).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """What waits is dropped; what runs is left to end by itself."""
        while not self._jobs.empty():
            self._jobs.get_nowait()
        self._jobs.put(None)

    def waiting(self, camera: str) -> int:
        """Pictures of a camera that are not decoded yet."""
        return self._waiting[camera]

    def submit(self, camera: str, work: Callable[[], T], done: Callable[[T], None]) -> bool:
        """Calls `done(result)` on the loop; False: too many wait, the newest is refused.

        What `work` raises is raised on the loop.
        """
        if self._waiting[camera] >= WAITING_PER_CAMERA:
            self._count(camera, "decode_queue")
            return False
        self._waiting[camera] += 1
        self._jobs.put((camera, work, done))
        return True

    def _run(self) -> None:
        give_way(BEHIND_LOOP)
        while (job := self._jobs.get()) is not None:
            camera, work, done = job
            result, fault = None, None
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - raised again, on the loop
                fault = error
            if self._loop.is_closed():
                return
            self._loop.call_soon_threadsafe(self._hand_over, camera, done, result, fault)

    def _hand_over(
        self, camera: str, done: Callable[[Any], None], result: object, fault: Exception | None
    ) -> None:
        self._waiting[camera] -= 1
        if fault is not None:
            raise fault
        done(result)
