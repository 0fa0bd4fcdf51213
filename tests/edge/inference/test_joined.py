"""Outputs that come as one tensor are what they are one by one."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from edge import bundle
from edge.config import SHIPPED
from edge.errors import BundleError
from edge.inference import golden, openvino
from edge.inference.joined import join

OP = ov.opset13


def test_every_output_is_found_again_in_its_shape() -> None:
    given = OP.parameter([2, 3], ov.Type.f32)
    doubled, column = OP.add(given, given), OP.reshape(given, [2, 3, 1], special_zero=False)
    doubled.output(0).set_names({"doubled", "twice"})
    column.output(0).set_names({"column"})
    model = ov.Model([OP.result(doubled), OP.result(column)], [given], "two")
    joined, answers = join(Path("net.onnx"), model, "two")
    compiled = ov.Core().compile_model(joined, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    rows = next(iter(compiled([values]).values()))
    assert rows.shape == (2, 6)
    for number, row in enumerate(rows):
        found = answers.of(row.data.cast("B"))
        assert set(found) == {"doubled", "twice", "column"}
        np.testing.assert_array_equal(found["twice"], 2 * values[number])
        np.testing.assert_array_equal(found["column"], values[number][:, None])
        assert found["column"].flags.writeable


def test_outputs_of_unlike_numbers_of_windows_are_refused() -> None:
    given = OP.parameter([2, 3], ov.Type.f32)
    turned = OP.reshape(given, [3, 2], special_zero=False)
    model = ov.Model([OP.result(given), OP.result(turned)], [given], "unlike")
    with pytest.raises(BundleError, match=r"net\.onnx: its outputs are of \[2, 3\] windows"):
        join(Path("net.onnx"), model, "unlike")


def test_a_window_in_half_precision_is_the_same_window() -> None:
    """As golden data are stored: not its bytes are taken, but its values."""
    one = bundle.load(SHIPPED / "motor")
    known, passport = golden.read(one, "vibration"), one.manifest.detectors["vibration"]
    assert known is not None
    runner = openvino.open_runner(one.folder / passport.file, passport.input, threads=1)
    whole = known.inputs[0].astype(np.float32)
    assert np.array_equal(whole, whole.astype(np.float16))
    expected = runner.run(whole)["logits"]
    np.testing.assert_array_equal(runner.run(whole.astype(np.float16))["logits"], expected)
