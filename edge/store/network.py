"""What an ONNX file asks for, read from its bytes alone: no engine has seen it yet.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Fields that stand twice are
taken twice where readers merge them, and are refused where readers take the last.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edge.store.operators import ALLOWED, OPSETS, STANDARD
from edge.store.wire import Message

MAX_ELEMENTS = 2**27  # of one tensor, 512 MiB as float32
MAX_DIMS = 16
EXTERNAL = 1  # TensorProto.DataLocation
SIZES = {  # TensorProto.DataType: bytes of an element (no strings, no complex numbers)
    1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2,
}  # fmt: skip
FLOATS, INTS, LONGS, DOUBLES, UNSIGNED = 4, 5, 7, 10, 11  # fields of typed data
FIELDS = {1: FLOATS, 7: LONGS, 11: DOUBLES, 12: UNSIGNED, 13: UNSIGNED}  # all others: INTS
WIDTHS = {FLOATS: 4, DOUBLES: 8}  # the others are varints


class Refused(ValueError):  # noqa: N818 - named by what happened
    """The file asks for what a bundle may not have; names it and the cure."""


@dataclass(frozen=True, slots=True)
class Network:
    """What was found in a file that may be opened."""

    opset: int
    operators: dict[str, int]  # how often each
    parameters: int  # elements of all stored tensors
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def look(data: memoryview) -> Network:
    """
    Raises:
        Refused: external data, unknown operators, functions, oversize tensors and the like.
        Malformed: it is no ONNX file.
    """
    model = Message(data)
    opset = _opset(model)
    for number, what in {20: "training information", 25: "functions of its own"}.items():
        if number in model:
            raise Refused(f"has {what}; export it again without")
    graph_bytes = model.blob(7)
    if graph_bytes is None:
        raise Refused("holds no graph; is it an ONNX file?")
    graph = Message(graph_bytes)
    if 15 in graph:
        raise Refused("has sparse tensors; store them dense")
    operators: Counter[str] = Counter()
    parameters = sum(_elements(tensor) for tensor in graph.messages(5))
    for node in graph.messages(1):
        operators[_operator(node)] += 1
        parameters += sum(_elements(tensor) for tensor in _tensors(node))
    for number in (11, 12, 13):  # inputs, outputs, what is between
        for declared in graph.messages(number):
            _check_declared(declared)
    return Network(
        opset,
        dict(sorted(operators.items())),
        parameters,
        tuple(one.text(1) for one in graph.messages(11)),
        tuple(one.text(1) for one in graph.messages(12)),
    )


def _opset(model: Message) -> int:
    versions = [one.number(2) for one in model.messages(8) if one.text(1) in STANDARD]
    if len(versions) != 1 or versions[0] not in OPSETS:
        said = ", ".join(map(str, versions)) or "none"
        raise Refused(
            f"is of opset {said}; export it with one from {OPSETS.start} to {OPSETS.stop - 1}"
        )
    return versions[0]


def _operator(node: Message) -> str:
    name, domain = node.text(4), node.text(7)
    if domain not in STANDARD:
        raise Refused(f"node {node.text(3)!r}: operator {domain}.{name} is of a custom domain")
    if name not in ALLOWED:
        raise Refused(
            f"node {node.text(3)!r}: operator {name!r} is not among the {len(ALLOWED)} that a "
            "bundle may use; express it by others"
        )
    return name


def _tensors(node: Message) -> Iterator[Message]:
    """Those that an operator carries in its attributes."""
    for attribute in node.messages(5):
        for number, what in {6: "a graph", 11: "graphs", 22: "a sparse tensor"}.items():
            if number in attribute:
                raise Refused(f"node {node.text(3)!r}: carries {what} in its attributes")
        if 21 in attribute or 23 in attribute:
            raise Refused(f"node {node.text(3)!r}: has an attribute of a kind never used here")
        yield from attribute.messages(5)
        yield from attribute.messages(10)


def _elements(tensor: Message) -> int:
    """How many, once it is sure that as many lie in the file."""
    name = tensor.text(8)
    if 13 in tensor or EXTERNAL in tensor.numbers(14):
        raise Refused(f"tensor {name!r}: its data lie outside the file; export it in one piece")
    kind = tensor.number(2)
    if kind not in SIZES or 3 in tensor:
        raise Refused(f"tensor {name!r}: of element type {kind}, or in segments")
    count = _count(tensor.numbers(1), f"tensor {name!r}")
    raw = tensor.blob(9)
    field = FIELDS.get(kind, INTS)
    held = tensor.count(field, WIDTHS.get(field)) if raw is None else len(raw) / SIZES[kind]
    if held != count:
        raise Refused(f"tensor {name!r}: says {count} elements and holds {held:g}")
    return count


def _count(dims: list[int], where: str) -> int:
    if any(dim >= 2**63 for dim in dims):
        raise Refused(f"{where}: has a negative length")
    if len(dims) > MAX_DIMS:
        raise Refused(f"{where}: of {len(dims)} dimensions")
    count = math.prod(dims)
    if count > MAX_ELEMENTS or any(dim > MAX_ELEMENTS for dim in dims):
        raise Refused(f"{where}: of {count} elements, at most {MAX_ELEMENTS} are allowed")
    return count


def _check_declared(declared: Message) -> None:
    """A tensor that the graph makes while it runs: type (2), tensor (1), shape (2), dim (1)."""
    where = f"tensor {declared.text(1)!r}"
    for kind in declared.messages(2):
        for tensor in kind.messages(1):
            dims = [
                dim.number(1)
                for shape in tensor.messages(2)
                for dim in shape.messages(1)
                if 1 in dim
            ]
            _count(dims, where)
