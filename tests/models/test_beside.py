"""Integers beside floats: every engine, form and way is timed; the best way of each compared."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from edge.bundle import load
from edge.config import SHIPPED
from edge.errors import ConfigError
from models.integers import beside
from models.integers.beside import Took
from models.integers.beside_report import summary

pytestmark = pytest.mark.workshop


def _took(engine: str, form: beside.Precision, way: str, *, is_paced: bool, ms: float) -> Took:
    return Took(engine, form, {}, way, is_paced, 1, {"camera": ms}, ms, ms, ms)


def test_each_engine_is_taken_in_its_own_best_way_at_the_same_pace() -> None:
    rows = [
        _took("openvino 1 cpu", "int8", "in turn", is_paced=False, ms=3.0),
        _took("openvino 1 cpu", "int8", "side by side", is_paced=False, ms=2.0),
        _took("openvino 1 cpu", "fp32", "in turn", is_paced=False, ms=1.0),
        _took("onnxruntime 1 cpu", "fp32", "in turn", is_paced=False, ms=8.0),
        _took("onnxruntime 1 cpu", "fp32", "each alone", is_paced=False, ms=5.0),
        _took("openvino 1 cpu", "int8", "in turn", is_paced=True, ms=4.0),
        _took("onnxruntime 1 cpu", "fp32", "in turn", is_paced=True, ms=16.0),
    ]
    found = summary(rows)
    assert found["hot"]["lower"] == pytest.approx(0.6)  # 2 against 5
    assert (found["hot"]["int8_way"], found["hot"]["onnxruntime_fp32_way"]) == (
        "side by side", "each alone",
    )  # fmt: skip
    assert found["paced"]["lower"] == pytest.approx(0.75)


def test_every_way_of_every_engine_is_timed_and_float_is_float() -> None:
    bundle = load(SHIPPED / "motor")
    rows = beside.measure(bundle, threads=2, rounds=1, paced=1)
    assert len(rows) == len(beside.ENGINES) * 5
    for row in rows:
        assert row.parts == 1
        assert set(row.median_ms) == set(bundle.manifest.detectors)
        # side by side the slowest, else all of them, lie within the part
        least = max if row.way == beside.SIDE_BY_SIDE else sum
        assert row.part_p50_ms >= 0.99 * least(row.median_ms.values())
        assert row.is_whole or (row.engine.startswith("openvino") and row.form == "int8")
        if row.form == "fp32":
            assert set(row.calculated.values()) == {"fp32"}


def test_no_round_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="--rounds"):
        beside.measure(load(SHIPPED / "motor"), threads=1, rounds=0, paced=1)
