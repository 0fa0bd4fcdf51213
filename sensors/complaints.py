"""Says what was wrong with a reading, once a minute for each owner and cause: never a flood."""

import logging
import time

EVERY_S = 60.0
SHOWN_BYTES = 32

_log = logging.getLogger(__name__)


class Complaints:
    """The log of one session's refusals; counting them is somebody else's."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}

    def say(self, owner: str, cause: str, expected: str, payload: bytes) -> None:
        """Log it, unless the same was said less than a minute ago."""
        now = time.monotonic()
        if now - self._said.get((owner, cause), -EVERY_S) >= EVERY_S:
            self._said[owner, cause] = now
            shown = payload[:SHOWN_BYTES].hex(" ")
            _log.warning("%s: %s: %s; begins %s", owner, cause, expected, shown)
