"""An engine is taken when it answers right and first; all others are refused with a reason."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from inference.conftest import MakeBundle
from inference.networks import write_vibration

from edge.__main__ import main
from edge.build.command import candidates
from edge.build.decisions import changed, decisions, golden_parts
from edge.build.trial import Speed, Tried, attempt, best, paying
from edge.bundle import Bundle, load
from edge.config import SHIPPED
from edge.errors import BundleError
from edge.inference.golden import Golden
from edge.inference.runner import Candidate

INT8 = Candidate("openvino", "int8")
SPEED = Speed(
    load_ms=1.0, first_ms=1.0, p50_ms=2.0, p99_ms=3.0, whole_p50_ms=2.0, runs=9, memory_mib=1.0
)


def _tried(p50_ms: float | None, refused: str = "", engine: str = "openvino") -> Tried:
    speed = None if p50_ms is None else replace(SPEED, p50_ms=p50_ms)
    return Tried(Candidate(engine, "int8"), engine, "int8", 0.0, 0, speed, refused)


def test_the_one_that_answers_soonest_is_taken() -> None:
    slow, quick = _tried(2.0), _tried(1.0, engine="onnxruntime")
    assert best({"camera": [slow, quick]}) == {"camera": quick}


def test_a_refused_one_is_never_taken_however_fast() -> None:
    sound = _tried(2.0)
    wrong = _tried(0.1, refused="misses the golden logits")
    assert best({"camera": [wrong, sound, _tried(None, refused="not here")]}) == {"camera": sound}
    assert best({"camera": [wrong]}) == {"camera": None}


@pytest.mark.parametrize("name", ["camera", "vibration"])
def test_engines_that_give_the_golden_answers_pass_and_are_timed(
    name: str, make_bundle: MakeBundle
) -> None:
    one = make_bundle()
    parts, ticks = golden_parts(one), list[Candidate]()
    for candidate in candidates():
        row = attempt(
            one, name, candidate, parts, threads=1, runs=20, tick=partial(ticks.append, candidate)
        )
        assert row.refused == ""
        assert row.name.startswith(candidate.engine)
        assert row.error is not None
        assert row.error <= 0.05
        assert row.speed is not None
        assert 0.0 < row.speed.p50_ms <= row.speed.p99_ms
        assert row.speed.p50_ms <= row.speed.whole_p50_ms + 1e-3
    assert len(ticks) == 20 * len(list(candidates())) >= 80


def test_an_engine_that_misses_the_golden_answers_is_refused(make_bundle: MakeBundle) -> None:
    one = make_bundle(golden_error=0.2)
    row = attempt(one, "camera", INT8, golden_parts(one), threads=1, runs=1)
    assert row.refused.startswith("misses the golden logits by 20.")
    assert row.speed is None


def test_how_near_an_engine_has_to_come_stands_in_the_passport() -> None:
    """Golden logits of the sound in another order of parts: far off, and decided otherwise."""
    one = load(SHIPPED / "motor")
    parts = golden_parts(one)
    audio = parts["audio"]
    parts["audio"] = Golden(
        audio.inputs, 0.3 * audio.logits + 0.7 * np.roll(audio.logits, 1, axis=0)
    )
    strict = one.manifest.comparison
    assert (strict.logits, strict.changed) == (0.05, 0)
    for logits, allowed, refused in (
        (0.05, 0, "misses the golden logits"),
        (2.0, 0, "decides otherwise on"),
        (2.0, len(audio.inputs), ""),
    ):
        comparison = strict.model_copy(update={"logits": logits, "changed": allowed})
        manifest = one.manifest.model_copy(update={"comparison": comparison})
        row = attempt(replace(one, manifest=manifest), "audio", INT8, parts, threads=1, runs=1)
        assert row.refused.startswith(refused)
        assert bool(row.refused) is bool(refused)


@pytest.mark.parametrize(
    ("batches_ms", "most"),
    [
        ({}, 1),  # the network's batch is fixed
        ({1: 1.0, 2: 1.9, 4: 3.6}, 1),  # the average of two waits 1.5 one after the other
        ({1: 1.0, 2: 1.2, 4: 1.5, 8: 2.5}, 8),  # 1.5, 2.5 and 4.5
        ({1: 1.0, 2: 1.2, 4: 2.5, 8: 2.6}, 2),  # and a larger one never skips one that does not
    ],
)
def test_a_batch_pays_when_the_average_window_is_answered_sooner(
    batches_ms: dict[int, float], most: int
) -> None:
    assert paying(batches_ms) == most


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_batches_are_timed_where_the_network_takes_them(
    engine: str, make_bundle: MakeBundle
) -> None:
    one = make_bundle()
    candidate = Candidate(engine, "fp32")
    fixed = attempt(one, "vibration", candidate, golden_parts(one), threads=1, runs=5)
    assert fixed.speed is not None
    assert fixed.speed.batches_ms == {}
    write_vibration(one.folder / "vibration.onnx", seed=8, batch="batch")
    free = attempt(one, "vibration", candidate, golden_parts(one), threads=1, runs=5)
    assert free.refused == ""
    assert free.speed is not None
    assert set(free.speed.batches_ms) == {1, 2, 4, 8}
    assert free.candidate.most == paying(free.speed.batches_ms)


def test_an_engine_that_is_not_here_is_refused_by_name(make_bundle: MakeBundle) -> None:
    one = make_bundle()
    row = attempt(one, "camera", Candidate("abacus", "int8"), golden_parts(one), threads=1)
    assert "no engine 'abacus'" in row.refused


def test_one_that_decides_otherwise_on_golden_parts_is_told_apart() -> None:
    one = load(SHIPPED / "motor")
    parts = golden_parts(one)
    audio = parts["audio"].logits
    assert changed(one, parts, "audio", audio) == 0
    before = decisions(one, {name: golden.logits for name, golden in parts.items()})
    named = [defect for _, defect in before]
    assert {"", "bearing_outer", "rub"} <= set(named)
    rub = np.repeat(audio[named.index("rub")][None], len(audio), axis=0)
    assert changed(one, parts, "audio", rub) >= 1


def test_a_bundle_without_golden_data_proves_no_engine(make_bundle: MakeBundle) -> None:
    one = make_bundle()
    bare = replace(one, manifest=one.manifest.model_copy(update={"golden": None}))
    with pytest.raises(BundleError, match="no golden data"):
        golden_parts(bare)


def test_the_command_reports_what_was_tried_and_keeps_the_choice(
    make_bundle: MakeBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one: Bundle = make_bundle()
    cache = tmp_path / "cache"
    arguments = ["build", str(one.folder), "--runs", "5", "--cache", str(cache), "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["detectors"]) == {"camera", "vibration"}
    for row in report["detectors"].values():
        labels = [f"{t['candidate']['engine']} {t['candidate']['precision']}" for t in row["tried"]]
        assert row["chosen"] in labels
        assert "openvino" in row["depends_on"]["libraries"]
    (kept,) = cache.iterdir()
    assert json.loads(kept.read_text())["bundle"] == "motor 1.2.3"
