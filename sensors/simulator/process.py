"""The life of a process of the simulated plant: when it is up, and when it ends."""

import asyncio
import contextlib
import gc
import os
import selectors
import signal
import sys
from collections.abc import Coroutine
from typing import Any

_PARENT_CHECK_S = 0.5


def live(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends, SIGTERM or SIGINT comes, or the parent process is gone.

    Nothing is collected before `say_ready`: an OPC UA server's many nodes are up sooner.
    """
    gc.disable()
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        runner.run(_until_told(work))


def say_ready() -> None:
    """One line for whoever started this process; what it is made of by now stays for good."""
    gc.collect()
    gc.freeze()
    gc.enable()
    sys.stdout.write("ready\n")
    sys.stdout.flush()


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    job = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, job.cancel)
    watch = asyncio.create_task(_cancel_orphan(job, os.getppid()), name="parent watch")
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await job
    finally:
        watch.cancel()


async def _cancel_orphan(job: "asyncio.Future[None]", parent: int) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(_PARENT_CHECK_S)
    job.cancel()


def _precise_loop() -> asyncio.AbstractEventLoop:
    """A loop that wakes within microseconds: epoll, asyncio's default, waits in whole ms."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())
