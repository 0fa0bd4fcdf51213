"""Float forms of quantised networks answer as these do; onnx's own reference is the judge."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge.errors import BundleError
from edge.inference.lighter import lighten
from edge.inference.unquantised import unquantised
from inference.networks import (
    SERIES,
    Network,
    clips,
    reference,
    series,
    write_camera,
    write_vibration,
)


def answers(data: bytes, given: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
    network = ReferenceEvaluator(onnx.load_from_string(data))
    outputs = network.run(None, {network.input_names[0]: given[None]})
    return {n: value[0] for n, value in zip(network.output_names, outputs, strict=True)}


def kinds(data: bytes) -> "Counter[str]":
    return Counter(node.op_type for node in onnx.load_from_string(data).graph.node)


def test_in_float32_the_rounding_between_layers_stays_and_the_answers_with_it(
    tmp_path: Path,
) -> None:
    file = write_camera(tmp_path / "net.onnx")
    data = unquantised(file, is_half=False)
    expected, found = reference(file, clips()[0]), answers(data, clips()[0])
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-5)
    before, after = kinds(file.read_bytes()), kinds(data)
    assert after["QuantizeLinear"] == before["QuantizeLinear"] == 2
    assert before["DequantizeLinear"] - after["DequantizeLinear"] == 1  # the weights'
    held = {one.name: one.data_type for one in onnx.load_from_string(data).graph.initializer}
    assert held["kernel"] == TensorProto.FLOAT


def test_in_half_precision_layers_that_were_integers_are_float16_and_ports_stay(
    tmp_path: Path,
) -> None:
    file = write_camera(tmp_path / "net.onnx")
    data = unquantised(file, is_half=True)
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    made = onnx.shape_inference.infer_shapes(model).graph
    types = {one.name: one.type.tensor_type.elem_type for one in made.value_info}
    held = {one.name: one.data_type for one in model.graph.initializer}
    (convolution,) = (node for node in model.graph.node if node.op_type == "Conv")
    assert types[convolution.output[0]] == TensorProto.FLOAT16
    assert {held[name] for name in convolution.input[1:]} == {TensorProto.FLOAT16}
    ports = {one.name: one.type.tensor_type.elem_type for one in (*made.input, *made.output)}
    assert ports == {
        "clip": TensorProto.UINT8,
        **dict.fromkeys(("logits", "activation", "embedding"), TensorProto.FLOAT),
    }
    expected, found = reference(file, clips()[0]), answers(data, clips()[0])
    assert found["logits"] == pytest.approx(expected["logits"], abs=0.05)
    assert np.ptp(expected["logits"]) > 1.0


def test_a_network_that_never_was_quantised_is_left_in_float32(tmp_path: Path) -> None:
    file = write_vibration(tmp_path / "net.onnx")
    data = unquantised(file, is_half=True)
    assert kinds(data) == kinds(file.read_bytes())
    expected = reference(file, series()[0])["logits"]
    assert answers(data, series()[0])["logits"] == pytest.approx(expected, abs=1e-6)


def test_an_energy_is_not_calculated_in_half_precision(tmp_path: Path) -> None:
    """The square of 1e-4 is nothing in float16 that could be told from zero."""
    net = Network(3)
    kernel = net.quantised_weight("kernel", 8, 3, 5, scale=1e-4)
    found = net.add("Conv", [net.quantised("acceleration", 0.05), kernel], "found")
    net.add("Mul", [found, found], "energy")
    net.add("ReduceMean", ["energy", net.weight("last", np.array([2]))], "logits", keepdims=0)
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 8)})
    expected = reference(file, series()[0])["logits"]
    assert expected.max() < 1e-6
    found = answers(unquantised(file, is_half=True), series()[0])["logits"]
    assert found == pytest.approx(expected, rel=0.02)


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    file, cache = write_camera(tmp_path / "net.onnx"), tmp_path / "cache"
    first = unquantised(file, is_half=True, cache=cache)
    (kept,) = cache.iterdir()
    assert kept.read_bytes() == first
    kept.write_bytes(b"what was kept")
    assert unquantised(file, is_half=True, cache=cache) == b"what was kept"
    assert unquantised(file, is_half=False, cache=cache) != first
    other = write_camera(tmp_path / "other.onnx", seed=8)
    assert unquantised(other, is_half=True, cache=cache) != b"what was kept"


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    with pytest.raises(BundleError, match=r"net\.onnx"):
        unquantised(file, is_half=True)
    file.write_bytes(b"\x00\x01no network")
    with pytest.raises(BundleError, match=r"net\.onnx: no network"):
        unquantised(file, is_half=True)


@pytest.mark.parametrize("backward", [False, True])
def test_a_rewritten_network_says_the_same(tmp_path: Path, backward: bool) -> None:
    """An uneven split, weights from the left, a long average and two rounds of a prefix scan."""
    net = Network(4)
    net.add("Split", ["acceleration", net.weight("parts", np.array([2, 1]))], "wide", axis=1)
    net.nodes[-1].output.append("narrow")
    gates = net.add("MatMul", [net.normal("left", 8, 2, scale=0.5), "wide"], "gates")
    keep = net.add("Sigmoid", [gates], "keep")
    state = net.add("MatMul", [net.normal("right", 8, 2, scale=0.5), "wide"], "write")
    for reach in (1, 2):
        edge, far = (-reach, 64) if backward else (0, reach)
        spans = {
            "end": (edge, far),
            "rest": (0, -reach) if backward else (reach, 64),
            "back": (reach, 64) if backward else (0, -reach),
            "gate": (0, -reach) if backward else (reach, 64),
        }
        parts = {}
        for name, (start, stop) in spans.items():
            limits = [
                net.weight(f"{name}{reach}{what}", np.array([value]))
                for what, value in (("from", start), ("to", stop), ("axis", 2))
            ]
            source = keep if name == "gate" else state
            parts[name] = net.add("Slice", [source, *limits], f"{name}{reach}")
        moved = net.add("Mul", [parts["gate"], parts["back"]], f"moved{reach}")
        joined = net.add("Add", [parts["rest"], moved], f"joined{reach}")
        both = [joined, parts["end"]] if backward else [parts["end"], joined]
        state = net.add("Concat", both, f"state{reach}", axis=2)
    lasting = net.add("AveragePool", [state], "lasting", kernel_shape=[32], strides=[32])
    other = net.add("AveragePool", ["narrow"], "other", kernel_shape=[64], strides=[64])
    flat = net.add("Flatten", [lasting], "flat")
    net.add("Concat", [flat, net.add("Flatten", [other], "mean")], "logits", axis=1)
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 17)})
    model = onnx.load(file)
    lighten(model)
    onnx.checker.check_model(model, full_check=True)
    after = Counter(node.op_type for node in model.graph.node)
    assert not {"Split", "AveragePool", "MatMul"} & set(after)
    assert after["Pad"] == after["Add"] == 2
    assert after["Concat"] == 1  # the last one
    for one in series(3):
        expected = reference(file, one)["logits"]
        found = answers(model.SerializeToString(), one)["logits"]
        assert found == pytest.approx(expected, abs=1e-6)
        assert np.ptp(expected) > 0.1


def test_weights_come_out_as_their_integers_say(tmp_path: Path) -> None:
    """By hand: (q - zero) * scale, a scale for each output channel."""
    net = Network(0)
    whole = np.array([[1, -2, 3], [4, 5, -6]], np.int8).reshape(2, 3, 1)
    pair = [
        net.weight("scales", np.array([0.5, 0.25], np.float32)),
        net.weight("zeros", np.zeros(2, np.int8)),
    ]
    net.add("DequantizeLinear", [net.weight("whole", whole), *pair], "kernel", axis=0)
    net.add("Conv", [net.quantised("acceleration", 0.05), "kernel"], "wide")
    net.add("ReduceMean", ["wide", net.weight("last", np.array([2]))], "logits", keepdims=0)
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 2)})
    model = onnx.load_from_string(unquantised(file, is_half=False))
    held = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    expected = [[0.5, -1.0, 1.5], [1.0, 1.25, -1.5]]
    np.testing.assert_array_equal(held["kernel"].reshape(2, 3), expected)
