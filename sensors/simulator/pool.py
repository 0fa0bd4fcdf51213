"""A pool of recorded parts and one idle stretch, decoded once, so that playing them is copying."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import msgpack
import numpy as np
from numpy.typing import NDArray

from sensors import recording
from sensors.block import Block
from sensors.errors import BadReading
from sensors.recording import RecordedBlock, RecordedPart
from sensors.simulator.part import SimulatedPart

IDLE = "idle"  # folder of the idle stretch inside the pool, itself a recording of one part
MAX_BYTES = 2 << 30  # of all decoded parts a process holds
LEAD_S = 0.03  # a part stands before the sensors this long before its edge and after its window
WINDOW_S = 0.5
DURATION_S = LEAD_S + WINDOW_S + LEAD_S  # of a part that is looked at once


@dataclass(frozen=True, slots=True)
class Sense:
    """What a kind of sensor records; `rate_hz` is samples, or pictures, a second."""

    name: str
    unit: str
    rate_hz: int
    shape: tuple[int, ...]  # (channel,), of a picture (height, width, colour)

    @property
    def is_picture(self) -> bool:
        return len(self.shape) == 3

    def block(
        self, sensor: str, seq: int, t0_ns: int, content: NDArray[np.float32] | bytes
    ) -> Block:
        """What one sensor of this kind sends: samples, or a JPEG."""
        rate_hz = float(self.rate_hz)
        if isinstance(content, bytes):
            return Block(sensor, seq, t0_ns, rate_hz, self.unit, "jpeg", self.shape, content)
        data = content.astype("<f4", copy=False).tobytes()
        return Block(sensor, seq, t0_ns, rate_hz, self.unit, "f4", content.shape, data)


SENSES = MappingProxyType(
    {
        "camera": Sense("camera", "", 30, (480, 640, 3)),
        "vibration": Sense("vibration", "m/s2", 25_600, (3,)),
        "audio": Sense("audio", "Pa", 16_000, (1,)),
    }
)


@dataclass(frozen=True, slots=True)
class Wave:
    """A stretch of waveform around an edge."""

    data: NDArray[np.float32] = field(repr=False)  # (channel, sample)
    lead: int  # samples before the edge


@dataclass(frozen=True, slots=True)
class Frames:
    """Pictures around an edge."""

    pictures: tuple[bytes, ...] = field(repr=False)  # JPEG
    times_ns: tuple[int, ...] = field(repr=False)  # after the edge, rising

    def nearest(self, since_edge_ns: int) -> int:
        """The picture taken nearest to a time."""
        after = bisect.bisect_left(self.times_ns, since_edge_ns)
        if after == 0:
            return 0
        if after == len(self.times_ns):
            return after - 1
        before_ns, after_ns = self.times_ns[after - 1 : after + 1]
        return after - 1 if 2 * since_edge_ns < before_ns + after_ns else after


@dataclass(frozen=True, slots=True)
class PoolPart:
    """What the three senses recorded of one part, or of an idle stretch."""

    waves: dict[str, Wave]  # by sense
    frames: Frames

    @property
    def size(self) -> int:
        return sum(w.data.nbytes for w in self.waves.values()) + sum(map(len, self.frames.pictures))


@dataclass(frozen=True, slots=True)
class Pool:
    """Parts in playing order."""

    parts: tuple[PoolPart, ...]
    idle: PoolPart
    peaks: dict[str, float]  # largest magnitude of each waveform over all parts

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.idle.size + sum(part.size for part in self.parts)


def load(folder: Path, budget: int = MAX_BYTES) -> Pool:
    """Read and decode a pool made by `record`.

    Raises:
        BadReading: not such a pool, or larger than `budget` bytes.
    """
    parts: list[PoolPart] = []
    for recorded in recording.read_parts(folder):
        parts.append(_decoded(folder, recorded))
        budget -= parts[-1].size
        if budget < 0:
            raise BadReading("oversized", f"{folder}: does not fit in memory: record fewer parts")
    idle = [_decoded(folder / IDLE, part) for part in recording.read_parts(folder / IDLE)]
    if not parts or len(idle) != 1:
        raise BadReading("malformed", f"{folder}: no parts or no idle stretch: record it again")
    peaks = {
        sense: max(float(np.abs(part.waves[sense].data).max()) for part in parts)
        for sense in parts[0].waves
    }
    return Pool(tuple(parts), idle[0], peaks)


def pool_part(part: SimulatedPart) -> PoolPart:
    """A part just simulated, as one that was recorded and loaded.

    What its recordings are longer than a window lies half before its edge and half after its end.
    """
    lead_s = max(0.0, (part.duration_s - WINDOW_S) / 2.0)
    waves = {
        "vibration": Wave(part.vibration, round(lead_s * SENSES["vibration"].rate_hz)),
        "audio": Wave(part.sound[np.newaxis], round(lead_s * SENSES["audio"].rate_hz)),
    }
    lead_ns = round(lead_s * 1e9)
    times_ns = tuple(round(time_s * 1e9) - lead_ns for time_s in part.frame_times_s)
    return PoolPart(waves, Frames(part.frames, times_ns))


def part_count(folder: Path) -> int:
    """How many whole parts a pool holds.

    Raises:
        BadReading: not a recording.
    """
    recording.read_header(folder)
    return sum(1 for part in (folder / "parts").glob("*") if part.name.isdigit())


def _decoded(folder: Path, part: RecordedPart) -> PoolPart:
    missing = [name for name in SENSES if not part.blocks.get(name)]
    if missing:
        raise BadReading(
            "malformed",
            f"{folder}: part {part.index} has no {', '.join(missing)}: a pool to play is made by "
            "`python -m sensors.simulator record`",
        )
    waves = {
        name: _wave(sense, part.blocks[name], part.trigger.edge_ns)
        for name, sense in SENSES.items()
        if not sense.is_picture
    }
    return PoolPart(waves, _frames(part.blocks["camera"], part.trigger.edge_ns))


def _wave(sense: Sense, blocks: Sequence[RecordedBlock], edge_ns: int) -> Wave:
    facts = [msgpack.unpackb(block.payload) for block in blocks]
    data = [
        np.frombuffer(fact["data"], f"<{fact['dtype']}").reshape(fact["shape"]) for fact in facts
    ]
    lead_ns = edge_ns - facts[0]["t0_ns"]
    return Wave(
        np.concatenate(data, axis=1).astype(np.float32), round(lead_ns * sense.rate_hz / 1e9)
    )


def _frames(blocks: Sequence[RecordedBlock], edge_ns: int) -> Frames:
    facts = [msgpack.unpackb(block.payload) for block in blocks]
    times_ns = tuple(fact["t0_ns"] - edge_ns for fact in facts)
    return Frames(tuple(fact["data"] for fact in facts), times_ns)
