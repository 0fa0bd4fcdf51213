"""Engines that were built are taken again exactly where nothing that they depend on has changed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import EngineStale
from edge.inference.plans import KEPT, Made, Plan, recall, remember, remember_timings, timings

MADE = Made(
    network="ab" * 32,
    window="float32 3x12800, 8",
    asked="int8",
    library="tensorrt 10.16.1.11",
    device="Orin, SM87",
    driver="13.2 (cuda-python 13.2.0)",
)


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    assert recall(tmp_path, MADE) is None
    remember(tmp_path, Plan(MADE, b"an engine", "int8"))
    assert recall(tmp_path, MADE) == Plan(MADE, b"an engine", "int8")
    assert recall(tmp_path, replace(MADE, network="cd" * 32)) is None
    assert recall(tmp_path, replace(MADE, asked="fp16")) is None
    remember(tmp_path, Plan(MADE, b"a newer one", "fp32"))
    assert recall(tmp_path, MADE) == Plan(MADE, b"a newer one", "fp32")


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("library", "tensorrt 11.4.1", r"library was tensorrt 10\.16\.1\.11, is tensorrt 11\.4\.1"),
        ("device", "Thor, SM110", "device was Orin, SM87, is Thor, SM110"),
        ("driver", "13.3 (cuda-python 13.2.0)", "driver was 13.2"),
    ],
)
def test_what_has_changed_is_said(tmp_path: Path, field: str, value: str, match: str) -> None:
    remember(tmp_path, Plan(MADE, b"an engine", "int8"))
    with pytest.raises(EngineStale, match=match):
        recall(tmp_path, replace(MADE, **{field: value}))


def test_an_engine_that_is_not_what_was_written_down_is_not_taken(tmp_path: Path) -> None:
    remember(tmp_path, Plan(MADE, b"an engine", "int8"))
    (plan,) = tmp_path.glob("*.plan")
    plan.write_bytes(b"another one")
    with pytest.raises(EngineStale, match="is not what was written down"):
        recall(tmp_path, MADE)
    plan.write_bytes(b"an engine")
    plan.with_suffix(".json").write_text("{")
    with pytest.raises(EngineStale, match="cannot be read"):
        recall(tmp_path, MADE)


def test_timings_are_of_a_library_and_a_gpu_whatever_the_network(tmp_path: Path) -> None:
    assert timings(tmp_path, MADE) == b""
    remember_timings(tmp_path, MADE, b"measured")
    assert timings(tmp_path, replace(MADE, network="cd" * 32, asked="fp16")) == b"measured"
    assert timings(tmp_path, replace(MADE, device="Thor, SM110")) == b""
    assert timings(tmp_path, replace(MADE, library="tensorrt 11.4.1")) == b""


def test_the_engine_that_was_used_least_lately_makes_room(tmp_path: Path) -> None:
    rows = [replace(MADE, network=f"{number:064x}") for number in range(KEPT + 1)]
    for age, made in enumerate(rows[:KEPT]):
        remember(tmp_path, Plan(made, b"an engine", "int8"))
        for file in tmp_path.glob("*.plan"):
            if file.stat().st_mtime > 1e9:  # the one just written
                os.utime(file, (1000.0 + age, 1000.0 + age))
    assert recall(tmp_path, rows[0]) is not None  # the oldest is in use
    remember(tmp_path, Plan(rows[KEPT], b"one more", "int8"))
    assert [recall(tmp_path, made) is None for made in rows] == [False, True] + [False] * (KEPT - 1)
    assert len(list(tmp_path.iterdir())) == 2 * KEPT
