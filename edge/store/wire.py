"""Protocol Buffers as they lie in a file, without a schema: enough to look before anything opens.

Encoding: https://protobuf.dev/programming-guides/encoding/. Groups, which ONNX never had, are
malformed here.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_VARINT = 10  # bytes
MAX_FIELDS = 2**19  # of one message: large data are packed
MAX_FIELD = 2**29 - 1
Value = int | memoryview


class Malformed(ValueError):  # noqa: N818 - named by the state of the file
    """The bytes are no message, or one that two readers could read differently."""


class Message:
    """The fields of one message, by number, in their order."""

    def __init__(self, data: memoryview) -> None:
        self._fields: dict[int, list[Value]] = {}
        for count, (number, value) in enumerate(fields(data)):
            if count == MAX_FIELDS:
                raise Malformed(f"a message of more than {MAX_FIELDS} fields")
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def messages(self, number: int) -> Iterator["Message"]:
        return (Message(one) for one in self.blobs(number))

    def blobs(self, number: int) -> list[memoryview]:
        found = self._fields.get(number, [])
        blobs = [one for one in found if isinstance(one, memoryview)]
        if len(blobs) < len(found):
            raise Malformed(f"field {number} holds a number where bytes belong")
        return blobs

    def numbers(self, number: int) -> list[int]:
        """A repeated number, packed or not; as unsigned 64 bits."""
        found: list[int] = []
        for one in self._fields.get(number, []):
            if isinstance(one, int):
                found.append(one)
                continue
            at = 0
            while at < len(one):
                value, at = _varint(one, at)
                found.append(value)
        return found

    def count(self, number: int, width: int | None) -> int:
        """How many elements a repeated number has, of `width` bytes each (None: varints)."""
        total = 0
        for one in self._fields.get(number, []):
            if isinstance(one, int):
                total += 1
            elif width is None:
                total += varints(one)
            elif len(one) % width:
                raise Malformed(f"field {number} ends within an element")
            else:
                total += len(one) // width
        return total

    def number(self, number: int, default: int = 0) -> int:
        found = self._one(number)
        if isinstance(found, memoryview):
            raise Malformed(f"field {number} holds bytes where a number belongs")
        return default if found is None else found

    def blob(self, number: int) -> memoryview | None:
        found = self._one(number)
        if isinstance(found, int):
            raise Malformed(f"field {number} holds a number where bytes belong")
        return found

    def text(self, number: int) -> str:
        try:
            return str(self.blob(number) or b"", "utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"field {number} is no UTF-8") from error

    def _one(self, number: int) -> Value | None:
        found = self._fields.get(number, [])
        if len(found) > 1:  # readers merge them, or take the last
            raise Malformed(f"field {number} stands {len(found)} times, and may stand once")
        return found[0] if found else None


def fields(data: memoryview) -> Iterator[tuple[int, Value]]:
    """Number and value of every field; lengths are looked through, nothing is copied.

    Raises:
        Malformed: it is cut short, or no message.
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= MAX_FIELD:
            raise Malformed(f"field number {number}")
        if kind == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == BYTES:
            size, at = _varint(data, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise Malformed(f"field {number} of wire type {kind}")
        if size > len(data) - at:
            raise Malformed(f"field {number} of {size} bytes, {len(data) - at} are left")
        body = data[at : at + size]
        at += size
        yield number, body if kind == BYTES else int.from_bytes(body, "little")


def varints(packed: memoryview) -> int:
    """How many numbers lie in a packed field."""
    return len(bytes(packed).translate(None, delete=bytes(range(0x80, 0x100))))


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for count in range(min(MAX_VARINT, len(data) - at)):
        byte = data[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & (2**64 - 1), at + count + 1
    raise Malformed("a number without an end")
