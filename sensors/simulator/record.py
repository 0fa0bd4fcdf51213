"""Rendering a pool of parts, once, in several processes."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensors import codec, recording
from sensors.errors import BadReading
from sensors.recording import RecordedBlock, Recorder
from sensors.signal import Trigger
from sensors.simulator.part import SimulatedPart, simulate_idle, simulate_part
from sensors.simulator.pool import IDLE, LEAD_S, SENSES, WINDOW_S, Sense, part_count
from sensors.simulator.workers import in_order

BLOCK_MS = 10
IDLE_S = 1.0
_MAKER = "simulated pool"
_IMPORT = re.compile(rb"^from sensors\.simulator\.(\w+) import", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that decides what a pool holds; equal orders give equal bytes."""

    parts: int
    station: int
    seed: int
    difficulty: float = 1.0
    defect_share: float = 0.5
    strangeness: float = 1.0  # how unlike other stations this one is
    window_s: float = WINDOW_S  # from a part's edge on, as long as any sensor looks

    @property
    def duration_s(self) -> float:
        return LEAD_S + self.window_s + LEAD_S

    @property
    def origin(self) -> str:
        """What the recording says of where it comes from: this order and the physics' sources."""
        order = {key: value for key, value in asdict(self).items() if key != "window_s"}
        facts = {"maker": _MAKER, **order, "lead_s": LEAD_S, "duration_s": self.duration_s}
        return json.dumps(facts | {"physics_sha256": physics_sha256()})


def physics_sha256() -> str:
    """The sources that compute a part: a pool made by older physics is made again."""
    folder, seen, waiting = Path(__file__).parent, dict[str, bytes](), ["part"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = (folder / f"{name}.py").read_bytes()
            waiting += [m.decode() for m in _IMPORT.findall(seen[name])]
    return hashlib.sha256(b"".join(seen[name] for name in sorted(seen))).hexdigest()


def record(folder: Path, order: Order, jobs: int = 2) -> bool:
    """Fill `folder` with the pool; False when it already holds exactly this one.

    Raises:
        BadReading: the folder holds a recording that no `record` made: it is left alone.
    """
    if is_complete(folder, order):
        return False
    _clear(folder, order)
    sensors = described_sensors()
    with Recorder(folder / IDLE, origin=order.origin, sensors=sensors, limit=1) as idle:
        idle.append(_trigger(order, 0), blocks(_idle(order), lead_s=0.0))
    with Recorder(folder, origin=order.origin, sensors=sensors, limit=order.parts) as recorder:
        done = part_count(folder)
        tasks = [(order, index) for index in range(done, order.parts)]
        rendered = in_order(_render, tasks, jobs, "rendering parts")
        for index, part in enumerate(rendered, start=done):
            truth = (part.cause.hypothesis, part.cause.severity, part.cause.is_reject)
            recorder.append(_trigger(order, index + 1), blocks(part, LEAD_S), truth=truth)
    return True


def is_complete(folder: Path, order: Order) -> bool:
    try:
        is_ours = recording.read_header(folder)["origin"] == order.origin
        return is_ours and part_count(folder) == order.parts and part_count(folder / IDLE) == 1
    except (BadReading, KeyError):
        return False


def _clear(folder: Path, order: Order) -> None:
    """Remove an older pool; keep the parts of an interrupted run of the same order."""
    if not (folder / "recording.json").exists():
        return
    origin = recording.read_header(folder).get("origin", "")
    if origin == order.origin:
        return
    if _MAKER not in origin:
        raise BadReading(
            "malformed", f"{folder}: holds a recording of {origin or 'unknown origin'}, "
            "not a simulated pool: choose another folder"
        )  # fmt: skip
    for name in ("parts", IDLE):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "truth.jsonl").unlink(missing_ok=True)
    (folder / "recording.json").unlink()


def _render(task: tuple[Order, int]) -> SimulatedPart:
    order, index = task
    return simulate_part(
        order.seed,
        order.station,
        index,
        difficulty=order.difficulty,
        duration_s=order.duration_s,
        defect_share=order.defect_share,
        strangeness=order.strangeness,
    )


def _idle(order: Order) -> SimulatedPart:
    return simulate_idle(
        order.seed,
        order.station,
        difficulty=order.difficulty,
        duration_s=IDLE_S,
        strangeness=order.strangeness,
    )


def described_sensors() -> dict[str, dict[str, object]]:
    """What a recording says of the simulated sensors."""
    return {name: _described(sense) for name, sense in SENSES.items()}


def _described(sense: Sense) -> dict[str, object]:
    described: dict[str, object] = {
        "sense": sense.name, "unit": sense.unit, "rate_hz": sense.rate_hz
    }  # fmt: skip
    return described if sense.is_picture else described | {"channels": sense.shape[0]}


def _trigger(order: Order, sequence: int) -> Trigger:
    """Edge at 0: the blocks' times count from it."""
    station = f"S{order.station + 1}"
    return Trigger(station, sequence, f"{station}-{sequence:06d}", "motor", 0, 0, 0)


def blocks(part: SimulatedPart, lead_s: float) -> dict[str, list[RecordedBlock]]:
    """What the sensors send of one part whose edge, at 0, is `lead_s` after the start."""
    start_ns = -round(lead_s * 1e9)
    waves = {"vibration": part.vibration, "audio": part.sound[np.newaxis]}
    cut = {name: list(_cut(SENSES[name], data, start_ns)) for name, data in waves.items()}
    pictures = zip(part.frame_times_s, part.frames, strict=True)
    cut["camera"] = [
        _recorded(SENSES["camera"], seq, start_ns + round(time_s * 1e9), picture)
        for seq, (time_s, picture) in enumerate(pictures)
    ]
    return cut


def _cut(sense: Sense, data: NDArray[np.float32], start_ns: int) -> Iterator[RecordedBlock]:
    length = sense.rate_hz * BLOCK_MS // 1000
    for seq in range(data.shape[1] // length):
        t0_ns = start_ns + seq * BLOCK_MS * 1_000_000
        yield _recorded(sense, seq, t0_ns, data[:, seq * length : (seq + 1) * length])


def _recorded(
    sense: Sense, seq: int, t0_ns: int, content: NDArray[np.float32] | bytes
) -> RecordedBlock:
    block = sense.block(sense.name, seq, t0_ns, content)
    return RecordedBlock(t0_ns + block.duration_ns, codec.pack(block))
