"""MQTT's byte stream cut into packets, and publications read out of them: the hot part of a wire.

Sections are of OASIS MQTT 5.0; 3.1.1 differs only in having no properties. paho reads a packet with
four or five calls of `recv` and builds a table of all possible properties for each; at a thousand
blocks a second that alone was a third of a core.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PUBLISH = 3
MOST_LENGTH_BYTES = 4  # 1.5.5
USER_PROPERTY = 0x26
# 2.2.2.2: bytes of every other property that a publication may carry; 0: as its first two say
_SIZES = {0x01: 1, 0x02: 4, 0x03: 0, 0x08: 0, 0x09: 0, 0x23: 2}
_SUBSCRIPTION = 0x0B  # a variable byte integer
_NONE: Mapping[str, str] = {}


class Malformed(Exception):  # noqa: N818 - named as the standard names such packets
    """The peer does not speak MQTT, or not as agreed. The connection ends (4.13.1)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One publication as it came."""

    topic: str
    payload: bytes = field(repr=False)
    properties: Mapping[str, str]  # MQTT 5 user properties
    received_ns: int
    qos: int
    mid: int
    is_repeat: bool  # sent before: DUP
    is_retained: bool


class Packets:
    """Bytes in, whole packets out; what is not whole yet is kept for the next time.

    At most `limit` bytes a packet: a length that somebody made up must not fill the memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""
        self._missing = 0  # bytes that must come before another look is worth while
        self._waiting: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[tuple[bytes, int, int, int]]:
        """Whole packets within `bytes`: where each begins, where its body does, where it ends.

        Raises:
            Malformed: a length of more than four bytes, or above the limit.
        """
        self._missing -= len(data)
        if self._rest or self._waiting:
            self._waiting.append(data)
            if self._missing > 0:
                return
            data = b"".join((self._rest, *self._waiting))
            self._waiting.clear()
        at, size = 0, len(data)
        while at < size:
            body, end = self._bounds(data, at)
            if end > size:
                self._missing = end - size
                break
            yield data, at, body, end
            at = end
        self._rest = data[at:]

    def _bounds(self, data: bytes, at: int) -> tuple[int, int]:
        """Where the body of the packet at `at` begins and ends; past the data: unknown yet."""
        try:
            length, body = _whole(data, at + 1)
        except IndexError:
            return at, len(data) + 1
        if length > self._limit:
            raise Malformed(f"a packet of {length} bytes; at most {self._limit} were agreed")
        return body, body + length


def read_publication(
    data: bytes, at: int, body: int, end: int, received_ns: int, *, is_mqtt5: bool
) -> Message:
    """A PUBLISH packet (3.3), bounded as `Packets.feed` says.

    Raises:
        Malformed: it is none, or of a quality of service that was not asked for.
    """
    flags = data[at]
    qos = flags >> 1 & 3
    if qos > 1:
        raise Malformed("a publication at QoS 2, which this box never subscribes to")
    try:
        topic_end = body + 2 + (data[body] << 8 | data[body + 1])
        topic = data[body + 2 : topic_end].decode()
        mid, at = 0, topic_end
        if qos:
            mid, at = data[at] << 8 | data[at + 1], at + 2
        properties = _NONE
        if is_mqtt5:
            if data[at]:
                properties, at = _user_properties(data, at, end)
            else:
                at += 1
    except (IndexError, UnicodeDecodeError, KeyError) as error:
        raise Malformed(f"a publication that is broken: {error!r}") from error
    if at > end:
        raise Malformed("a publication longer than its packet")
    return Message(
        topic, data[at:end], properties, received_ns, qos, mid, bool(flags & 8), bool(flags & 1)
    )


def _user_properties(data: bytes, at: int, end: int) -> tuple[dict[str, str], int]:
    """User properties, and where the payload begins. Of a name given twice the last counts."""
    length, at = _whole(data, at)
    last = at + length
    if last > end:
        raise IndexError("properties beyond the packet")
    found: dict[str, str] = {}
    while at < last:
        kind = data[at]
        at += 1
        if kind == USER_PROPERTY:
            name, at = _text(data, at)
            found[name], at = _text(data, at)
        elif kind == _SUBSCRIPTION:
            _, at = _whole(data, at)
        else:
            at += _SIZES[kind] or 2 + (data[at] << 8 | data[at + 1])
    return found, last


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + (data[at] << 8 | data[at + 1])
    return data[at + 2 : end].decode(), end


def _whole(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer (1.5.5), and where it ends."""
    value = 0
    for k in range(MOST_LENGTH_BYTES):
        byte = data[at + k]
        value |= (byte & 0x7F) << 7 * k
        if byte < 0x80:
            return value, at + k + 1
    raise Malformed("a length of more than four bytes")
