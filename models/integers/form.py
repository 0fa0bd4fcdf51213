"""Changes to a Q/DQ graph that keep its one form: layers back in float, scales of one's own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

LAYERS = ("Conv", "MatMul", "Gemm")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer that calculates in integers."""

    name: str  # of its node, the same in the float file
    weight: str  # of its weights in the float file
    scale: str  # initializer that holds the scale of its input
    weights: int  # how many


def layers(model: onnx.ModelProto, exact: onnx.ModelProto) -> list[Layer]:
    """Every layer of the INT8 `model` that calculates in integers; `exact` is its float file."""
    makers = {name: node for node in model.graph.node for name in node.output}
    before = {node.name: node for node in exact.graph.node}
    sizes = {one.name: int(np.prod(one.dims)) for one in exact.graph.initializer}
    found = []
    for node in model.graph.node:
        given = [makers.get(name) for name in node.input[:2]]
        if node.op_type in LAYERS and all(_is_dequantised(one) for one in given):
            weight, source = before[node.name].input[1], given[0]
            assert source is not None
            found.append(Layer(node.name, weight, source.input[1], sizes.get(weight, 0)))
    return found


def floated(
    model: onnx.ModelProto, exact: onnx.ModelProto, names: Collection[str]
) -> onnx.ModelProto:
    """A copy of the INT8 `model` in which the layers of these names calculate in float again."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    makers = {name: node for node in graph.node for name in node.output}
    before = {node.name: node for node in exact.graph.node}
    weights = {one.name: one for one in exact.graph.initializer}
    for node in graph.node:
        if node.name in names:
            node.input[0] = makers[makers[node.input[0]].input[0]].input[0]
            node.input[1] = before[node.name].input[1]
            graph.initializer.append(weights[node.input[1]])
    _prune(graph)
    return changed


def exact(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the INT8 `model` without any rounding between layers, its weights as float32.

    They stay what rounding made of them: the float network that was quantised has others, in as
    many bytes and operations.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    constants = {one.name: one for one in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        for at, name in enumerate(node.input):
            source = makers.get(name)
            if source is None or source.op_type != "DequantizeLinear":
                continue
            stored, scale = source.input[:2]
            if stored in constants:
                weight = stored.removesuffix(".int8")
                node.input[at] = weight
                steps = numpy_helper.to_array(constants[stored]).astype(np.float32)
                each = numpy_helper.to_array(constants[scale])  # of every output channel
                values = steps * each.reshape(-1, *[1] * (steps.ndim - 1))
                graph.initializer.append(numpy_helper.from_array(values, weight))
            else:
                node.input[at] = makers[stored].input[0]
    _prune(graph)
    return changed


def scales(model: onnx.ModelProto, of: Collection[Layer]) -> dict[str, float]:
    """Of each layer the scale of its input: by the name of its weights."""
    constants = {one.name: one for one in model.graph.initializer}
    return {one.weight: float(numpy_helper.to_array(constants[one.scale])) for one in of}


def rescaled(
    model: onnx.ModelProto, of: Collection[Layer], wanted: Mapping[str, float]
) -> onnx.ModelProto:
    """A copy whose layers take their inputs at these scales: by the name of their weights."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    constants = {one.name: one for one in changed.graph.initializer}
    for one in of:
        if one.weight in wanted:
            value = np.array(wanted[one.weight], np.float32)
            constants[one.scale].CopyFrom(numpy_helper.from_array(value, one.scale))
    return changed


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The float network with weights in FP16, as engines for it are built from."""
    from onnxruntime.transformers.float16 import (  # noqa: PLC0415 - slow, for one figure
        convert_float_to_float16,
    )

    found: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return found


def _is_dequantised(node: onnx.NodeProto | None) -> bool:
    return node is not None and node.op_type == "DequantizeLinear"


def _prune(graph: onnx.GraphProto) -> None:
    """Take out what nobody reads any more, and weights that stand twice."""
    wanted = {one.name for one in graph.output}
    kept = []
    for node in reversed(graph.node):
        if any(name in wanted for name in node.output):
            wanted |= set(node.input)
            kept.append(node)
    constants = {one.name: one for one in graph.initializer if one.name in wanted}
    del graph.node[:]
    del graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants.values())
