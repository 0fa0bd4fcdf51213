"""How much a network has to calculate and to read, counted in OpenVINO's graph of its file."""

import math
from pathlib import Path

import openvino as ov

from edge.errors import BundleError
from edge.inference.operations import Operations
from edge.manifest import ClipInput, SeriesInput

PASSED = {"Convert", "Multiply", "Subtract", "Reshape", "Transpose", "Squeeze", "Unsqueeze"}
CONVOLUTIONS = {"Convolution", "GroupConvolution"}
SEQUENCES = {"LSTMSequence", "GRUSequence", "RNNSequence"}


def count(file: Path, wanted: SeriesInput | ClipInput) -> Operations:
    """Of convolutions, matrix products and recurrent layers: next to nothing else counts.

    Raises:
        BundleError: OpenVINO cannot read the file.
    """
    try:
        model = ov.Core().read_model(file)
        model.reshape([1, *wanted.shape])
    except RuntimeError as error:
        raise BundleError(f"{file}: openvino cannot read it: {error}") from error
    integer = floating = weights = 0
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "Constant":
            weights += node.get_byte_size()
        products = _products(node, kind)
        if kind not in SEQUENCES and products and all(map(_is_quantised, node.inputs()[:2])):
            integer += 2 * products
        else:
            floating += 2 * products
    ports = [*model.inputs, *model.outputs]
    sizes = [math.prod(port.shape) * port.element_type.size for port in ports]
    return Operations(integer, floating, weights, sum(sizes))


def _products(node: ov.Node, kind: str) -> int:
    """Multiplications of one operation."""
    if kind in CONVOLUTIONS:  # every output is a sum over one filter
        weights, out = node.input(1).get_shape(), node.output(0).get_shape()
        filters = math.prod(weights[:2]) if kind == "GroupConvolution" else weights[0]
        return int(math.prod(out) * (math.prod(weights) // filters))
    if kind == "MatMul":
        rows = node.input(0).get_shape()
        is_turned = node.get_attributes().get("transpose_a", False)
        return int(math.prod(node.output(0).get_shape()) * rows[-2 if is_turned else -1])
    if kind in SEQUENCES:  # every step multiplies input and state by their weights
        batch, steps, _ = node.input(0).get_shape()
        inputs = node.inputs()
        first = 4 if kind == "LSTMSequence" else 3  # behind data, states and lengths
        weights = sum(math.prod(one.get_shape()) for one in inputs[first : first + 2])
        return int(batch * steps * weights)
    return 0


def _is_quantised(port: ov.Input) -> bool:
    """Between steps of rounding: data behind a FakeQuantize, or weights stored in eight bits."""
    node = port.get_source_output().get_node()
    while node.get_type_name() in PASSED:
        node = node.input(0).get_source_output().get_node()
    if node.get_type_name() == "Constant":
        return node.get_element_type() in (ov.Type.i8, ov.Type.u8)
    return bool(node.get_type_name() == "FakeQuantize")
