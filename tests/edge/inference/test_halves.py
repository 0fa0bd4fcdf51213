"""What goes from half to half: eight bits where it is rounded to them, else floats."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from edge.inference import openvino
from edge.inference.halves import halves
from edge.inference.pictures import PictureByPicture
from edge.inference.runner import Precision
from inference.networks import PICTURES, clips, write_pictures

OP: Any = ov.opset13
STEP = 0.5


@pytest.mark.parametrize(("precision", "kind"), [("int8", "int8"), ("fp32", "float32")])
def test_what_is_seen_is_of_integers_where_the_network_is(
    precision: Precision, kind: str, tmp_path: Path
) -> None:
    file = write_pictures(tmp_path / "net.onnx")
    runner = openvino.open_runner(file, PICTURES, threads=1, precision=precision)
    assert isinstance(runner, PictureByPicture)
    assert runner.look(clips()[0][0]).dtype == kind


def network(*, is_rounded: bool, zero: int = 0, is_read_twice: bool = False) -> ov.Model:
    """Two pictures of 1 x 2 x 2, seen as they are, rounded to steps of a half, and summed."""
    clip = OP.parameter([2, 1, 2, 2], ov.Type.u8)
    pictures = OP.convert(clip, "f32")
    pictures.output(0).set_names({"pictures"})
    seen = OP.multiply(pictures, OP.constant(np.float32(0.3)))
    seen.output(0).set_names({"seen"})
    last = OP.reshape(seen, [1, 8], special_zero=False)
    if is_rounded:
        ends = (-128 * STEP, 127 * STEP, -128.0, 127.0)
        last = OP.fake_quantize(last, *(OP.constant(np.float32(one)) for one in ends), 256)
        last = OP.convert(OP.convert(last, "i8"), "f32")
        last = OP.subtract(last, OP.convert(OP.constant(np.int8(zero)), "f32"))
        last = OP.multiply(last, OP.constant(np.float32(STEP)))
    last = OP.reduce_sum(last, [1], keep_dims=True)
    if is_read_twice:
        last = OP.add(last, OP.reduce_sum(seen, [0, 1, 2, 3], keep_dims=False))
    last.output(0).set_names({"logits"})
    return ov.Model([OP.result(last)], [clip], "net")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"is_rounded": True}, "i8"),
        ({"is_rounded": False}, "f32"),
        ({"is_rounded": True, "zero": 3}, "f32"),  # not symmetric
        ({"is_rounded": True, "is_read_twice": True}, "f32"),  # and unrounded, too
    ],
)
def test_the_halves_answer_as_numpy_does_whatever_goes_between_them(
    changes: dict[str, Any], kind: str
) -> None:
    pair = halves(Path("net.onnx"), network(**changes), "pictures", "seen", is_int8=True)
    look, judge = (ov.Core().compile_model(one, "CPU") for one in pair)
    assert look.outputs[0].element_type.get_type_name() == kind
    assert judge.inputs[0].element_type.get_type_name() == kind
    clip = np.array([[[[0, 1], [2, 250]]], [[[77, 9], [5, 33]]]], np.uint8)
    seen = np.concatenate([next(iter(look([one[None]]).values())) for one in clip])
    found = next(iter(judge([seen]).values()))
    plain = np.float32(0.3) * clip.astype(np.float32)
    rounded = np.clip(np.rint(plain / STEP), -128, 127) - changes.get("zero", 0)
    expected = STEP * rounded.sum() if changes["is_rounded"] else plain.sum()
    expected += plain.sum() if changes.get("is_read_twice") else 0
    assert found.item() == pytest.approx(expected, rel=1e-6)
