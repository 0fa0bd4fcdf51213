"""Parts on disk: byte for byte, whole or not at all, never overwritten."""

from pathlib import Path

import pytest

from sensors.errors import BadReading
from sensors.recording import (
    RecordedBlock,
    Recorder,
    Truth,
    read_header,
    read_parts,
    read_truth,
)
from sensors.signal import Trigger

BLOCKS = {
    "camera": (RecordedBlock(-5, b"\xff\xd8jpeg"), RecordedBlock(33, b"")),
    "vibration": tuple(RecordedBlock(k, bytes([k]) * 3000) for k in range(100)),
    "raw": (RecordedBlock(2**62, b"\x00\x01", {"seq": "1", "unit": "m/s²"}),),
    "silent": (),
}


def trigger(sequence: int) -> Trigger:
    return Trigger("st1", sequence, f"part {sequence}", "motor", 10**18, 5, 6)


def recorder(folder: Path, limit: int = 1000) -> Recorder:
    return Recorder(folder, origin="a test", sensors={"camera": {"unit": ""}}, limit=limit)


def test_what_was_recorded_comes_back_byte_for_byte(tmp_path: Path) -> None:
    with recorder(tmp_path / "new" / "folder") as parts:
        assert parts.append(trigger(1), BLOCKS, verdict=b'{"ok":1}') == 1
        assert parts.append(trigger(2), {}) == 2
    one, two = read_parts(tmp_path / "new" / "folder")
    assert (one.index, one.trigger, one.blocks, one.verdict) == (1, trigger(1), BLOCKS, b'{"ok":1}')
    assert (two.trigger, two.blocks, two.verdict) == (trigger(2), {}, None)
    header = read_header(tmp_path / "new" / "folder")
    assert header == {"format": 1, "origin": "a test", "sensors": {"camera": {"unit": ""}}}


def test_recording_goes_on_where_it_ended_and_stops_at_its_limit(tmp_path: Path) -> None:
    with recorder(tmp_path) as parts:
        parts.append(trigger(1), BLOCKS)
    with recorder(tmp_path, limit=2) as parts:
        assert parts.append(trigger(2), BLOCKS) == 2
        assert parts.is_full
        assert parts.append(trigger(3), BLOCKS) is None
    assert [p.trigger.sequence for p in read_parts(tmp_path)] == [1, 2]


def test_a_part_that_a_kill_left_half_written_is_no_part(tmp_path: Path) -> None:
    with recorder(tmp_path) as parts:
        parts.append(trigger(1), BLOCKS)
    half = tmp_path / "parts" / "000002.partial"
    half.mkdir()
    (half / "trigger.json").write_text("{")
    assert len(list(read_parts(tmp_path))) == 1
    with recorder(tmp_path) as parts:
        assert parts.append(trigger(2), BLOCKS) == 2
    assert [p.index for p in read_parts(tmp_path)] == [1, 2]


def test_the_truth_lies_apart(tmp_path: Path) -> None:
    assert read_truth(tmp_path) == {}
    with recorder(tmp_path) as parts:
        parts.append(trigger(1), {}, truth=("rub", 0.5, True))
        parts.append(trigger(2), {}, truth=("ok", 0.0, False))
    assert read_truth(tmp_path) == {1: Truth(1, "rub", 0.5, True), 2: Truth(2, "ok", 0.0, False)}
    inside = b"".join(p.read_bytes() for p in (tmp_path / "parts").rglob("*") if p.is_file())
    assert b"rub" not in inside


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("recording.json", b"[]"),
        ("recording.json", b'{"format": 2}'),
        ("parts/000001/trigger.json", b'{"colour": "red"}'),
        ("parts/000001/camera.blocks", b"\xc1\xc1"),
        ("parts/000001/camera.blocks", b"\x93\x01"),
        ("parts/000001/camera.blocks", b"\x01\x02\x03"),
        ("truth.jsonl", b"{}\n"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    with recorder(tmp_path) as parts:
        parts.append(trigger(1), BLOCKS, truth=("ok", 0.0, False))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadReading, match=str(tmp_path)):
        assert list(read_parts(tmp_path)) and read_truth(tmp_path)


def test_where_a_block_stood_for_each_of_several_windows_comes_back(tmp_path: Path) -> None:
    one = RecordedBlock(5, b"x", time_ns=100, times_ns=(100, 103))
    with recorder(tmp_path) as parts:
        parts.append(trigger(1), {"camera": (one, RecordedBlock(6, b"y", time_ns=200))})
    ((first, second),) = (part.blocks["camera"] for part in read_parts(tmp_path))
    assert first == one
    assert [first.placed_ns(0), first.placed_ns(1)] == [100, 103]
    assert [second.placed_ns(0), second.placed_ns(1)] == [200, 200]
