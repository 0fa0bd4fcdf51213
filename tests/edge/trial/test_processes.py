"""Real processes, really killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.trial.errors import TrialFailed
from edge.trial.processes import Child, Kept

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\n"
    "time.sleep(600)",
]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process's doing has no event
            await asyncio.sleep(0.01)


async def until_up(child: Child) -> None:
    await until(lambda: "up" in child.last_words())


async def test_leaving_ends_a_child(tmp_path: Path) -> None:
    async with Child("sleeper", SLEEPER, tmp_path / "log") as child:
        await until_up(child)
        pid = child.pid
    assert child.returncode == -signal.SIGTERM
    assert not is_alive(pid)


async def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    async with Child("stubborn", STUBBORN, tmp_path / "log", grace_s=0.2) as child:
        await until_up(child)
    assert child.returncode == -signal.SIGKILL


async def test_an_unexpected_end_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no key at /etc/x')"]
    async with Child("plc", command, tmp_path / "log") as child:
        with pytest.raises(TrialFailed, match=r"(?s)plc ended with status 1.*no key at /etc/x"):
            await child.watch()


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    script = f"""
import asyncio, pathlib
from edge.trial.processes import Child
async def main():
    async with Child("sleeper", {SLEEPER!r}, pathlib.Path({str(tmp_path / "log")!r})) as child:
        print(child.pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(pid)


async def test_a_kept_child_comes_back_each_time_it_is_killed(tmp_path: Path) -> None:
    told: list[str] = []
    kept = Kept(Child("daemon", SLEEPER, tmp_path / "log"), told.append)
    task = asyncio.create_task(kept.run())
    pids: list[int] = []
    for deaths in range(7):
        await until(lambda n=deaths: kept.restarts >= n and kept.child.pid)  # type: ignore[misc]
        pids.append(kept.child.pid)
        os.kill(kept.child.pid, signal.SIGKILL)
    await until(lambda: kept.restarts == 7 and kept.child.pid)
    last = kept.child.pid
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(set(pids)) == 7
    assert told == ["daemon was killed (SIGKILL); started again"] * 7
    assert not is_alive(last)


async def test_a_kept_child_that_cannot_work_is_given_up(tmp_path: Path) -> None:
    told: list[str] = []
    command = [sys.executable, "-c", "raise SystemExit('broken')"]
    kept = Kept(Child("daemon", command, tmp_path / "log"), told.append)
    with pytest.raises(TrialFailed, match="broken"):
        await kept.run()
    assert len(told) == 4


async def test_a_wrong_configuration_is_not_tried_twice(tmp_path: Path) -> None:
    told: list[str] = []
    command = [sys.executable, "-c", "print('budget.deadline_ms: wrong'); raise SystemExit(2)"]
    kept = Kept(Child("daemon", command, tmp_path / "log"), told.append)
    with pytest.raises(TrialFailed, match=r"budget\.deadline_ms: wrong"):
        await kept.run()
    assert told == []
