"""The shipped networks build with NVIDIA's own builder, and what is meant for INT8 is INT8."""

import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edge.config import SHIPPED
from edge.errors import BundleError, EngineMissing
from edge.inference.folded import folded
from edge.inference.trt_build import CURE, build, library
from edge.inference.unquantised import unquantised
from inference.networks import write_camera

NETWORKS = ("camera", "vibration", "audio")
GENERATIONS = ("SM80", "SM86", "SM89", "SM120")  # A100, Ampere and Ada cards, Blackwell cards
SUMS = {"Conv", "ConvTranspose", "MatMul", "Gemm"}

try:
    library()
    MISSING = ""
except EngineMissing as error:
    MISSING = str(error)
needs_builder = pytest.mark.skipif(
    bool(MISSING), reason=f"make test-engines installs it: {MISSING}"
)


def _meant_for_integers(file: Path) -> set[str]:
    """Nodes that multiply two dequantised tensors."""
    graph = onnx.load(file).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    return {
        node.name
        for node in graph.node
        if node.op_type in SUMS
        and all(makers.get(name) == "DequantizeLinear" for name in node.input[:2])
    }


@needs_builder
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_meant_for_int8_is_built_in_int8(name: str, generation: str) -> None:
    file = SHIPPED / "motor" / f"{name}.onnx"
    meant = _meant_for_integers(file)
    assert len(meant) >= 4
    built = build(file, generation)
    assert len(built.plan) > file.stat().st_size  # TensorRT keeps its kernels beside the weights
    integer = {origin for layer in built.layers if layer.is_integer for origin in layer.origins}
    assert meant <= integer, f"in float: {sorted(meant - integer)}"


@needs_builder
@pytest.mark.parametrize("name", NETWORKS)
def test_no_layer_of_an_engine_makes_constants_in_every_run(name: str) -> None:
    """TensorRT would look up the kernels of the spectrogram anew; so it is given them made."""
    file = SHIPPED / "motor" / f"{name}.onnx"
    built = build(file, "SM86", data=folded(file))
    assert all(layer.inputs for layer in built.layers)


def _free(file: Path, where: Path) -> Path:
    """The same network with a batch axis that is free."""
    model = onnx.load(file)
    for one in (*model.graph.input, *model.graph.output):
        one.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, where)
    return where


@needs_builder
def test_a_free_batch_is_built_for_one_window_to_many_in_int8(tmp_path: Path) -> None:
    file = _free(write_camera(tmp_path / "one.onnx"), tmp_path / "many.onnx")
    one, many = build(file, "SM86"), build(file, "SM86", most=8)
    assert one.precision == many.precision == "int8"
    assert one.plan != many.plan


@needs_builder
def test_the_float_forms_of_a_network_are_built_in_float(tmp_path: Path) -> None:
    file = write_camera(tmp_path / "net.onnx")
    for is_half, precision in ((True, "fp16"), (False, "fp32")):
        built = build(file, "SM86", data=unquantised(file, is_half=is_half))
        assert built.precision == precision
        assert not any(layer.is_integer for layer in built.layers)


@needs_builder
def test_an_input_that_is_free_in_more_than_its_batch_is_refused(tmp_path: Path) -> None:
    model = onnx.load(write_camera(tmp_path / "net.onnx"))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "frames"
    del model.graph.output[:], model.graph.value_info[:]
    model.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3]))
    file = tmp_path / "free.onnx"
    onnx.save(model, file)
    with pytest.raises(BundleError, match=r"input clip is free in more than its batch"):
        build(file, "SM86")


@needs_builder
def test_a_network_that_tensorrt_does_not_take_is_refused_with_its_reason(tmp_path: Path) -> None:
    clip = helper.make_tensor_value_info("clip", TensorProto.UINT8, [1, 4])
    out = helper.make_tensor_value_info("out", TensorProto.UINT8, [4, 1])
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [4, 1])
    node = helper.make_node("Reshape", ["clip", "shape"], ["out"], name="view")  # before any Cast
    graph = helper.make_graph([node], "bytes", [clip], [out], [shape])
    file = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), file)
    with pytest.raises(BundleError, match=r"(?s)does not take it.*UInt8"):
        build(file, "SM86")


@needs_builder
def test_a_generation_nobody_builds_for_is_named() -> None:
    with pytest.raises(EngineMissing, match=r"SM86.*not for SM53"):
        build(SHIPPED / "motor" / "audio.onnx", "SM53")


def test_without_the_library_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt", "onnxruntime_ep_nv_tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineMissing, match="no TensorRT is installed") as told:
        build(SHIPPED / "motor" / "audio.onnx")
    assert CURE in str(told.value)
