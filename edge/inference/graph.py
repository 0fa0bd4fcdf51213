"""What has to be known of a network to rewrite it: sizes, constants, and who makes which tensor."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, numpy_helper

Sizes = list[int | None]  # of a tensor; None is a size that is free


@dataclass(frozen=True, slots=True)
class Part:
    """What a Slice along one axis takes of a tensor: from `start` to before `stop`."""

    whole: str
    start: int
    stop: int


class Graph:
    """Of one model, as it was; what is added to it goes into the model with `keep`."""

    def __init__(self, model: ModelProto) -> None:
        self.raw = model.graph
        self.opset = max(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
        self.made = {name: node for node in self.raw.node for name in node.output}
        self.readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.raw.node:
            for name in node.input:
                self.readers[name].append(node)
        self._outputs = {one.name for one in self.raw.output}
        self._constants = {one.name: one for one in self.raw.initializer}
        found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        self._sizes: dict[str, Sizes] = {
            one.name: [
                size.dim_value if size.HasField("dim_value") else None
                for size in one.type.tensor_type.shape.dim
            ]
            for one in (*found.input, *found.value_info, *found.output)
        }

    def maker(self, name: str, kind: str) -> NodeProto | None:
        """The node that makes a tensor, where it is of that kind."""
        node = self.made.get(name)
        return node if node is not None and node.op_type == kind else None

    def reads(self, name: str) -> int:
        """How often a tensor is read; being an output of the network is once."""
        return len(self.readers[name]) + (name in self._outputs)

    def sizes(self, name: str) -> Sizes:
        """[] where they are not known, and of a constant."""
        return self._sizes.get(name, [])

    def constant(self, name: str) -> NDArray[np.generic] | None:
        """None where it is none."""
        if name not in self._constants:
            return None
        found: NDArray[np.generic] = numpy_helper.to_array(self._constants[name])
        return found

    def add(self, name: str, value: NDArray[np.generic]) -> str:
        """A constant; its name."""
        self._constants[name] = numpy_helper.from_array(value, name)
        return name

    def keep(self, nodes: list[NodeProto]) -> None:
        """Make these the model's, without those whose outputs nobody reads, and what they read."""
        wanted = set(self._outputs)
        kept: list[NodeProto] = []
        for node in reversed(nodes):
            if not wanted.isdisjoint(node.output):
                wanted.update(node.input)
                kept.append(node)
        constants = [one for name, one in self._constants.items() if name in wanted]
        del self.raw.node[:], self.raw.initializer[:], self.raw.value_info[:]
        self.raw.node.extend(kept[::-1])
        self.raw.initializer.extend(constants)

    def part(self, name: str, axis: int) -> Part | None:
        """None where it is no Slice of this one axis, or of a tensor of unknown length."""
        node = self.maker(name, "Slice")
        if node is None or len(node.input) < 4:
            return None
        sizes = self.sizes(node.input[0])
        limits = [
            one.tolist() for name in node.input[1:] if (one := self.constant(name)) is not None
        ]
        if len(limits) != len(node.input) - 1 or not sizes or (length := sizes[axis]) is None:
            return None
        start, stop, along, *step = limits
        if len(along) != 1 or (along[0] - axis) % len(sizes) or step not in ([], [[1]]):
            return None
        return Part(node.input[0], *slice(start[0], stop[0]).indices(length)[:2])


def integer(node: NodeProto, name: str, default: int) -> int:
    """An attribute."""
    return next((int(one.i) for one in node.attribute if one.name == name), default)


def integers(node: NodeProto, name: str) -> list[int]:
    """An attribute; [] where it is not given."""
    return next((list(one.ints) for one in node.attribute if one.name == name), [])
