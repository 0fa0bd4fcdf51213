"""Rounding between layers in steps of one, where a pair of Q/DQ is two operators of their own.

A layer whose weights are divided by the step answers in steps; a Round makes them whole, and the
layer behind has the step in its own weights. A Relu on the way becomes a Clip that ends at 127, so
that of three operators two are left, which are done sooner: nothing is made bytes of.
"""

from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto, helper

from edge.inference.graph import Graph

LEAST, MOST = np.float32(-128), np.float32(127)  # of int8
# Layers whose answer grows with some of their inputs, or with one over them
SCALED = {"Conv": {1: 1, 2: 1}, "BatchNormalization": {1: 1, 2: 1}, "Div": {1: -1}}
MOVING = {
    "Reshape",
    "Transpose",
    "Relu",
    "Pad",
    "Identity",
}  # a factor above zero may go through them


@dataclass(frozen=True, slots=True)
class Pair:
    """A Q/DQ to int8, symmetric, and the layers whose weights can take its step."""

    rounded: str  # what is rounded
    output: str
    step: float
    front: NodeProto  # where it comes from
    way: list[NodeProto]  # from there
    behind: list[NodeProto]  # who reads it


def in_steps(model: ModelProto) -> None:
    """Rewrite every pair that stands between layers with constant weights, in place."""
    graph = Graph(model)
    nodes: list[NodeProto] = []
    for node in graph.raw.node:
        pair = _pair(graph, node)
        nodes.extend(_rewritten(graph, pair) if pair else [node])
    graph.keep(nodes)


def _pair(graph: Graph, node: NodeProto) -> Pair | None:
    """The one that this node ends; None where it has to stay."""
    quantise = graph.maker(node.input[0], "QuantizeLinear") if node.input else None
    if node.op_type != "DequantizeLinear" or quantise is None or len(node.input) != 3:
        return None
    scale, zero = (graph.constant(name) for name in node.input[1:])
    if scale is None or scale.size != 1 or zero is None or zero.dtype != np.int8 or zero.any():
        return None
    way: list[NodeProto] = []
    front = graph.made.get(quantise.input[0])
    while front is not None and front.op_type in MOVING:
        way.append(front)
        front = graph.made.get(front.input[0])
    if front is None or not _is_scaled(graph, front) or any(len(one.input) > 2 for one in way):
        return None
    behind, output = graph.readers[node.output[0]], node.output[0]
    if not all(_is_convolved(graph, one, output) for one in behind):
        return None
    tensors = [quantise.output[0], front.output[0], *(one.output[0] for one in way)]
    if graph.reads(output) != len(behind) or any(graph.reads(name) != 1 for name in tensors):
        return None
    return Pair(quantise.input[0], output, float(scale.item()), front, way, behind)


def _is_scaled(graph: Graph, node: NodeProto) -> bool:
    places = SCALED.get(node.op_type, {})
    given = [node.input[at] for at in places if at < len(node.input)]
    return bool(given) and all(graph.constant(name) is not None for name in given)


def _is_convolved(graph: Graph, node: NodeProto, name: str) -> bool:
    """By constant weights, and nothing else is done with it."""
    is_only = list(node.input).count(name) == 1 and node.input[0] == name
    return node.op_type == "Conv" and is_only and graph.constant(node.input[1]) is not None


def _rewritten(graph: Graph, pair: Pair) -> list[NodeProto]:
    """What takes the place of both; the layers around them are changed."""
    for at, power in SCALED[pair.front.op_type].items():
        if at < len(pair.front.input):
            _scale(graph, pair.front, at, pair.step**-power)
    for node in pair.behind:
        _scale(graph, node, 1, pair.step)
    most = graph.add(f"{pair.output}_most", np.array(MOST))
    rectifiers = [node for node in pair.way if node.op_type == "Relu"]
    for node in rectifiers:
        node.op_type = "Clip"
        node.input.extend([graph.add(f"{node.output[0]}_least", np.array(np.float32(0))), most])
    if rectifiers:
        return [helper.make_node("Round", [pair.rounded], [pair.output])]
    least, clipped = graph.add(f"{pair.output}_least", np.array(LEAST)), f"{pair.output}_clipped"
    return [
        helper.make_node("Clip", [pair.rounded, least, most], [clipped]),
        helper.make_node("Round", [clipped], [pair.output]),
    ]


def _scale(graph: Graph, node: NodeProto, at: int, factor: float) -> None:
    value = graph.constant(node.input[at])
    assert value is not None
    scaled = (value.astype(np.float64) * factor).astype(np.float32)
    way = "down" if factor > 1 else "up"
    node.input[at] = graph.add(f"{node.output[0]}_{at}_{way}_{node.input[at]}", scaled)
