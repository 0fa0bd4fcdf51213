"""How much a network has to calculate and to read, counted in its ONNX file itself."""

import math
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import NodeProto, TensorProto, helper

from edge.errors import BundleError
from edge.inference.graph import Graph
from edge.inference.operations import Operations
from edge.manifest import ClipInput, SeriesInput

PASSED = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity"}
PRODUCTS = {"MatMul", "Gemm"}
SEQUENCES = {"LSTM", "GRU", "RNN"}


def count(file: Path, wanted: SeriesInput | ClipInput) -> Operations:
    """Of convolutions, matrix products and recurrent layers: next to nothing else counts.

    Raises:
        BundleError: it is no network, or one whose sizes depend on its data.
    """
    try:
        model = onnx.load(file)
        for size, dim in zip(
            (1, *wanted.shape), model.graph.input[0].type.tensor_type.shape.dim, strict=True
        ):
            dim.dim_value = size
        for one in model.graph.output:  # said of any batch; of this one they are inferred
            one.type.tensor_type.ClearField("shape")
        graph = Graph(model)
        return _count(graph)
    except (OSError, DecodeError, IndexError, onnx.shape_inference.InferenceError) as why:
        raise BundleError(f"{file}: onnx cannot read it: {why}") from why
    except (TypeError, ValueError) as why:
        raise BundleError(f"{file}: not every size in it is known: {why}") from why


def _count(graph: Graph) -> Operations:
    constants = {one.name: one for one in graph.raw.initializer}
    integer = floating = 0
    for node in graph.raw.node:
        products = _products(graph, constants, node)
        if products and node.op_type not in SEQUENCES:
            is_integer = all(_is_quantised(graph, name) for name in node.input[:2])
        else:
            is_integer = False
        integer += 2 * products * is_integer
        floating += 2 * products * (not is_integer)
    ports = [*graph.raw.input, *graph.raw.output]
    return Operations(
        integer,
        floating,
        sum(math.prod(one.dims) * _width(one.data_type) for one in constants.values()),
        sum(_prod(graph, one.name) * _width(one.type.tensor_type.elem_type) for one in ports),
    )


def _products(graph: Graph, constants: dict[str, TensorProto], node: NodeProto) -> int:
    """Multiplications of one node."""
    if node.op_type == "Conv":  # every output is a sum over one filter
        return _prod(graph, node.output[0]) * math.prod(_shape(graph, constants, node.input[1])[1:])
    if node.op_type in PRODUCTS:
        rows = _shape(graph, constants, node.input[0])
        is_turned = any(one.name == "transA" and one.i for one in node.attribute)
        return _prod(graph, node.output[0]) * rows[-2 if is_turned else -1]
    if node.op_type in SEQUENCES:  # every step multiplies input and state by their weights
        steps, batch, _ = _shape(graph, constants, node.input[0])
        weights = sum(math.prod(_shape(graph, constants, name)) for name in node.input[1:3])
        return steps * batch * weights
    return 0


def _shape(graph: Graph, constants: dict[str, TensorProto], name: str) -> list[int]:
    """
    Raises:
        ValueError: a size is not known.
    """
    if name in constants:
        return list(constants[name].dims)
    found = [size for size in graph.sizes(name) if size is not None]
    if not found or len(found) != len(graph.sizes(name)):
        raise ValueError(f"tensor {name} is of {graph.sizes(name)}")
    return found


def _prod(graph: Graph, name: str) -> int:
    return math.prod(_shape(graph, {}, name))


def _is_quantised(graph: Graph, name: str) -> bool:
    """Behind a DequantizeLinear, moved about at most."""
    node = graph.made.get(name)
    while node is not None and node.op_type in PASSED:
        node = graph.made.get(node.input[0])
    return node is not None and node.op_type == "DequantizeLinear"


def _width(kind: int) -> int:
    return int(helper.tensor_dtype_to_np_dtype(kind).itemsize)
