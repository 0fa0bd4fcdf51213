"""What waits for the inference thread: windows, behind them pictures to look at in advance, and
behind these what nobody waits for.
"""

import asyncio
import queue
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

LOOKS = 64  # pictures that wait; beyond it the newest is looked at when its window is run
Then = Callable[[asyncio.Future[Any]], None]


@dataclass(slots=True, eq=False)
class Job:
    """One call on the thread. What it raises is not lost: `report` is told, on the thread."""

    sensor: str
    call: Callable[[], Any]
    report: "Callable[[Job, BaseException | None], None]"
    future: asyncio.Future[Any] | None = None  # of who waits for the result
    then: Then | None = None
    result: Any = None

    @property
    def is_unwanted(self) -> bool:
        """Nobody waits for it any more."""
        return self.future is not None and self.future.cancelled()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.report(self, error)
        return isinstance(error, Exception)


class Jobs:
    """Queues of one thread, which takes from one only when those before it are empty."""

    def __init__(self) -> None:
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # rung once a job
        self._windows: deque[Job | None] = deque()  # None: the end
        self._looks: deque[Job] = deque()
        self._behind: deque[Job] = deque()

    def put(self, job: Job) -> None:
        """Before every look."""
        self._windows.append(job)
        self._bell.put(None)

    def put_look(self, job: Job) -> bool:
        """Behind the windows; False: too many wait, and it is refused."""
        if len(self._looks) >= LOOKS:
            return False
        self._looks.append(job)
        self._bell.put(None)
        return True

    def put_behind(self, job: Job) -> None:
        """Behind everything. Who puts it bounds how many there are."""
        self._behind.append(job)
        self._bell.put(None)

    def get(self) -> Job | None:
        """The next job, on the thread; None: end. Blocks."""
        self._bell.get()
        if self._windows:
            return self._windows.popleft()
        return self._looks.popleft() if self._looks else self._behind.popleft()

    def end(self) -> list[Job]:
        """Let the thread end; what somebody waits for and it will not run is given back."""
        self._windows.appendleft(None)  # first: the thread may have heard the bell of another job
        self._bell.put(None)
        return [job for job in (*self._windows.copy(), *self._behind.copy()) if job is not None]
