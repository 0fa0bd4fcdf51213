"""Constants are made once, for engines that would make them at each run."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge.config import SHIPPED
from edge.errors import BundleError
from edge.inference.folded import fold, folded
from inference.networks import clips, reference, write_camera


def _ramp() -> onnx.ModelProto:
    """y = x * (0, 2, 4, 6), where the factors are made of two numbers."""
    nodes = [
        helper.make_node("Range", ["zero", "end", "one"], ["place"]),
        helper.make_node("Cast", ["place"], ["ramp"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["ramp", "two"], ["factors"]),
        helper.make_node("Mul", ["x", "factors"], ["y"]),
    ]
    held = {"zero": np.int32(0), "end": np.int32(4), "one": np.int32(1), "two": np.float32(2.0)}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("x", "y")]
    constants = [numpy_helper.from_array(np.asarray(v), name) for name, v in held.items()]
    graph = helper.make_graph(nodes, "ramp", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def test_what_follows_from_constants_becomes_one() -> None:
    model = _ramp()
    fold(model)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Mul"]
    (held,) = model.graph.initializer  # nothing is left of what it was made of
    np.testing.assert_array_equal(numpy_helper.to_array(held), [0.0, 2.0, 4.0, 6.0])
    (found,) = ReferenceEvaluator(model).run(None, {"x": np.ones(4, np.float32)})
    np.testing.assert_array_equal(found, [0.0, 2.0, 4.0, 6.0])


def test_weights_in_integers_stay_integers(tmp_path: Path) -> None:
    file = write_camera(tmp_path / "net.onnx")
    other = tmp_path / "folded.onnx"
    other.write_bytes(folded(file))
    graphs = [onnx.load(one).graph for one in (file, other)]
    assert [node.op_type for node in graphs[0].node] == [node.op_type for node in graphs[1].node]
    expected, found = (reference(one, clips()[0])["logits"] for one in (file, other))
    np.testing.assert_array_equal(found, expected)


def test_of_the_shipped_microphones_network_nothing_is_left_to_make() -> None:
    graph = onnx.load_from_string(folded(SHIPPED / "motor" / "audio.onnx")).graph
    held = {one.name: tuple(one.dims) for one in graph.initializer}
    assert held["spectrogram.kernels"] == (258, 1, 256)
    assert held["mel.weights"] == (40, 129)
    for node in graph.node:
        assert node.op_type == "DequantizeLinear" or not held.keys() >= set(node.input)


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"\xff\xff\xff")
    with pytest.raises(BundleError, match=r"net\.onnx"):
        folded(file)
