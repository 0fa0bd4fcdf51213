"""What becomes of the windows that a detector is at work on."""

import time
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from edge.inference.runner import Done, Outputs, Pending, RunFailed
from sensors.signal import Window

T_co = TypeVar("T_co", covariant=True)


class Reader(Protocol[T_co]):
    """A detector, as much of it as is needed here; `T_co` is its score."""

    def infer(self, window: Window) -> T_co:
        """One window by itself; RunFailed."""

    def read(self, window: Window, outputs: Outputs, start_ns: int, now_ns: int) -> T_co:
        """What was answered to it; RunFailed."""


class Broken:
    """A run that broke off before it was under way."""

    def __init__(self, error: RunFailed) -> None:
        self._error = error

    def wait(self) -> list[Outputs]:
        raise self._error


class Answers(Generic[T_co]):
    """Of one run for 1 or more windows."""

    def __init__(
        self, reader: Reader[T_co], windows: Sequence[Window], pending: Pending, start_ns: int
    ) -> None:
        self.is_done = isinstance(pending, Done | Broken)
        self._reader = reader
        self._windows = windows
        self._pending = pending
        self._start_ns = start_ns

    def wait(self) -> list[T_co | RunFailed]:
        """A score a window, in their order, or why there is none. Blocks."""
        try:
            answers = self._pending.wait()
        except RunFailed as error:
            if len(self._windows) == 1:
                return [error]
            return [self._alone(one) for one in self._windows]
        now_ns = time.monotonic_ns()
        return [
            self._read(window, outputs, now_ns)
            for window, outputs in zip(self._windows, answers, strict=True)
        ]

    def _read(self, window: Window, outputs: Outputs, now_ns: int) -> T_co | RunFailed:
        try:
            return self._reader.read(window, outputs, self._start_ns, now_ns)
        except RunFailed as error:
            return error

    def _alone(self, window: Window) -> T_co | RunFailed:
        """One window that broke a run must not cost the others of its batch their answer."""
        try:
            return self._reader.infer(window)
        except RunFailed as error:
            return error
