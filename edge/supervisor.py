"""The one retry loop of the box: a session that lost its link is run again, with backoff.

Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): a uniform draw between zero and a
limit that doubles up to a cap, so that the clients of a returning server do not all come at once.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

from sensors.errors import LinkLost

log = logging.getLogger(__name__)
Up = Callable[[], None]
Session = Callable[[Up], Coroutine[Any, Any, None]]  # calls `up` once it is really connected
Report = Callable[[str, bool], None]  # name of the link, whether it is up


async def keep(
    name: str,
    session: Session,
    report: Report,
    *,
    first_s: float = 0.1,
    cap_s: float = 2.0,
    healthy_s: float = 5.0,
    draw: Callable[[float, float], float] = random.uniform,
) -> None:
    """Run `session` whenever it lost its link; returns when it does, or by cancellation.

    The first loss is logged, and the return once the link has stayed up for `healthy_s`, which also
    resets the backoff; nothing between. Every change is reported. What is not LinkLost is a fault
    of logic and leaves.
    """
    link = _Link(name, report, healthy_s)
    limit_s = first_s
    while True:
        try:
            await _run(name, session, link.up)
            return
        except* LinkLost as losses:
            reason = str(_first(losses))
        finally:
            link.down()
        if not link.is_lost:
            limit_s = first_s
            link.lose(reason)
        _leave_if_cancelled()
        await asyncio.sleep(draw(0.0, limit_s))
        limit_s = min(cap_s, 2.0 * limit_s)


async def _run(name: str, session: Session, up: Up) -> None:
    """In a task of its own, for then only a true cancellation marks this one as cancelled."""
    try:
        await asyncio.create_task(session(up), name=name)
    except asyncio.CancelledError as error:
        _leave_if_cancelled()
        raise LinkLost("the session was cancelled, and not from here") from error


class _Link:
    """What is known, and was said, of one link."""

    def __init__(self, name: str, report: Report, healthy_s: float) -> None:
        self.is_lost = False  # and the log has said so
        self._name = name
        self._report = report
        self._healthy_s = healthy_s
        self._lost_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        report(name, False)

    def up(self) -> None:
        """The session is connected."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._healthy_s, self._find)
            self._report(self._name, True)

    def down(self) -> None:
        """The session has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._report(self._name, False)

    def lose(self, reason: str) -> None:
        self.is_lost = True
        self._lost_at = time.monotonic()
        log.warning("%s: lost (%s); redialling", self._name, reason)

    def _find(self) -> None:
        if self.is_lost:
            self.is_lost = False
            away_s = time.monotonic() - self._lost_at - self._healthy_s
            log.info("%s: is back after %.1f s", self._name, away_s)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _leave_if_cancelled() -> None:
    """A session that loses its link while it is being cancelled tells only of the link."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
