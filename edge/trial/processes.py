"""Processes of a trial: none outlives the command that started it, none dies unnoticed."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from edge.trial.errors import TrialFailed

PR_SET_PDEATHSIG = 1
SHORT_LIFE_S = 5.0
MAX_SHORT_LIVES = 5
_LIBC = ctypes.CDLL(None, use_errno=True)


def python(module: str, *arguments: str) -> list[str]:
    """Command line of one of our own modules, in this very interpreter."""
    return [sys.executable, "-m", module, *arguments]


class Child:
    """One process with its log; leaving ends it, politely first."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        grace_s: float = 10.0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._settings = settings or {}  # of its environment, beside what we have
        self._grace_s = grace_s
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Child":
        await self.spawn()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.end()

    @property
    def pid(self) -> int:
        """0 while there is no process."""
        return self._process.pid if self._process and self.returncode is None else 0

    @property
    def returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    async def spawn(self) -> None:
        """Start it, in a session of its own: Ctrl-C reaches us alone, and we end it in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment({**os.environ, **self._settings}),
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )

    async def wait(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None and self.returncode is None:
            self._process.kill()

    async def end(self) -> None:
        """SIGTERM, and SIGKILL when that is not heeded."""
        if self._process is None or self.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(self._grace_s):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()

    def last_words(self, lines: int = 8) -> str:
        """The end of its log."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    async def watch(self, *, may_finish: bool = False) -> None:
        """Wait; ending before it was told to is a failure of the trial.

        One that `may_finish` has an end of its own, if it is a good one.
        """
        status = await self.wait()
        if may_finish and status == 0:
            return
        raise TrialFailed(f"{self.name} {ended(status)}; its log ends:\n{self.last_words()}")


class Kept:
    """A child that is started again at once whenever it dies, as systemd does with the daemon.

    One that was killed is always started again. One that ends by itself again and again, sooner
    than it can have worked, is given up with its last words, as is one that calls its
    configuration wrong (status 2).
    """

    def __init__(self, child: Child, on_death: Callable[[str], None]) -> None:
        self.child = child
        self.restarts = 0
        self._on_death = on_death
        self._short_lives = 0

    async def run(self) -> None:
        """Until cancelled; then the child is ended."""
        try:
            while True:
                born_s = time.monotonic()
                await self.child.spawn()
                status = await self.child.wait()
                self._judge(status, time.monotonic() - born_s)
                self.restarts += 1
                self._on_death(f"{self.child.name} {ended(status)}; started again")
        finally:
            await self.child.end()

    def _judge(self, status: int, life_s: float) -> None:
        ended_itself = status >= 0
        self._short_lives = self._short_lives + 1 if ended_itself and life_s < SHORT_LIFE_S else 0
        if status == 2 or self._short_lives >= MAX_SHORT_LIVES:
            raise TrialFailed(
                f"{self.child.name} {ended(status)}; its log ends:\n{self.child.last_words()}"
            )


def ended(status: int) -> str:
    """How a process ended, in words."""
    if status < 0:
        return f"was killed ({signal.Signals(-status).name})"
    return f"ended with status {status}"


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Ours, without buffers between a child and its log."""
    return {**inherited, "PYTHONUNBUFFERED": "1"}


def _die_with(parent: int) -> Callable[[], None]:
    def ask() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask
