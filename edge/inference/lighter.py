"""The same network in operators that a GPU is done with sooner; the answers stay what they are.

In a CUDA graph a small kernel takes 1.5 us whatever it does, so that a network of a hundred of them
is as slow as its longest way through them. What is rewritten here took more than that on an H100
with ONNX Runtime 1.31: tables of pointers that are copied to the GPU at each run (an uneven Split
20 us, a product with weights from the left 12 us), averages over long stretches (22 us), and
rounds of a prefix scan that take a tensor apart to put it together again (3 us each), and a whole
scan of fifty steps (40 kernels, of which 5 are left).
"""

import math
from collections.abc import Iterator
from itertools import permutations

import numpy as np
from onnx import ModelProto, NodeProto, helper

from edge.inference.graph import Graph, Part, integer, integers
from edge.inference.scans import products, scan

LONG = 32  # samples under one average: below, cuDNN's own pooling is as fast
MANY, PARTS = 1024, 4  # products in a sum, and how many parts it is taken in
AXES_ARE_INPUTS = 18  # opset since which ReduceMean takes its axes so


def lighten(model: ModelProto) -> None:
    """Rewrite a network with known sizes but for its batch, in place."""
    graph = Graph(model)
    nodes: list[NodeProto] = []
    done: set[str] = set()  # tensors that are made already, by what took another node's place
    for node in graph.raw.node:
        if done.issuperset(node.output):
            continue
        placed = _lighter(graph, node) or [node]
        done.update(name for one in placed for name in one.output)
        nodes.extend(placed)
    graph.keep(nodes)


def _lighter(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """What takes a node's place; [] where it stays."""
    rewrite = REWRITES.get(node.op_type)
    return rewrite(graph, node) if rewrite is not None else []


def _concat(graph: Graph, node: NodeProto) -> list[NodeProto]:
    found = scan(graph, node)
    return products(graph, node, found) if found else _update(graph, node)


def _split(graph: Graph, node: NodeProto) -> list[NodeProto]:
    parts = graph.constant(node.input[1]) if len(node.input) > 1 else None
    if parts is not None and len(set(parts.tolist())) > 1:
        return list(_slices(graph, node, parts.tolist()))
    return _squared(graph, node)


def _squared(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """Parts that are multiplied with themselves, each: the whole is, once, and then split."""
    outputs: list[str] = []
    for name in node.output:
        first, *more = graph.readers[name] or [node]
        if first.op_type != "Mul" or len(more) != 1 or graph.reads(name) != 2:
            return []
        if list(first.input) != [name, name]:
            return []
        outputs.append(first.output[0])
    whole = f"{outputs[0]}_whole"
    split = NodeProto()
    split.CopyFrom(node)
    split.input[0] = whole
    del split.output[:]
    split.output.extend(outputs)
    return [helper.make_node("Mul", [node.input[0]] * 2, [whole]), split]


def _max_pool(_: Graph, node: NodeProto) -> list[NodeProto]:
    """Of one sample each: it changes nothing."""
    sizes = integers(node, "kernel_shape") + integers(node, "strides")
    is_one = set(sizes) == {1} and not any(integers(node, "pads")) and len(node.output) == 1
    return [helper.make_node("Identity", node.input, node.output)] if is_one else []


def _reduce_max(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """Along the last of three axes, which stays: a pool of pools, each as short as it can be."""
    axes = graph.constant(node.input[1]) if len(node.input) > 1 else None
    along = axes.tolist() if axes is not None else integers(node, "axes")
    sizes, pooled = graph.sizes(node.input[0]), f"{node.output[0]}_pooled"
    if along not in ([2], [-1]) or len(sizes) != 3 or integer(node, "keepdims", 1) != 1:
        return []
    length = sizes[2] or 1
    first = max(size for size in range(1, math.isqrt(length) + 1) if length % size == 0)
    if first == 1:
        return []
    pools = (first, node.input[0], pooled), (length // first, pooled, node.output[0])
    return [
        helper.make_node("MaxPool", [given], [output], kernel_shape=[size], strides=[size])
        for size, given, output in pools
    ]


def _update(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """A round of a prefix scan: one end of a tensor as it was, joined to the rest plus something.

    That is the tensor plus something that is filled up with zeros: two kernels fewer.
    """
    axis = integer(node, "axis", 0)
    for kept, changed in permutations(node.input, 2):
        end, total = graph.part(kept, axis), graph.maker(changed, "Add")
        if len(node.input) != 2 or end is None or total is None:
            continue
        for rest, more in permutations(total.input):
            other = graph.part(rest, axis)
            if other is None or graph.sizes(more) != graph.sizes(rest):
                continue
            first, second = (end, other) if kept == node.input[0] else (other, end)
            if _are_all(first, second, graph.sizes(end.whole)[axis]):
                before, after = (first.stop, 0) if first is end else (0, end.stop - end.start)
                return _filled_up(graph, node, end.whole, more, (before, after))
    return []


def _are_all(first: Part, second: Part, length: int | None) -> bool:
    """Both together are one tensor, each element once."""
    spans = (first.start, first.stop, second.stop)
    return first.whole == second.whole and spans == (0, second.start, length)


def _filled_up(
    graph: Graph, node: NodeProto, whole: str, more: str, zeros: tuple[int, int]
) -> list[NodeProto]:
    pads = np.zeros((2, len(graph.sizes(whole))), np.int64)
    pads[:, integer(node, "axis", 0)] = zeros
    padded = f"{node.output[0]}_padded"
    given = [more, graph.add(f"{node.output[0]}_pads", pads.reshape(-1))]
    return [
        helper.make_node("Pad", given, [padded]),
        helper.make_node("Add", [whole, padded], list(node.output)),
    ]


def _slices(graph: Graph, node: NodeProto, parts: list[int]) -> Iterator[NodeProto]:
    axis, start = integer(node, "axis", 0), 0
    for output, size in zip(node.output, parts, strict=True):
        ends = [
            graph.add(f"{output}_{what}", np.array([value], np.int64))
            for what, value in (("start", start), ("end", start + size), ("axis", axis))
        ]
        yield helper.make_node("Slice", [node.input[0], *ends], [output])
        start += size


def _average_pool(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """Over one axis, in long stretches that touch and fill it."""
    kernel, strides = integers(node, "kernel_shape"), integers(node, "strides")
    shape, output = graph.sizes(node.input[0]), node.output[0]
    if graph.opset < AXES_ARE_INPUTS or len(kernel) != 1 or kernel != strides or len(shape) != 3:
        return []
    stretches, rest = divmod(shape[2] or 0, kernel[0])
    if kernel[0] < LONG or any(integers(node, "pads")) or None in shape[1:] or rest:
        return []
    rows = graph.add(f"{output}_rows", np.array([0, 0, stretches, kernel[0]], np.int64))  # 0: as is
    last = graph.add(f"{output}_last", np.array([3], np.int64))
    apart = f"{output}_stretches"
    return [
        helper.make_node("Reshape", [node.input[0], rows], [apart]),
        helper.make_node("ReduceMean", [apart, last], [output], keepdims=0),
    ]


def _conv(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """Sums of so many products are summed in parts by as many kernels at once, then together."""
    weights = graph.constant(node.input[1])
    is_plain = len(node.input) == 2 and integer(node, "group", 1) == 1
    if weights is None or not is_plain or graph.reads(node.input[1]) != 1:
        return []
    rows, channels, *kernel = weights.shape
    if channels * math.prod(kernel) < MANY or channels % PARTS:
        return []
    apart = weights.reshape(rows, PARTS, channels // PARTS, *kernel)
    kernels = np.ascontiguousarray(np.moveaxis(apart, 1, 0)).reshape(-1, *apart.shape[2:])
    output = node.output[0]
    parts = [f"{output}_part_{number}" for number in range(PARTS)]
    summed, split = NodeProto(), graph.add(f"{output}_parts", np.full(PARTS, rows, np.int64))
    summed.CopyFrom(node)
    graph.add(node.input[1], kernels)  # as it was called: who knows it as a layer's still does
    summed.output[0] = f"{output}_in_parts"
    kept = [one for one in node.attribute if one.name != "group"]
    del summed.attribute[:]
    summed.attribute.extend([*kept, helper.make_attribute("group", PARTS)])
    return [
        summed,
        helper.make_node("Split", [summed.output[0], split], parts, axis=1),
        helper.make_node("Sum", parts, [output]),
    ]


def _product(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """Weights (row, channel) times (batch, channel, step): a convolution of size 1."""
    weights = graph.constant(node.input[0])
    if weights is None or weights.ndim != 2 or len(graph.sizes(node.input[1])) != 3:
        return []
    given = [node.input[1], graph.add(f"{node.output[0]}_kernel", weights[:, :, None])]
    return [helper.make_node("Conv", given, node.output, kernel_shape=[1])]


REWRITES = {
    "AveragePool": _average_pool,
    "Concat": _concat,
    "Conv": _conv,
    "MatMul": _product,
    "MaxPool": _max_pool,
    "ReduceMax": _reduce_max,
    "Split": _split,
}
