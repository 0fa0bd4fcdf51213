"""The same network in operators that a GPU is done with sooner; the answers stay what they are.

In a CUDA graph a small kernel takes 1.5 us whatever it does, so that a network of a hundred of them
is as slow as its longest way through them. What is rewritten here took more than that on an H100
with ONNX Runtime 1.31: tables of pointers that are copied to the GPU at each run (an uneven Split
20 us, a product with weights from the left 12 us), averages over long stretches (22 us), and
rounds of a prefix scan that take a tensor apart to put it together again (3 us each).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

LONG = 32  # samples under one average: below, cuDNN's own pooling is as fast
Sizes = dict[str, list[int | None]]  # of tensors; None is a size that is free
Made = dict[str, NodeProto]  # tensor -> what makes it
AXES_ARE_INPUTS = 18  # opset since which ReduceMean takes its axes so


def lighten(model: ModelProto) -> None:
    """Rewrite a network with known sizes but for its batch, in place."""
    graph = model.graph
    sizes = _sizes(model)
    opset = max(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    nodes: list[NodeProto] = []
    made = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "Concat" and (update := _update(graph, node, made, sizes)):
            nodes.extend(update)
        elif node.op_type == "Split" and _is_uneven(graph, node):
            nodes.extend(_slices(graph, node))
        elif node.op_type == "AveragePool" and opset >= AXES_ARE_INPUTS and _is_long(node, sizes):
            nodes.extend(_mean(graph, node, sizes[node.input[0]]))
        elif node.op_type == "MatMul" and _is_from_the_left(graph, node, sizes):
            nodes.append(_convolution(graph, node))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(_used(nodes, {one.name for one in graph.output}))


def _used(nodes: list[NodeProto], wanted: set[str]) -> list[NodeProto]:
    """Without those whose outputs nobody reads any more."""
    kept: list[NodeProto] = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


@dataclass(frozen=True, slots=True)
class Part:
    """What a Slice along one axis takes of a tensor: from `start` to before `stop`."""

    whole: str
    start: int
    stop: int


def _update(graph: GraphProto, node: NodeProto, made: Made, sizes: Sizes) -> list[NodeProto]:
    """A round of a prefix scan: one end of a tensor as it was, joined to the rest plus something.

    That is the tensor plus something that is filled up with zeros: two kernels fewer.
    """
    axis = _attribute(node, "axis", 0)
    for kept, changed in permutations(node.input, 2):
        end, total = _part(graph, made.get(kept), axis, sizes), made.get(changed)
        if len(node.input) != 2 or end is None or total is None or total.op_type != "Add":
            continue
        for rest, more in permutations(total.input):
            other = _part(graph, made.get(rest), axis, sizes)
            if other is None or sizes.get(more) != sizes.get(rest):
                continue
            first, second = (end, other) if kept == node.input[0] else (other, end)
            if _are_all(first, second, sizes[end.whole][axis]):
                before, after = (first.stop, 0) if first is end else (0, end.stop - end.start)
                return _filled_up(graph, node, end.whole, more, (before, after), sizes)
    return []


def _are_all(first: Part, second: Part, length: int | None) -> bool:
    """Both together are one tensor, each element once."""
    spans = (first.start, first.stop, second.stop)
    return first.whole == second.whole and spans == (0, second.start, length)


def _filled_up(
    graph: GraphProto,
    node: NodeProto,
    whole: str,
    more: str,
    zeros: tuple[int, int],
    sizes: Sizes,
) -> list[NodeProto]:
    rank, axis = len(sizes[whole]), _attribute(node, "axis", 0)
    pads = np.zeros((2, rank), np.int64)
    pads[:, axis] = zeros
    padded = f"{node.output[0]}_padded"
    given = [more, _add(graph, f"{node.output[0]}_pads", pads.reshape(-1))]
    return [
        helper.make_node("Pad", given, [padded]),
        helper.make_node("Add", [whole, padded], list(node.output)),
    ]


def _part(graph: GraphProto, node: NodeProto | None, axis: int, sizes: Sizes) -> Part | None:
    """None where it is no Slice of this one axis, or of a tensor of unknown length."""
    known = {one.name for one in graph.initializer}
    if node is None or node.op_type != "Slice" or len(node.input) < 4:
        return None
    shape = sizes.get(node.input[0], [])
    if not shape or (length := shape[axis]) is None or not known.issuperset(node.input[1:]):
        return None
    start, end, along, *step = (_constant(graph, name).tolist() for name in node.input[1:])
    if len(along) != 1 or (along[0] - axis) % len(shape) or step not in ([], [[1]]):
        return None
    return Part(node.input[0], *slice(start[0], end[0]).indices(length)[:2])


def _is_uneven(graph: GraphProto, node: NodeProto) -> bool:
    known = {one.name for one in graph.initializer}
    if len(node.input) < 2 or node.input[1] not in known:
        return False
    return len(set(_constant(graph, node.input[1]).tolist())) > 1


def _slices(graph: GraphProto, node: NodeProto) -> Iterator[NodeProto]:
    parts = _constant(graph, node.input[1])
    axis = _attribute(node, "axis", 0)
    start = 0
    for output, size in zip(node.output, parts.tolist(), strict=True):
        ends = [
            _add(graph, f"{output}_{what}", np.array([value], np.int64))
            for what, value in (("start", start), ("end", start + size), ("axis", axis))
        ]
        yield helper.make_node("Slice", [node.input[0], *ends], [output])
        start += size


def _is_long(node: NodeProto, sizes: Sizes) -> bool:
    """Over one axis, in stretches that touch and fill it."""
    kernel, strides = _list(node, "kernel_shape"), _list(node, "strides")
    shape = sizes.get(node.input[0], [])
    return (
        len(kernel) == 1
        and kernel == strides
        and kernel[0] >= LONG
        and not any(_list(node, "pads"))
        and len(shape) == 3
        and None not in shape[1:]
        and (shape[2] or 0) % kernel[0] == 0
    )


def _mean(graph: GraphProto, node: NodeProto, shape: list[int | None]) -> Iterator[NodeProto]:
    (kernel,) = _list(node, "kernel_shape")
    output = node.output[0]
    rows = np.array([0, 0, (shape[2] or 0) // kernel, kernel], np.int64)  # 0: as it is
    stretches = f"{output}_stretches"
    given = [node.input[0], _add(graph, f"{output}_rows", rows)]
    yield helper.make_node("Reshape", given, [stretches])
    given = [stretches, _add(graph, f"{output}_last", np.array([3], np.int64))]
    yield helper.make_node("ReduceMean", given, [output], keepdims=0)


def _is_from_the_left(graph: GraphProto, node: NodeProto, sizes: Sizes) -> bool:
    """Weights (row, channel) times (batch, channel, step)."""
    names = {one.name: len(one.dims) for one in graph.initializer}
    return names.get(node.input[0]) == 2 and len(sizes.get(node.input[1], [])) == 3


def _convolution(graph: GraphProto, node: NodeProto) -> NodeProto:
    weights = _constant(graph, node.input[0])[:, :, None]
    name = _add(graph, f"{node.output[0]}_kernel", weights)
    return helper.make_node("Conv", [node.input[1], name], list(node.output), kernel_shape=[1])


def _sizes(model: ModelProto) -> Sizes:
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        one.name: [
            size.dim_value if size.HasField("dim_value") else None
            for size in one.type.tensor_type.shape.dim
        ]
        for one in (*graph.input, *graph.value_info, *graph.output)
    }


def _constant(graph: GraphProto, name: str) -> NDArray[np.generic]:
    found: NDArray[np.generic] = numpy_helper.to_array(
        next(one for one in graph.initializer if one.name == name)
    )
    return found


def _add(graph: GraphProto, name: str, value: NDArray[np.generic]) -> str:
    graph.initializer.append(numpy_helper.from_array(value, name))
    return name


def _attribute(node: NodeProto, name: str, default: int) -> int:
    return next((int(one.i) for one in node.attribute if one.name == name), default)


def _list(node: NodeProto, name: str) -> list[int]:
    return next((list(one.ints) for one in node.attribute if one.name == name), [])
