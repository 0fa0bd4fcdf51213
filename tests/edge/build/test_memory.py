"""A choice holds for what it was made with, and for nothing else."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from inference.conftest import MakeBundle
from inference.networks import reference, series, window

from edge import config
from edge.build.beside import Choices, chosen
from edge.build.memory import Remembered, key_of, recall, remember
from edge.bundle import Bundle
from edge.inference.engine import Engine
from edge.inference.runner import Candidate

AUTO = config.Engine(name="auto")
FLOAT = Candidate("onnxruntime", "fp32")


def _remembered(one: Bundle, where: Path, **changes: str) -> None:
    rows = {
        name: Remembered(replace(key_of(one, name, 1), **changes), FLOAT)
        for name in one.manifest.detectors
    }
    remember(one, rows, where)


def test_a_choice_comes_back_as_it_was_kept(make_bundle: MakeBundle, tmp_path: Path) -> None:
    one = make_bundle()
    _remembered(one, tmp_path / "kept")
    assert recall(one, tmp_path / "kept")["camera"].candidate == FLOAT
    assert chosen(AUTO, [one], tmp_path / "kept") == {
        (one.sha256, "camera"): FLOAT,
        (one.sha256, "vibration"): FLOAT,
    }


@pytest.mark.parametrize(
    "changed", ["network", "window", "processor", "device", "driver", "libraries"]
)
def test_a_choice_made_with_something_else_is_not_taken_and_it_says_what(
    changed: str, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    one, said = make_bundle(), list[str]()
    _remembered(one, tmp_path / "kept", **{changed: "another"})
    assert chosen(AUTO, [one], tmp_path / "kept", said.append) == {}
    assert f"{changed} was another, is " in said[0]
    assert "openvino serves" in said[0]


def test_more_threads_than_it_was_made_with_are_something_else(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    one, said = make_bundle(), list[str]()
    _remembered(one, tmp_path / "kept")
    two = config.Engine(name="auto", threads=2)
    assert chosen(two, [one], tmp_path / "kept", said.append) == {}
    assert "threads was 1, is 2" in said[0]


@pytest.mark.parametrize("text", ["", "{", '{"format": 9}', '{"format": 1, "detectors": [1]}'])
def test_a_spoilt_file_is_no_choice(text: str, make_bundle: MakeBundle, tmp_path: Path) -> None:
    one = make_bundle()
    _remembered(one, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    file.write_text(text)
    assert recall(one, tmp_path / "kept") == {}


def test_an_engine_named_in_the_line_is_not_second_guessed(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    one = make_bundle()
    _remembered(one, tmp_path / "kept")
    assert chosen(config.Engine(name="openvino"), [one], tmp_path / "kept") == {}


async def test_a_box_without_a_choice_serves_chooses_and_adopts(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    one, kept = make_bundle(), tmp_path / "kept"
    expected = reference(one.folder / "vibration.onnx", series()[0])["logits"]
    async with Engine(AUTO, [one], lambda *_: None) as engine:
        before = await engine.submit(one, "vibration", window(series()[0], "vib1"))
        assert before.logits == pytest.approx(expected, abs=1e-3)
        default, choices = engine.loaded.detector(one, "vibration"), Choices(AUTO, engine, kept)
        choices.want(one)
        choosing = asyncio.create_task(choices.run())
        async with asyncio.timeout(60):
            while engine.loaded.detector(one, "vibration") is default:  # noqa: ASYNC110 - adopted
                await asyncio.sleep(0.05)
        choosing.cancel()
        found = chosen(AUTO, [one], kept)
        assert set(found) == {(one.sha256, "camera"), (one.sha256, "vibration")}
        score = await engine.submit(one, "vibration", window(series()[0], "vib1"))
        assert score.logits == pytest.approx(expected, abs=1e-3)
        assert score.engine.startswith(found[one.sha256, "vibration"].engine)


async def test_a_choice_that_does_not_serve_any_more_leaves_the_old_one_at_work(
    make_bundle: MakeBundle,
) -> None:
    one = make_bundle()
    gone = {(one.sha256, "vibration"): Candidate("abacus", "int8")}
    async with Engine(AUTO, [one], lambda *_: None, chosen=gone) as engine:
        score = await engine.submit(one, "vibration", window(series()[0], "vib1"))
        assert score.engine.startswith("openvino")
