import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors import codec, recording
from sensors.errors import BadReading
from sensors.recording import RecordedPart
from sensors.simulator import pool, record
from sensors.simulator.cause import HYPOTHESES
from sensors.simulator.part import simulate_part
from sensors.wiring import SensorSource

from .conftest import ORDER

RATES_HZ = {"vibration": 25_600, "audio": 16_000}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def waveform(part: RecordedPart, sense: str) -> tuple[int, NDArray[np.float32]]:
    """Time of the first sample after the edge, and all samples."""
    source = SensorSource(id=sense, link="any", topic="any")
    blocks = [codec.unpack(block.payload, {}, source) for block in part.blocks[sense]]
    data = [np.frombuffer(block.data, "<f4").reshape(block.shape) for block in blocks]
    return blocks[0].t0_ns, np.concatenate(data, axis=1)


def test_a_pool_holds_what_the_physics_gives(pool_folder: Path) -> None:
    parts = list(recording.read_parts(pool_folder))
    assert [part.index for part in parts] == [1, 2, 3]
    for number, part in enumerate(parts):
        simulated = simulate_part(7, 0, number, duration_s=0.56)
        for sense, expected in (
            ("vibration", simulated.vibration),
            ("audio", simulated.sound[np.newaxis]),
        ):
            first_ns, data = waveform(part, sense)
            assert first_ns == -30_000_000
            np.testing.assert_array_equal(data, expected)
        source = SensorSource(id="camera", link="any", topic="any")
        pictures = [codec.unpack(block.payload, {}, source) for block in part.blocks["camera"]]
        assert [picture.data for picture in pictures] == list(simulated.frames)
        times_s = [picture.t0_ns * 1e-9 + 0.03 for picture in pictures]
        assert times_s == pytest.approx(simulated.frame_times_s, abs=1e-9)


def test_blocks_arrive_when_their_last_sample_is_over(pool_folder: Path) -> None:
    part = next(iter(recording.read_parts(pool_folder)))
    for sense, rate_hz in RATES_HZ.items():
        source = SensorSource(id=sense, link="any", topic="any")
        for recorded in part.blocks[sense]:
            block = codec.unpack(recorded.payload, {}, source)
            assert recorded.received_ns - block.t0_ns == block.shape[1] * 1_000_000_000 // rate_hz


def test_the_truth_stands_apart(pool_folder: Path) -> None:
    truth = recording.read_truth(pool_folder)
    for number in range(3):
        cause = simulate_part(7, 0, number, duration_s=0.56).cause
        row = truth[number + 1]
        assert (row.hypothesis, row.severity, row.is_reject) == (
            cause.hypothesis, cause.severity, cause.is_reject,
        )  # fmt: skip
    names = [name.encode() for name in HYPOTHESES if len(name) > 4]  # short ones occur by chance
    for path in (pool_folder / "parts").rglob("*"):
        if path.is_file():
            assert not any(name in path.read_bytes() for name in names)


def test_several_processes_make_the_same_bytes(pool_folder: Path, tmp_path: Path) -> None:
    assert record.record(tmp_path / "again", ORDER, jobs=2)
    assert digest(tmp_path / "again") == digest(pool_folder)


def test_a_pool_that_is_there_is_not_rendered_again(pool_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in pool_folder.rglob("*")}
    assert not record.record(pool_folder, ORDER)
    assert {path: path.stat().st_mtime_ns for path in pool_folder.rglob("*")} == before


def test_another_order_replaces_a_pool(tmp_path: Path) -> None:
    one = record.Order(parts=1, station=0, seed=1)
    record.record(tmp_path, one, jobs=1)
    first = digest(tmp_path)
    assert record.record(tmp_path, replace(one, seed=2), jobs=1)
    second = digest(tmp_path)
    assert first.keys() == second.keys()
    assert first["parts/000001/audio.blocks"] != second["parts/000001/audio.blocks"]
    assert first["idle/parts/000001/audio.blocks"] != second["idle/parts/000001/audio.blocks"]


def test_an_interrupted_run_is_taken_up(pool_folder: Path, tmp_path: Path) -> None:
    record.record(tmp_path, ORDER, jobs=1)
    for path in (tmp_path / "parts" / "000003").iterdir():
        path.unlink()
    (tmp_path / "parts" / "000003").rename(tmp_path / "parts" / "000003.partial")
    assert record.record(tmp_path, ORDER, jobs=1)
    assert digest(tmp_path / "parts") == digest(pool_folder / "parts")
    assert recording.read_truth(tmp_path) == recording.read_truth(pool_folder)


def test_a_recording_of_a_real_line_is_left_alone(tmp_path: Path) -> None:
    header = tmp_path / "recording.json"
    header.write_text(json.dumps({"format": 1, "origin": "line 1", "sensors": {}}))
    with pytest.raises(BadReading, match="choose another folder"):
        record.record(tmp_path, ORDER)
    assert header.exists()


def test_an_order_knows_the_physics_it_was_made_by(pool_folder: Path) -> None:
    header = json.loads((pool_folder / "recording.json").read_text())
    origin = json.loads(header["origin"])
    assert len(origin["physics_sha256"]) == 64
    header["origin"] = header["origin"].replace(origin["physics_sha256"], "0" * 64)
    assert header["origin"] != ORDER.origin


def test_a_pool_larger_than_its_budget_is_refused(pool_folder: Path) -> None:
    with pytest.raises(BadReading, match="record fewer parts"):
        pool.load(pool_folder, budget=1_000_000)


def test_a_folder_that_is_no_pool_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadReading, match=str(tmp_path)):
        pool.load(tmp_path)
