"""The float network inside a quantised one: for engines that are slower in integers than in float.

Weights are what the integers of the file make of them, and the rounding between layers stays: a
network that was taught with it answers otherwise without (the camera's by 14 % of its span).
In half precision those layers are calculated in float16 that the workshop found fit for integers,
recurrent ones behind them, and what merely joins them. Spectra, energies (products of two tensors),
logarithms, means and the head stay float32, as inputs and outputs do.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edge.errors import BundleError
from edge.inference.folded import fold
from edge.inference.lighter import lighten
from edge.inference.plans import write
from edge.inference.steps import in_steps

FORMAT = 4  # of what is kept in the cache
QUANTISE, DEQUANTISE = "QuantizeLinear", "DequantizeLinear"
WEIGHING = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
RECURRENT = {"LSTM", "GRU"}
JOINING = {  # in float16 where everything that they are given is
    *("Add", "Sub", "Mul", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "BatchNormalization"),
    *("Concat", "Slice", "Split", "Pad", "MaxPool", "AveragePool"),
    *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", QUANTISE),
}
ROUNDS_HALF = 19  # opset in which Q/DQ learned float16; nothing else that networks use here changed


def unquantised(file: Path, *, is_half: bool, cache: Path | None = None) -> bytes:
    """The network of an ONNX file with weights in float, as an ONNX file; kept in `cache`.

    Raises:
        BundleError: the file is no network.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file}: {error.strerror or error}") from error
    kept = None
    if cache is not None:
        name = hashlib.sha256(data).hexdigest()[:32]
        kept = cache / f"{name}-{'fp16' if is_half else 'fp32'}-{FORMAT}-{onnx.__version__}.onnx"
        if kept.is_file():
            return kept.read_bytes()
    try:
        model = onnx.load_from_string(data)
        fold(model)
        layers = _dequantise(model.graph)
        lighten(model)
        if is_half:
            _halve(model, layers)
        else:
            in_steps(model)
        model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except (DecodeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as why:
        raise BundleError(f"{file}: no network that can be calculated in float: {why}") from why
    found: bytes = model.SerializeToString()
    if kept is not None:
        write(kept, found)
    return found


def _dequantise(graph: GraphProto) -> set[str]:
    """Weights as float32 instead of integers that are multiplied out at each run; their names."""
    constants = {one.name: one for one in graph.initializer}
    weights: dict[str, TensorProto] = {}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type == DEQUANTISE and node.input[0] in constants:
            values = _weights(node, constants)
            weights[node.output[0]] = numpy_helper.from_array(values, node.output[0])
        else:
            nodes.append(node)
    _fill(graph, nodes, (*constants.values(), *weights.values()))
    return set(weights)


def _weights(node: NodeProto, constants: dict[str, TensorProto]) -> NDArray[np.float32]:
    whole, scale, *zero = (numpy_helper.to_array(constants[name]) for name in node.input if name)
    axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
    along = [-1 if at == axis % whole.ndim else 1 for at in range(whole.ndim)]
    shape = along if scale.size > 1 else []
    steps = whole.astype(np.float32)
    if zero:
        steps = steps - zero[0].astype(np.float32).reshape(shape)
    found: NDArray[np.float32] = steps * scale.astype(np.float32).reshape(shape)
    return found


def _halve(model: ModelProto, weights: set[str]) -> None:
    """Cast to float16 in front of each stretch of layers that is fit for it, and back behind it."""
    for one in model.opset_import:
        if one.domain in ("", "ai.onnx"):
            one.version = max(one.version, ROUNDS_HALF)
    graph = model.graph
    kinds = _kinds(model)
    constant = {one.name for one in graph.initializer}
    weighing = {
        name
        for node in graph.node
        if node.op_type in WEIGHING and not weights.isdisjoint(node.input)
        for name in node.input
    }
    half: set[str] = set()  # tensors that are float16 from now on
    begun: set[str] = set()  # tensors behind the first such layer
    halved: list[bool] = []
    for node in graph.node:
        moving = [name for name in node.input if name and name not in constant]
        if not moving:
            constant.update(node.output)
        floats = [name for name in moving if kinds.get(name) == TensorProto.FLOAT]
        joins = node.op_type in JOINING and bool(floats) and half.issuperset(floats)
        is_half = (
            (node.op_type in WEIGHING and not weights.isdisjoint(node.input))
            or (node.op_type in RECURRENT and not begun.isdisjoint(moving))
            or (node.op_type == DEQUANTISE and bool(moving) and node.output[0] in weighing)
            or (joins and not (node.op_type == "Mul" and len(floats) > 1))
        )
        if is_half or not begun.isdisjoint(moving):
            begun.update(node.output)
        if is_half:
            half.update(name for name in node.output if kinds.get(name) == TensorProto.FLOAT)
        halved.append(is_half)
    _cast(graph, halved, half, kinds)


def _cast(graph: GraphProto, halved: list[bool], half: set[str], kinds: dict[str, int]) -> None:
    constants = {one.name: one for one in graph.initializer}
    outputs = {one.name for one in graph.output}
    nodes: list[NodeProto] = []
    added: dict[str, TensorProto] = {}
    made: set[str] = set()

    def wanted(name: str, *, is_half: bool) -> str:
        """The tensor of that name in the type that is wanted, and how to come by it."""
        if kinds.get(name) != TensorProto.FLOAT:
            return name
        if is_half and name in constants:
            values = numpy_helper.to_array(constants[name]).astype(np.float16)
            added[name] = numpy_helper.from_array(values, f"{name}_half")
            return f"{name}_half"
        own = f"{name}_half" if name in outputs and name in half else name
        if is_half == (name in half):
            return own
        other = f"{name}_half" if is_half else (name if name in outputs else f"{name}_float")
        if other not in made:
            made.add(other)
            kind = TensorProto.FLOAT16 if is_half else TensorProto.FLOAT
            nodes.append(helper.make_node("Cast", [own], [other], to=kind))
        return other

    for node, is_half in zip(list(graph.node), halved, strict=True):
        for at, name in enumerate(node.input):
            node.input[at] = wanted(name, is_half=is_half)
        for at, name in enumerate(node.output):
            if name in half and name in outputs:
                node.output[at] = f"{name}_half"
        nodes.append(node)
    for name in outputs:
        wanted(name, is_half=False)
    _fill(graph, nodes, (*constants.values(), *added.values()))


def _fill(graph: GraphProto, nodes: Iterable[NodeProto], constants: Iterable[TensorProto]) -> None:
    """Put these in place of what it has, but for constants that nobody reads."""
    kept_nodes = list(nodes)
    used = {name for node in kept_nodes for name in node.input}
    kept = [one for one in constants if one.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept_nodes)
    graph.initializer.extend(kept)


def _kinds(model: ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    found = {one.name: one.data_type for one in graph.initializer}
    for one in (*graph.input, *graph.output, *graph.value_info):
        found[one.name] = one.type.tensor_type.elem_type
    return found
