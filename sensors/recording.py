"""Parts on disk, replayed byte for byte.

    recording.json          format, origin, what each sensor is
    parts/000001/           one part
        trigger.json
        <sensor>.blocks     MessagePack records [received_ns, payload, properties, time_ns,
                            times_ns]; MQTT 5 user properties, the box time of the first sample,
                            and that time as each of several windows had it, are left out where
                            there are none
        verdict.json        what was said of it, if anything
    truth.jsonl             one row a part: the truth travels apart from the data

Payloads are the originals. Times of a part are all on one clock: the box's for a part that was
seen, the edge's (edge = 0) for a part made to be played again.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import msgpack

from sensors.errors import BadReading
from sensors.signal import Trigger

FORMAT = 1
MAX_FILE = 1 << 30  # bytes of one sensor of one part
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class RecordedBlock:
    """One payload as it came."""

    received_ns: int
    payload: bytes = field(repr=False)
    properties: Mapping[str, str] = field(default_factory=dict)
    time_ns: int = 0  # where its first sample stood on the box's clock; 0: not known
    times_ns: tuple[int, ...] = ()  # the same when each of several windows was cut

    def placed_ns(self, window: int) -> int:
        """Where it stood for one window of its sensor; 0: not known."""
        return self.times_ns[window] if self.times_ns else self.time_ns


@dataclass(frozen=True, slots=True)
class RecordedPart:
    """All that came of one part."""

    index: int  # from 1
    trigger: Trigger
    blocks: dict[str, tuple[RecordedBlock, ...]]  # by sensor
    verdict: bytes | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What a part really was."""

    part_index: int
    hypothesis: str
    severity: float
    is_reject: bool


class Recorder:
    """Appends parts to a folder; a kill leaves whole parts only. All its calls block.

    Full means full: parts beyond `limit` are refused, none is ever overwritten.
    """

    def __init__(
        self,
        folder: Path,
        *,
        origin: str,
        sensors: Mapping[str, Mapping[str, Any]],
        limit: int = 1000,
    ) -> None:
        self._folder = folder
        self._origin = origin
        self._sensors = sensors
        self._limit = limit
        self._next = 1

    def __enter__(self) -> "Recorder":
        parts = self._folder / "parts"
        parts.mkdir(parents=True, exist_ok=True)
        for left in parts.glob(f"*{_PARTIAL}"):
            shutil.rmtree(left)
        header = self._folder / "recording.json"
        if header.exists():
            read_header(self._folder)
        else:
            _replace(
                header,
                {"format": FORMAT, "origin": self._origin, "sensors": dict(self._sensors)},
            )
        self._next = max((int(p.name) for p in part_folders(self._folder)), default=0) + 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is held open between parts."""

    @property
    def is_full(self) -> bool:
        return self._next > self._limit

    def append(
        self,
        trigger: Trigger,
        blocks: Mapping[str, Sequence[RecordedBlock]],
        *,
        verdict: bytes | None = None,
        truth: tuple[str, float, bool] | None = None,  # hypothesis, severity, is_reject
    ) -> int | None:
        """Write one part; its index, or None when the recording is full."""
        if self.is_full:
            return None
        index = self._next
        final = self._folder / "parts" / f"{index:06d}"
        partial = final.with_name(final.name + _PARTIAL)
        partial.mkdir()
        (partial / "trigger.json").write_text(json.dumps(asdict(trigger)))
        for sensor, rows in blocks.items():
            (partial / f"{sensor}.blocks").write_bytes(b"".join(map(_record, rows)))
        if verdict is not None:
            (partial / "verdict.json").write_bytes(verdict)
        if truth is not None:
            with (self._folder / "truth.jsonl").open("a") as rows_of_truth:
                rows_of_truth.write(json.dumps(asdict(Truth(index, *truth))) + "\n")
        partial.rename(final)
        self._next += 1
        return index


def read_header(folder: Path) -> dict[str, Any]:
    """`recording.json`: format, origin, sensors.

    Raises:
        BadReading: not a recording, or of a format this version does not know.
    """
    header = _read_json(folder / "recording.json")
    if header.get("format") != FORMAT:
        raise BadReading(
            "wrong_version",
            f"{folder}: recording format {header.get('format')!r}, expected {FORMAT}: record again",
        )
    return header


def read_parts(folder: Path) -> Iterator[RecordedPart]:
    """Every whole part of a recording, in order, one in memory at a time.

    Raises:
        BadReading: not a recording, or a file of it that is broken.
    """
    read_header(folder)
    for part in part_folders(folder):
        yield _read_part(part)


def read_part(folder: Path, index: int) -> RecordedPart:
    """One part of a recording, by its number.

    Raises:
        BadReading: it is not there, or a file of it is broken.
    """
    found = next((one for one in part_folders(folder) if int(one.name) == index), None)
    if found is None:
        raise BadReading("malformed", f"{folder}: has no part {index}")
    return _read_part(found)


def read_truth(folder: Path) -> dict[int, Truth]:
    """The truth by part index; empty when nobody knows it.

    Raises:
        BadReading: a row that is not one.
    """
    path = folder / "truth.jsonl"
    if not path.exists():
        return {}
    try:
        rows = [Truth(**json.loads(line)) for line in path.read_text().splitlines()]
    except (ValueError, TypeError) as error:
        raise BadReading("malformed", f"{path}: {error}") from error
    return {row.part_index: row for row in rows}  # a kill may leave a row twice: the last holds


def part_folders(folder: Path) -> list[Path]:
    """The folder of every whole part, in order."""
    return sorted(p for p in (folder / "parts").glob("*") if p.name.isdigit())


def _read_part(part: Path) -> RecordedPart:
    verdict = part / "verdict.json"
    try:
        trigger = Trigger(**_read_json(part / "trigger.json"))
        blocks = {p.stem: _read_blocks(p) for p in sorted(part.glob("*.blocks"))}
        return RecordedPart(
            int(part.name), trigger, blocks, verdict.read_bytes() if verdict.exists() else None
        )
    except TypeError as error:
        raise BadReading("malformed", f"{part / 'trigger.json'}: {error}") from error


def _read_blocks(path: Path) -> tuple[RecordedBlock, ...]:
    content = path.read_bytes()
    rows = msgpack.Unpacker(max_buffer_size=MAX_FILE)
    blocks, end = [], 0
    try:
        rows.feed(content)
        for row in rows:
            blocks.append(RecordedBlock(*row[:4], *map(tuple, row[4:])))
            end = rows.tell()
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise BadReading("malformed", f"{path}: not a stream of blocks: {error}") from error
    if end != len(content):
        raise BadReading("truncated", f"{path}: ends in the middle of a block")
    return tuple(blocks)


def _record(block: RecordedBlock) -> bytes:
    row: tuple[Any, ...] = (block.received_ns, block.payload)
    if block.properties or block.time_ns:
        row = (*row, dict(block.properties))
    if block.time_ns:
        row = (*row, block.time_ns)
    if block.times_ns:
        row = (*row, block.times_ns)
    packed: bytes = msgpack.packb(row)
    return packed


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadReading("malformed", f"{path}: cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise BadReading("malformed", f"{path}: expected a JSON object")
    return value


def _replace(path: Path, value: Mapping[str, Any]) -> None:
    partial = path.with_name(path.name + _PARTIAL)
    partial.write_text(json.dumps(value, indent=1))
    partial.replace(path)
