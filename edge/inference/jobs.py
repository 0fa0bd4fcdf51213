"""What waits for the workers: windows, behind them pictures to look at in advance, and behind
these what nobody waits for.

A network is called once at a time: what waits for one at work is passed over. Of the windows that
wait for one that is free, as many go along as it takes at once; none waits for company.
"""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sensors.signal import Window

LOOKS = 64  # pictures that wait; beyond it the newest is looked at when its window is run
Then = Callable[[asyncio.Future[Any]], None]


class Running(Protocol):
    """Windows that a network is at work on."""

    @property
    def is_done(self) -> bool:
        """`wait` does not block: the library had done them when it returned."""

    def wait(self) -> Sequence[object]:
        """What became of each: a score, or the RunFailed of one. Blocks."""


class Network(Protocol):
    """As much of a detector as has to be known here."""

    @property
    def most(self) -> int:
        """Windows that it takes at once."""

    def start(self, windows: Sequence[Window]) -> Running:
        """Returns once they are on their way, or done."""


@dataclass(slots=True, eq=False)
class Job:
    """A window for a network, or a call.

    What became of it is told to `report`, on the thread: a result, or the exception.
    """

    sensor: str
    report: "Callable[[Job, Any], None]"
    network: Network | None = None  # nothing else may run on it meanwhile
    window: Window | None = None
    call: Callable[[], Any] | None = None  # instead of a window
    future: asyncio.Future[Any] | None = None  # of who waits for the result
    then: Then | None = None

    @property
    def is_unwanted(self) -> bool:
        """Nobody waits for it any more."""
        return self.future is not None and self.future.cancelled()


class Jobs:
    """Queues of all workers, who take from the later ones only what the earlier ones do not have.

    `put`, `put_look` and `end` never block: they are the loop's. The bell is rung whenever there
    may be something to take; a worker that hears it and finds nothing listens on.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._windows: deque[Job] = deque()
        self._looks: deque[Job] = deque()
        self._behind: deque[Job] = deque()
        self._busy: set[Network] = set()
        self._taking = threading.Lock()  # of workers among themselves
        self._is_ended = False

    def put(self, job: Job) -> None:
        """Before every look."""
        self._windows.append(job)
        self._bell.put(None)

    def put_look(self, job: Job) -> bool:
        """Behind every window; False: too many wait, and it is refused."""
        if len(self._looks) >= LOOKS:
            return False
        self._looks.append(job)
        self._bell.put(None)
        return True

    def put_behind(self, job: Job) -> None:
        """Behind everything. Who puts it bounds how many there are."""
        self._behind.append(job)
        self._bell.put(None)

    def get(self, *, is_idle: bool = True) -> list[Job] | None:
        """The next jobs, all for one network, which is taken until `free`; None: the end.

        Blocks until there are some; a worker that is not idle gets none then.
        """
        while not self._is_ended:
            try:
                self._bell.get(is_idle)
            except queue.Empty:
                return []
            with self._taking:
                if not self._is_ended and (lot := self._take()):
                    return lot
        return None

    def free(self, network: Network | None) -> None:
        """It can be called again."""
        if network is None:
            return
        with self._taking:
            self._busy.discard(network)
        if (
            self._windows or self._looks or self._behind
        ):  # perhaps for it, and whoever heard that passed it over
            self._bell.put(None)

    def end(self) -> list[Job]:
        """Let the workers end; what somebody waits for and none will run is given back."""
        self._is_ended = True
        for _ in range(self._workers):
            self._bell.put(None)
        with self._taking:
            return [*self._windows, *self._behind]

    def _take(self) -> list[Job]:
        """From the first queue that has something for a network that is free."""
        for waiting in (self._windows, self._looks, self._behind):
            # by number: the loop may append meanwhile
            at = next((i for i in range(len(waiting)) if self._is_free(waiting[i])), None)
            if at is None:
                continue
            first = waiting[at]
            if first.network is not None:
                self._busy.add(first.network)
            lot = [first]
            del waiting[at]
            if first.window is not None:
                self._take_company(waiting, lot)
            return lot
        return []

    def _take_company(self, waiting: deque[Job], lot: list[Job]) -> None:
        """Windows for the same network, in their order, as many as it takes."""
        network, at = lot[0].network, 0
        assert network is not None
        while len(lot) < network.most and at < len(waiting):
            if waiting[at].network is network and waiting[at].window is not None:
                lot.append(waiting[at])
                del waiting[at]
            else:
                at += 1

    def _is_free(self, job: Job) -> bool:
        return job.network is None or job.network not in self._busy
