"""What one source showed in the last moments. Pure."""

from collections import deque
from typing import Literal

Seen = Literal["", "just now", "before"]  # never; in the last block; with others in between
MEMORY_NS = 800_000_000  # of a loop: longer than the windows that it would fill


class Memory:
    """Tells a source that shows again what it showed before: noise makes no two blocks alike.

    A frozen source repeats the last block, a ring buffer that nobody fills any more its last half
    second. Contents are told apart by a hash of 64 bits.
    """

    def __init__(self) -> None:
        self._shown: deque[tuple[int, int]] = deque()  # (when, hash), one for each content
        self._known: set[int] = set()

    def knows(self, content: bytes, now_ns: int) -> Seen:
        """Was it shown before? It is remembered from now on."""
        while self._shown and self._shown[0][0] < now_ns - MEMORY_NS:
            self._known.discard(self._shown.popleft()[1])
        key = hash(content)
        seen: Seen = ""
        if key in self._known:
            seen = "just now" if self._shown[-1][1] == key else "before"
            self._shown = deque(one for one in self._shown if one[1] != key)
        self._known.add(key)
        self._shown.append((now_ns, key))
        return seen
