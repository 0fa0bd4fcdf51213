"""A whole prefix scan as two products, where every operator costs the same however small it is.

h_t = keep_t h_(t-1) + write_t in rounds of 2^k steps (Hillis & Steele 1986) is seven operators a
round. Written out, h is the product of a triangle with `write`: what step s wrote counts in step t
times the product of all keeps between them. The logarithms of these products are sums, all of them
one product of log keep with ones and zeros. Each sum has terms of one sign, so that nothing
cancels: a share of h is off by the rounding of its exponent, which is small where the share is not.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from onnx import NodeProto, helper

from edge.inference.graph import Graph, Part, integer

LONGEST = 64  # steps: the ones and zeros are their third power, 1 MB
LOWEST = -80.0  # what a sigmoid may be given: at -104 it is 0 in float32, which has no logarithm
NEVER = -1e4  # the logarithm of 0, for exp in float32


@dataclass(frozen=True, slots=True)
class Round:
    """state_t + factor_t state_(t - reach) for every step that has one so far behind it."""

    state: str
    factor: str
    reach: int
    is_backward: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """All rounds: of tensors (batch, channel, step)."""

    keep: str
    write: str
    steps: int
    is_backward: bool


def scan(graph: Graph, node: NodeProto) -> Scan | None:
    """The scan that this node, a Concat, is the last round of; None where it is of none.

    `keep` is above zero, provably, and there are not too many steps.
    """
    rounds: list[Round] = []
    last: NodeProto | None = node
    while last is not None and (one := _round(graph, last)) is not None:
        rounds.append(one)
        last = graph.maker(one.state, "Concat")
    if not rounds:
        return None
    rounds.reverse()
    first, steps = rounds[0], graph.sizes(node.output[0])[-1] or 0
    goes_on = [one.reach for one in rounds] == [2**power for power in range(len(rounds))]
    is_one_way = len({one.is_backward for one in rounds}) == 1
    if not (goes_on and is_one_way and steps <= 2 ** len(rounds) and steps <= LONGEST):
        return None
    gate = graph.part(first.factor, -1)
    span = (0, steps - 1) if first.is_backward else (1, steps)
    if gate is None or gate != Part(gate.whole, *span) or not _is_positive(graph, gate.whole):
        return None
    if graph.sizes(gate.whole) != graph.sizes(first.state):
        return None
    for before, after in pairwise(rounds):
        if not _is_squared(graph, before, after, steps):
            return None
    return Scan(gate.whole, first.state, steps, first.is_backward)


def products(graph: Graph, node: NodeProto, found: Scan) -> list[NodeProto]:
    """The nodes in place of `node`."""
    steps, name = found.steps, node.output[0]
    at = np.arange(steps)
    to, source, between = at[:, None, None], at[:, None], at  # each an axis of (t, s, r)
    if found.is_backward:
        within, is_later = (to <= between) & (between < source), at[:, None] > at
    else:
        within, is_later = (source < between) & (between <= to), at[:, None] < at
    sums = within.reshape(-1, steps).T.astype(np.float32)
    never = np.where(is_later, np.float32(NEVER), np.float32(0)).reshape(-1)

    def shape(what: str, *sizes: int) -> str:
        return graph.add(f"{name}_{what}", np.array([0, 0, *sizes], np.int64))  # 0: as it is

    tensors = {what: f"{name}_{what}" for what in ("log", "summed", "masked", "share", "all")}
    square, column, row = (
        shape("square", steps, steps),
        shape("column", steps, 1),
        shape("row", steps),
    )
    rows = [
        ("Log", [found.keep], tensors["log"]),
        ("MatMul", [tensors["log"], graph.add(f"{name}_sums", sums)], tensors["summed"]),
        ("Add", [tensors["summed"], graph.add(f"{name}_never", never)], tensors["masked"]),
        ("Exp", [tensors["masked"]], tensors["share"]),
        ("Reshape", [tensors["share"], square], f"{name}_triangle"),
        ("Reshape", [found.write, column], f"{name}_written"),
        ("MatMul", [f"{name}_triangle", f"{name}_written"], tensors["all"]),
        ("Reshape", [tensors["all"], row], name),
    ]
    return [helper.make_node(kind, given, [output]) for kind, given, output in rows]


def _round(graph: Graph, node: NodeProto) -> Round | None:
    sizes = graph.sizes(node.output[0])
    if len(node.input) != 2 or len(sizes) != 3 or integer(node, "axis", 0) not in (2, -1):
        return None
    steps = sizes[-1] or 0
    for is_backward in (False, True):
        kept, changed = reversed(node.input) if is_backward else node.input
        end, total = graph.part(kept, -1), graph.maker(changed, "Add")
        if end is None or total is None:
            continue
        reach = end.stop - end.start
        behind, ahead = Part(end.whole, 0, steps - reach), Part(end.whole, reach, steps)
        expected = (
            Part(end.whole, steps - reach, steps) if is_backward else Part(end.whole, 0, reach)
        )
        rest, moved = (behind, ahead) if is_backward else (ahead, behind)
        if end != expected or graph.sizes(end.whole) != sizes:
            continue
        for one, other in (total.input, reversed(total.input)):
            product = graph.maker(other, "Mul")
            if graph.part(one, -1) != rest or product is None:
                continue
            for factor, state in (product.input, reversed(product.input)):
                if graph.part(state, -1) == moved and graph.sizes(factor)[-1:] == [steps - reach]:
                    return Round(end.whole, factor, reach, is_backward)
    return None


def _is_squared(graph: Graph, before: Round, after: Round, steps: int) -> bool:
    """A step's factor in a round is that of the round before times that of the step it reached."""
    product, length = graph.maker(after.factor, "Mul"), steps - before.reach
    if product is None:
        return False
    far, near = (
        Part(before.factor, before.reach, length),
        Part(before.factor, 0, length - before.reach),
    )
    parts = [graph.part(one, -1) for one in product.input]
    return parts in ([far, near], [near, far])


def _is_positive(graph: Graph, name: str) -> bool:
    """Sigmoids of what is clipped, parts of them, their sums and shares."""
    node = graph.made.get(name)
    if node is None:
        return False
    if node.op_type == "Sigmoid":
        clip = graph.maker(node.input[0], "Clip")
        low = graph.constant(clip.input[1]) if clip is not None and len(clip.input) > 1 else None
        return low is not None and float(low) >= LOWEST
    if node.op_type in ("Split", "Slice"):
        return _is_positive(graph, node.input[0])
    return node.op_type in ("Add", "Div") and all(_is_positive(graph, one) for one in node.input)
