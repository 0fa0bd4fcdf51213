"""The same network in a smaller file: what follows from few numbers is made when it is loaded.

Weights in eight bits leave a file that its float constants fill: the kernels of a spectrogram alone
take more than all weights of the network behind them. Engines calculate what depends on constants
alone once, when they load or build a file, so that a run costs what it did. Standard operators of
opset 13 make every constant here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from models.frontend import power_kernels
from models.integers.form import LAYERS

SMALLEST = 4096  # bytes of a constant that is worth the nodes that make it
ROUNDING = 2.0**-22  # by which a kernel may differ: twice the last digit of a number below 1
ENDINGS = {  # of names that ONNX Runtime's quantiser gives
    "_DequantizeLinear_Output": ".float",
    "_QuantizeLinear_Output": ".int8",
    "_quantized": ".int8",
    "_zero_point": ".zero",
    "_scale": ".scale",
}
Values = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What makes a constant: smaller constants, and nodes of which the last one gives it."""

    constants: tuple[TensorProto, ...]
    nodes: tuple[NodeProto, ...]


def compact(model: ModelProto, halved: Collection[str] = ()) -> ModelProto:
    """A copy with the same tensors, nodes and answers.

    Fourier kernels and matrices of overlapping triangles become recipes; sizes that any library
    infers are left out. Zero points that are equal are not made one: OpenVINO (2026.4.1) then
    calculates another last digit. Filters whose names begin with one of `halved` are kept in half
    precision (IEEE 754 binary16: 2^-11 of each coefficient at most).
    """
    found = ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    del graph.value_info[:]
    _shorten(graph)
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    for one in graph.initializer:
        recipe = _recipe(one, halved)
        constants.extend(recipe.constants if recipe else (one,))
        nodes.extend(recipe.nodes if recipe else ())
    nodes.extend(graph.node)
    _fill(graph, nodes, constants)
    return found


def _recipe(constant: TensorProto, halved: Collection[str]) -> _Recipe | None:
    """None where the constant is best kept as it is."""
    if constant.data_type != TensorProto.FLOAT:
        return None
    values = numpy_helper.to_array(constant)
    if values.nbytes < SMALLEST:
        return None
    return (
        _fourier(constant.name, values)
        or _triangles(constant.name, values)
        or (_half(constant.name, values) if constant.name.startswith(tuple(halved)) else None)
    )


def _fourier(name: str, values: Values) -> _Recipe | None:
    """Kernels of `frontend.PowerSpectrogram`: each is a walk round one turn of a cosine, in steps
    of its frequency, under the Hann window, which is that cosine too."""
    rows, *_, size = values.shape
    expected = power_kernels(size)
    if values.shape != expected.shape:
        return None
    if not np.allclose(values.astype(np.float64), expected, rtol=0.0, atol=ROUNDING):
        return None
    make = _Maker(name)
    turn = np.cos(2.0 * np.pi * np.arange(size) / size).astype(np.float32)
    make.constant("turn", turn)
    make.constant("zero", np.int32(0))
    make.constant("one", np.int32(1))
    make.constant("size", np.int32(size))
    make.constant("frequencies", np.int32(rows // 2))
    make.constant("across", np.array([1], np.int64))
    make.constant("quarter", np.int32(size - size // 4))  # a sine is a cosine so much later
    make.constant("shape", np.array(values.shape, np.int64))
    make.constant("half", np.float32(0.5))
    make.node("Range", ["zero", "size", "one"], "sample")
    make.node("Range", ["zero", "frequencies", "one"], "frequency")
    make.node("Unsqueeze", ["frequency", "across"], "column")
    make.node("Mul", ["column", "sample"], "cosine")
    make.node("Add", ["cosine", "quarter"], "sine")
    make.node("Concat", ["cosine", "sine"], "both", axis=0)
    make.node("Mod", ["both", "size"], "place")
    make.node("Gather", ["turn", "place"], "waves")
    make.node("Mul", ["turn", "half"], "lowered")
    make.node("Sub", ["half", "lowered"], "window")
    make.node("Mul", ["waves", "window"], "kernels")
    make.node("Reshape", ["kernels", "shape"], "")
    return make.recipe


def _triangles(name: str, values: Values) -> _Recipe | None:
    """A matrix in whose columns at most two neighbours are not zero, as triangles that overlap
    leave: the upper of the two, its row, and the lower."""
    if values.ndim != 2:
        return None
    rows, columns = values.shape
    first = np.array([(np.flatnonzero(one)[:1].tolist() or [0])[0] for one in values.T])
    every = np.arange(columns)
    second = np.minimum(first + 1, rows - 1)
    upper, lower = values[first, every], np.where(second > first, values[second, every], 0.0)
    if np.count_nonzero(values) > np.count_nonzero(upper) + np.count_nonzero(lower):
        return None
    make = _Maker(name)
    make.constant("zero", np.int32(0))
    make.constant("one", np.int32(1))
    make.constant("rows", np.int32(rows))
    make.constant("across", np.array([1], np.int64))
    make.constant("first", first.astype(np.int32))
    make.constant("upper", upper)
    make.constant("lower", lower.astype(np.float32))
    make.constant("none", np.float32(0.0))
    make.node("Range", ["zero", "rows", "one"], "row")
    make.node("Unsqueeze", ["row", "across"], "column")
    make.node("Sub", ["column", "first"], "place")
    make.node("Equal", ["place", "zero"], "is_upper")
    make.node("Equal", ["place", "one"], "is_lower")
    make.node("Where", ["is_lower", "lower", "none"], "below")
    make.node("Where", ["is_upper", "upper", "below"], "")
    return make.recipe


def _half(name: str, values: Values) -> _Recipe:
    make = _Maker(name)
    make.constant("half", values.astype(np.float16))
    make.node("Cast", ["half"], "", to=TensorProto.FLOAT)
    return make.recipe


class _Maker:
    """Collects a recipe whose tensors are named after the constant that it makes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._constants: list[TensorProto] = []
        self._nodes: list[NodeProto] = []

    def constant(self, name: str, value: Values | np.generic) -> None:
        self._constants.append(numpy_helper.from_array(np.asarray(value), self._full(name)))

    def node(self, kind: str, inputs: Iterable[str], output: str, **attributes: int) -> None:
        """An empty `output` is the constant itself."""
        given = [self._full(one) for one in inputs]
        made = self._full(output)
        self._nodes.append(helper.make_node(kind, given, [made], **attributes))

    @property
    def recipe(self) -> _Recipe:
        return _Recipe(tuple(self._constants), tuple(self._nodes))

    def _full(self, name: str) -> str:
        return f"{self._name}.{name}" if name else self._name


def _shorten(graph: GraphProto) -> None:
    """Names that the quantiser gave, as short as they are clear. Of nodes, only those that hold
    weights keep one, by which both forms of a network are compared; others have their output's."""
    for node in graph.node:
        if node.op_type not in LAYERS:
            node.ClearField("name")
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                names[at] = _short(name)
    for one in graph.initializer:
        one.name = _short(one.name)


def _short(name: str) -> str:
    return next(
        (name.removesuffix(long) + short for long, short in ENDINGS.items() if name.endswith(long)),
        name,
    )


def _fill(graph: GraphProto, nodes: list[NodeProto], constants: list[TensorProto]) -> None:
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
