"""A thread that runs networks: it starts what waits, and waits for what it started.

Where a run returns at once (a GPU) it starts all networks of a part before it waits for the first;
where a run blocks (a CPU) each is told as it is done. The thread is a daemon thread, so that a
network that never comes back cannot keep the process from ending.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType

from edge.inference.jobs import Job, Jobs, Network, Running
from edge.priority import give_way

BEHIND_LOOP = 5  # steps of niceness: a network takes milliseconds, what the loop does a tenth


class Lot:
    """Jobs that one run is for, and what became of each: a result, or what was raised."""

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = jobs
        self.since_ns = time.monotonic_ns()
        self.outcomes: Sequence[object] = ()
        self._running: Running | None = None

    def begin(self) -> bool:
        """Call the network; False: it is under way, and `finish` waits for it."""
        first = self.jobs[0]
        with self:
            if first.call is not None:
                self.outcomes = [first.call()]
            elif first.network is not None:
                windows = [job.window for job in self.jobs if job.window is not None]
                self._running = first.network.start(windows)
                if not self._running.is_done:
                    return False
                self.outcomes = self._running.wait()
        return True

    def finish(self) -> None:
        with self:
            assert self._running is not None
            self.outcomes = self._running.wait()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """What was raised is not lost: it is what became of them."""
        if error is not None:
            self.outcomes = [error] * len(self.jobs)
        return isinstance(error, Exception)


class Worker:
    """Takes from `jobs` until they end. `skip` and `ended` are called on the thread."""

    def __init__(self, jobs: Jobs, skip: Callable[[Job], None], ended: Callable[[], None]) -> None:
        self._jobs = jobs
        self._skip = skip  # told of a job that nobody wants any more
        self._ended = ended
        self._flying: deque[Lot] = deque()
        self._since_ns = 0  # when the oldest run began; 0: idle
        self._thread = threading.Thread(target=self._work, name="inference", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def runs_for_ns(self) -> int:
        """How long the oldest run has been under way."""
        since_ns = self._since_ns
        return time.monotonic_ns() - since_ns if since_ns else 0

    # --- on the thread -----------------------------------------------------------------------

    def _work(self) -> None:
        give_way(BEHIND_LOOP)
        while (jobs := self._jobs.get(is_idle=not self._flying)) is not None:
            if jobs:
                self._start(jobs)
            else:
                self._land()
        while self._flying:
            self._land()
        self._ended()

    def _start(self, jobs: list[Job]) -> None:
        network, wanted = jobs[0].network, list[Job]()
        for job in jobs:
            if job.is_unwanted:
                self._skip(job)
            else:
                wanted.append(job)
        if not wanted:
            self._jobs.free(network)
            return
        lot = Lot(wanted)
        self._since_ns = self._since_ns or lot.since_ns
        if lot.begin():
            self._tell(lot, network)
        else:
            self._flying.append(lot)

    def _land(self) -> None:
        lot = self._flying.popleft()
        lot.finish()
        self._tell(lot, lot.jobs[0].network)

    def _tell(self, lot: Lot, network: Network | None) -> None:
        self._since_ns = self._flying[0].since_ns if self._flying else 0
        self._jobs.free(network)
        for job, outcome in zip(lot.jobs, lot.outcomes, strict=True):
            job.report(job, outcome)
