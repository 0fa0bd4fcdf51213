"""What waits for the workers: windows, behind them pictures to look at in advance, and behind
these what nobody waits for.

A network is called once at a time: what waits for one at work is passed over. Of the windows that
wait for one that is free, as many go along as it takes at once; none waits for company.
"""

import asyncio
import contextlib
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

    `put`, `put_look`, `put_behind` and `end` never block: they are the loop's. Every worker that
    has nothing to do waits for a bell of its own, so that two jobs wake two of them at once.
    """

    def __init__(self) -> None:
        self._windows: deque[Job] = deque()
        self._looks: deque[Job] = deque()
        self._behind: deque[Job] = deque()
        self._busy: set[Network] = set()
        self._taking = threading.Lock()  # of workers among themselves
        self._idle: deque[threading.Lock] = deque()  # bells of those that wait
        self._own = threading.local()
        self._is_ended = False

    def put(self, job: Job) -> None:
        """Before every look."""
        self._windows.append(job)
        self._ring()

    def put_look(self, job: Job) -> bool:
        """Behind every window; False: too many wait, and it is refused."""
        if len(self._looks) >= LOOKS:
            return False
        self._looks.append(job)
        self._ring()
        return True

    def put_behind(self, job: Job) -> None:
        """Behind everything. Who puts it bounds how many there are."""
        self._behind.append(job)
        self._ring()

    def get(self, *, is_idle: bool = True) -> list[Job] | None:
        """The next jobs, all for one network, which is taken until `free`; None: the end.

        Blocks until there are some; a worker that is not idle gets none then.
        """
        while not self._is_ended:
            if lot := self._next():
                return lot
            if not is_idle:
                return []
            bell = self._bell()
            self._idle.append(bell)
            # a job that came before that rang nobody
            if self._is_ended or (lot := self._next()):
                self._withdraw(bell)
                return lot or None
            bell.acquire()
        return None

    def free(self, network: Network | None) -> None:
        """It can be called again; whoever says so looks for the next jobs itself."""
        if network is not None:
            with self._taking:
                self._busy.discard(network)

    def end(self) -> list[Job]:
        """Let the workers end; what somebody waits for and none will run is given back."""
        self._is_ended = True
        while self._idle:
            self._ring()
        with self._taking:
            return [*self._windows, *self._behind]

    def _bell(self) -> threading.Lock:
        """Of the worker that asks: a lock that it holds until somebody rings, which lets it go."""
        try:
            found: threading.Lock = self._own.bell
        except AttributeError:
            found = self._own.bell = threading.Lock()
            found.acquire()
        return found

    def _ring(self) -> None:
        with contextlib.suppress(IndexError):  # nobody waits: all look before they do
            self._idle.popleft().release()

    def _withdraw(self, bell: threading.Lock) -> None:
        """It found something by itself."""
        try:
            self._idle.remove(bell)
        except ValueError:  # it was rung meanwhile, for what another may have to take now
            bell.acquire()
            self._ring()

    def _next(self) -> list[Job]:
        with self._taking:
            lot = self._take()
        if lot and (self._windows or self._looks or self._behind):
            self._ring()  # there may be something for another, too
        return lot

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
