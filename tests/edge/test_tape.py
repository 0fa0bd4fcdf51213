"""What is recorded of a part can be cut again as it was cut."""

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
from test_windows import bundle, judged, seen

from edge.accepted import Accepted
from edge.config import Station
from edge.metrics import Metrics
from edge.part import Part
from edge.tape import Tape
from sensors.block import Block
from sensors.recording import RecordedBlock, read_header, read_parts
from sensors.signal import Anchor, Quality, Trigger, Window

MS = 1_000_000
EDGE = 10_000 * MS
BLOCK = 10 * MS


def station(**sensor: Any) -> Station:
    return Station.model_validate(
        {
            "id": "st1",
            "bundles": {"*": "nowhere"},
            "trigger": {"link": "l", "topic": "t"},
            "sensors": [{"id": "ear", "link": "l", "topic": "t", "input": "audio", **sensor}],
        }
    )


def cut(start_ns: int, anchor: Anchor) -> Window:
    data = np.zeros((1, 50), np.float32)
    return Window("ear", data, start_ns, 0, 0, 0, "envelope", Quality(), anchor)


def written(part: Path) -> None:
    """Wait until it is there, whole."""
    end_s = time.monotonic() + 10.0
    while not part.exists():
        assert time.monotonic() < end_s
        time.sleep(0.01)


async def recorded(folder: Path, at: Station, windows: list[Window]) -> tuple[RecordedBlock, ...]:
    tape = Tape(at, folder, 10, Metrics())
    for seq in range(120):  # each arrives with a time that the mapping gave it then
        one = Block("ear", seq, 0, 100.0, "Pa", "f4", (1, 1), b"")
        came = RecordedBlock(EDGE + (seq + 1) * BLOCK, b"x", time_ns=EDGE + seq * BLOCK + seq)
        tape.keep("ear", one, came)
    trigger = Trigger("st1", 1, "A1", "motor", 0, EDGE, EDGE)
    end_ns = max(one.start_ns for one in windows) + 500 * MS
    sensors = {one.id: one for one in at.sensors}
    part = Part(Accepted("id", trigger, "A1", True), bundle(), sensors, end_ns, end_ns)
    part.windows = {("ear", number): one for number, one in enumerate(windows)}
    tape.save(part, judged(seen(0.9, 0), seen(0.9, 1)))
    work = asyncio.create_task(tape.run())
    await asyncio.to_thread(written, folder / "st1" / "parts" / "000001")
    work.cancel()
    (one_part,) = read_parts(folder / "st1")
    return one_part.blocks["ear"]


async def test_a_block_is_kept_where_each_window_of_its_sensor_had_it(tmp_path: Path) -> None:
    """The line of samples was pulled by 7 us between the two cuts: both places are kept."""
    first = cut(EDGE, Anchor(50, EDGE + 50 * BLOCK))
    second = cut(EDGE + 250 * MS, Anchor(75, EDGE + 75 * BLOCK + 7_000))
    at = station(offsets_s=[0.0, 0.25])
    blocks = await recorded(tmp_path, at, [first, second])
    assert len(blocks) == 86  # to 0.1 s beyond the last window's end
    for k, one in enumerate(blocks):
        assert one.placed_ns(0) == EDGE + k * BLOCK
        assert one.placed_ns(1) == EDGE + k * BLOCK + 7_000
    described = read_header(tmp_path / "st1")["sensors"]["ear"]
    assert described["offsets_s"] == [0.0, 0.25]


async def test_of_one_window_there_is_one_place(tmp_path: Path) -> None:
    blocks = await recorded(tmp_path, station(), [cut(EDGE, Anchor(50, EDGE + 50 * BLOCK))])
    assert {one.times_ns for one in blocks} == {()}
    assert [one.time_ns for one in blocks[:3]] == [EDGE, EDGE + BLOCK, EDGE + 2 * BLOCK]
