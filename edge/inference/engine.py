"""All networks of the box, on one thread off the loop.

One thread, not one a network: runs one after the other disturb each other less than side by side,
and the libraries release the interpreter while they compute. The thread is a daemon thread, so that
a network that never comes back cannot keep the process from ending.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge import config
from edge.bundle import Bundle
from edge.certificate import Ran
from edge.errors import BundleError, ConfigError, QueueFull
from edge.inference.detector import Detector, Score, load, load_chosen
from edge.inference.jobs import Job, Jobs, Then
from edge.inference.runner import Candidate, Opener, RunFailed, opener
from edge.priority import give_way
from sensors.signal import Count, Window

log = logging.getLogger(__name__)
BEHIND_LOOP = 5  # steps of niceness: a network takes milliseconds, what the loop does a tenth
DEPTH = 64  # windows running or waiting; a newer one is refused
T = TypeVar("T")
Key = tuple[str, str]  # sha256 of the bundle, detector


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
        self._bundles = {bundle.sha256: bundle for bundle in bundles}
        self._count = count
        self._open_runner = open_runner  # None: the one that the settings name
        self._cache = cache
        self._chosen = chosen or {}  # the others run as the settings say
        self._detectors: dict[Key, Detector] = {}
        self._jobs = Jobs()
        self._unsettled = 0  # of DEPTH; touched on the loop alone
        self._running_since_ns = 0  # 0: idle
        self._ended = asyncio.Event()
        self._resources = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Engine":
        self._loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as resources:
            thread = threading.Thread(target=self._work, name="inference", daemon=True)
            thread.start()
            resources.push_async_callback(self._end, thread)
            self._detectors = await self._put("engine", self._load)
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
    def names(self) -> dict[str, str]:
        """What runs each detector: "motor 1.0.0 camera" -> "openvino 2026.4.1 cpu, int8"."""
        return {
            f"{self._bundles[sha256].label} {name}": f"{one.runner.name}, {one.runner.precision}"
            for (sha256, name), one in self._detectors.items()
        }

    def ran(self, bundle: Bundle) -> list[tuple[str, Ran]]:
        """What each detector of a bundle answers on."""
        return [
            (name, Ran(engine=one.runner.name, precision=one.runner.precision))
            for (sha256, name), one in self._detectors.items()
            if sha256 == bundle.sha256
        ]

    @property
    def is_hung(self) -> bool:
        """A network has been running for longer than any ever should."""
        since_ns = self._running_since_ns
        limit_ns = self._settings.timeout_ms * 1e6
        return since_ns > 0 and time.monotonic_ns() - since_ns > limit_ns

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
        network = self._detectors[bundle.sha256, detector]
        return self._put(window.sensor, lambda: network.infer(window), then)

    def _put(
        self, sensor: str, call: Callable[[], Any], then: Then | None = None
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        self._unsettled += 1
        self._jobs.put(Job(sensor, call, self._report, future, then))
        return future

    def look(self, bundle: Bundle, detector: str, sensor: str, picture: NDArray[np.uint8]) -> None:
        """Let a network look at a picture (height, width) before its window is whole.

        It takes work off the window's run, and nothing else: where the thread has no time for it,
        or the network takes its pictures all at once, it is left out.
        """
        network = self._detectors[bundle.sha256, detector]
        if not network.looks or self.is_hung:
            return
        if not self._jobs.put_look(Job(sensor, lambda: network.look(picture), self._looked)):
            self._count(sensor, "look_queue_full")

    def _load(self) -> dict[Key, Detector]:
        found: dict[Key, Detector] = {}
        for bundle in self._bundles.values():
            found |= self.compile(bundle, self._chosen)
        return found

    def _load_one(self, bundle: Bundle, name: str, chosen: Candidate | None) -> Detector:
        threads = self._settings.threads
        if chosen is not None:
            try:
                return load_chosen(bundle, name, chosen, threads=threads)
            except (ConfigError, BundleError) as error:
                log.warning("%s %s: %s does not serve: %s", bundle.label, name, chosen, error)
        open_runner = self._open_runner or opener(self._settings.name)
        return load(bundle, name, open_runner, threads=threads, cache=self._cache)

    # --- bundles that come and go ----------------------------------------------------------------

    @property
    def held(self) -> frozenset[str]:
        """Manifests' sha256 of the bundles whose networks are loaded."""
        return frozenset(self._bundles)

    def compile(self, bundle: Bundle, chosen: Mapping[Key, Candidate]) -> dict[Key, Detector]:
        """Load and prove every network of a bundle for `take`. Blocks; on any thread.

        Raises:
            BundleError: one cannot be compiled, or does not keep what its passport promises.
        """
        return {
            (bundle.sha256, name): self._load_one(bundle, name, chosen.get((bundle.sha256, name)))
            for name in bundle.manifest.detectors
        }

    def take(self, bundle: Bundle, detectors: Mapping[Key, Detector]) -> None:
        """Windows for this bundle may be submitted from now on."""
        self._bundles[bundle.sha256] = bundle
        self._detectors.update(detectors)

    def drop(self, sha256: str) -> None:
        """No window of this bundle comes any more: its networks go as soon as none runs."""
        del self._bundles[sha256]
        for key in [key for key in self._detectors if key[0] == sha256]:
            del self._detectors[key]

    def detector(self, bundle: Bundle, name: str) -> Detector:
        """To be run by `behind`."""
        return self._detectors[bundle.sha256, name]

    @property
    def is_idle(self) -> bool:
        """No window runs or waits."""
        return self._unsettled == 0

    def behind(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Do something on the inference thread once nothing else waits for it.

        The future raises what `call` raises. The caller bounds how much it asks for.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put_behind(Job("", call, self._report_behind, future))
        return future

    async def adopt(self, bundle: Bundle, name: str, chosen: Candidate) -> None:
        """Run a detector on another engine from the next window on; none waits meanwhile.

        Raises:
            ConfigError, BundleError: the new one does not serve; the old one goes on.
        """
        threads = self._settings.threads
        one = await asyncio.to_thread(load_chosen, bundle, name, chosen, threads=threads)
        self._detectors[bundle.sha256, name] = one

    # --- on the inference thread ---------------------------------------------------------------

    def _work(self) -> None:
        give_way(BEHIND_LOOP)
        while (job := self._jobs.get()) is not None:
            if job.is_unwanted:
                if job.sensor:
                    self._tell_loop(self._skip, job)
                continue
            self._running_since_ns = time.monotonic_ns()
            with job:
                job.result = job.call()
        self._tell_loop(self._ended.set)

    def _report(self, job: Job, error: BaseException | None) -> None:
        self._running_since_ns = 0
        self._tell_loop(self._settle, job, error)

    def _report_behind(self, job: Job, error: BaseException | None) -> None:
        self._running_since_ns = 0
        self._tell_loop(_answer, job, error)

    def _looked(self, job: Job, error: BaseException | None) -> None:
        self._running_since_ns = 0
        if error is not None and not isinstance(error, RunFailed):  # its window's run will say that
            self._tell_loop(self._raise, error)

    def _tell_loop(self, call: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it came back after the end
            self._loop.call_soon_threadsafe(call, *values)

    # --- back on the loop ------------------------------------------------------------------------

    def _settle(self, job: Job, error: BaseException | None) -> None:
        self._unsettled -= 1
        assert job.future is not None
        if job.future.cancelled():
            self._count(job.sensor, "late_result")
            return
        if error is not None:
            if isinstance(error, RunFailed):
                self._count(job.sensor, "inference_failed")
            job.future.set_exception(error)
        else:
            job.future.set_result(job.result)
        if job.then is not None:
            job.then(job.future)

    def _skip(self, job: Job) -> None:
        self._unsettled -= 1
        self._count(job.sensor, "inference_skipped")

    @staticmethod
    def _raise(error: BaseException) -> None:
        raise error

    async def _end(self, thread: threading.Thread) -> None:
        """Drop what waits and let the thread finish; one that hangs is left behind."""
        for job in self._jobs.end():
            if job.future is not None:
                job.future.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self.is_hung else self._settings.timeout_ms / 1e3):
                await self._ended.wait()
                thread.join()  # at once: that was its last act


def _answer(job: Job, error: BaseException | None) -> None:
    assert job.future is not None
    if job.future.cancelled():
        return
    if error is not None:
        job.future.set_exception(error)
    else:
        job.future.set_result(job.result)
