"""All networks of the box, on a few threads off the loop: the detectors of a part run at once.

As many threads as the settings say, not one a network: more than there are cores for disturb each
other. The libraries release the interpreter while they compute.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge import config
from edge.aside import Aside
from edge.bundle import Bundle
from edge.errors import QueueFull
from edge.inference.detector import Detector, Score
from edge.inference.jobs import Job, Jobs, Then
from edge.inference.loaded import Key, Loaded
from edge.inference.runner import Candidate, Opener, RunFailed
from edge.inference.worker import Worker
from sensors.signal import Count, Window

DEPTH = 64  # windows running or waiting; a newer one is refused
T = TypeVar("T")


class Engine:
    """Every detector of every bundle, compiled once; `async with` loads and proves them.

    Causes counted, by sensor: `inference_queue_full` and `engine_hung` (refused at the door),
    `inference_failed` (no usable answer), `inference_skipped` and `late_result` (nobody waited any
    more when its turn came, or when its score was there), `look_queue_full` (see `look`).

    Raises, on entering:
        ConfigError: the engine of that name cannot be used here.
        BundleError: a network cannot be compiled, or does not keep what its passport promises.
    """

    def __init__(
        self,
        settings: config.Engine,
        bundles: Iterable[Bundle],
        count: Count,
        *,
        open_runner: Opener | None = None,
        cache: Path | None = None,
        chosen: Mapping[Key, Candidate] | None = None,
    ) -> None:
        self._settings = settings
        self._bundles = list({bundle.sha256: bundle for bundle in bundles}.values())
        self._count = count
        self._chosen = chosen or {}  # the others run as the settings say
        self.aside = Aside("bundles")
        self.loaded = Loaded(settings, open_runner, cache)
        self._jobs = Jobs()
        self._workers = [
            Worker(self._jobs, self._skipped, self._left) for _ in range(settings.workers)
        ]
        self._unsettled = 0  # of DEPTH; touched on the loop alone
        self._at_work = 0  # workers that have not ended; on the loop alone
        self._ended = asyncio.Event()
        self._resources = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Engine":
        self._loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as resources:
            await resources.enter_async_context(self.aside)
            for worker in self._workers:
                worker.start()
                self._at_work += 1
            resources.push_async_callback(self._end)
            made = await self._put(Job("engine", self._report, call=self._load))
            for bundle, detectors in zip(self._bundles, made, strict=True):
                self.loaded.take(bundle, detectors)
            self._resources = resources.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._resources.aclose()

    @property
    def is_hung(self) -> bool:
        """A network has been running for longer than any ever should."""
        limit_ns = self._settings.timeout_ms * 1e6
        return any(worker.runs_for_ns() > limit_ns for worker in self._workers)

    def submit(
        self, bundle: Bundle, detector: str, window: Window, then: Then | None = None
    ) -> asyncio.Future[Score]:
        """Queue a window, first come first served; cancel the future when the score is too late.

        The future raises RunFailed when the engine gave no usable answer. `then` is called with the
        future as soon as it is done, a turn of the loop before its own callbacks; not when it was
        cancelled.

        Raises:
            QueueFull: the queue is full or the engine hangs; the newest is refused.
        """
        if self.is_hung:
            self._count(window.sensor, "engine_hung")
            raise QueueFull("the engine hangs")
        if self._unsettled >= DEPTH:
            self._count(window.sensor, "inference_queue_full")
            raise QueueFull(f"{DEPTH} windows wait for the engine already")
        network = self.loaded.detector(bundle, detector)
        return self._put(Job(window.sensor, self._report, network, window, then=then))

    def _put(self, job: Job) -> asyncio.Future[Any]:
        job.future = self._loop.create_future()
        self._unsettled += 1
        self._jobs.put(job)
        return job.future

    def look(self, bundle: Bundle, detector: str, sensor: str, picture: NDArray[np.uint8]) -> None:
        """Let a network look at a picture (height, width) before its window is whole.

        It takes work off the window's run, and nothing else: where the thread has no time for it,
        or the network takes its pictures all at once, it is left out.
        """
        network = self.loaded.detector(bundle, detector)
        if not network.looks or self.is_hung:
            return
        look = partial(network.look, picture)
        if not self._jobs.put_look(Job(sensor, self._looked, network, call=look)):
            self._count(sensor, "look_queue_full")

    def _load(self) -> list[dict[Key, Detector]]:
        return [self.loaded.compile(bundle, self._chosen) for bundle in self._bundles]

    @property
    def is_idle(self) -> bool:
        """No window runs or waits."""
        return self._unsettled == 0

    def behind(self, call: Callable[[], T], network: Detector | None = None) -> asyncio.Future[T]:
        """Do something on an inference thread once nothing else waits for one.

        No window runs on `network` meanwhile: one that works in the shadow may be promoted. The
        future raises what `call` raises. The caller bounds how much it asks for.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put_behind(Job("", self._answered, network, call=call, future=future))
        return future

    # --- on the threads --------------------------------------------------------------------------

    def _report(self, job: Job, outcome: object) -> None:
        self._tell_loop(self._settle, job, outcome)

    def _looked(self, job: Job, outcome: object) -> None:
        """A look that failed is told by its window's run; a fault of logic ends the process."""
        if isinstance(outcome, BaseException) and not isinstance(outcome, RunFailed):
            self._tell_loop(self._raise, outcome)

    def _skipped(self, job: Job) -> None:
        self._tell_loop(self._skip, job)

    def _answered(self, job: Job, outcome: object) -> None:
        self._tell_loop(_answer, job, outcome)

    def _left(self) -> None:
        self._tell_loop(self._leave)

    def _tell_loop(self, call: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it came back after the end
            self._loop.call_soon_threadsafe(call, *values)

    # --- back on the loop ------------------------------------------------------------------------

    def _settle(self, job: Job, outcome: object) -> None:
        self._unsettled -= 1
        assert job.future is not None
        if job.future.cancelled():
            self._count(job.sensor, "late_result")
            return
        if isinstance(outcome, BaseException):
            if isinstance(outcome, RunFailed):
                self._count(job.sensor, "inference_failed")
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)
        if job.then is not None:
            job.then(job.future)

    def _skip(self, job: Job) -> None:
        if not job.sensor:
            return  # it was behind everything
        self._unsettled -= 1
        self._count(job.sensor, "inference_skipped")

    @staticmethod
    def _raise(error: BaseException) -> None:
        raise error

    def _leave(self) -> None:
        self._at_work -= 1
        if not self._at_work:
            self._ended.set()

    async def _end(self) -> None:
        """Drop what waits and let the threads finish; one that hangs is left behind."""
        for job in self._jobs.end():
            if job.future is not None:
                job.future.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self.is_hung else self._settings.timeout_ms / 1e3):
                await self._ended.wait()
                for worker in self._workers:
                    worker.join()  # at once: that was its last act


def _answer(job: Job, outcome: object) -> None:
    assert job.future is not None
    if job.future.cancelled():
        return
    if isinstance(outcome, BaseException):
        job.future.set_exception(outcome)
    else:
        job.future.set_result(outcome)
