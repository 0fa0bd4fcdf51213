"""A network over clips in two halves: one picture -> what is seen, that of all -> the outputs.

Where what is seen is rounded to eight bits before anything else is made of it, it is rounded in the
first half: a quarter of the bytes goes from half to half, and the second begins with integers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from edge.errors import BundleError

MOVING = {"Reshape", "Transpose", "Squeeze", "Unsqueeze"}  # change no value
LEAST, MOST = -128.0, 127.0  # of eight bits
op: Any = ov.opset13


@dataclass(frozen=True, slots=True)
class Rounding:
    """To int8 and back, symmetric, of a whole tensor."""

    moved: ov.Output  # what is rounded: `seen`, moved about
    low: float
    high: float  # range that is rounded to LEAST ... MOST
    step: float
    behind: ov.Output  # floats again


def halves(
    file: Path, model: ov.Model, pictures: str, seen: str, *, is_int8: bool
) -> tuple[ov.Model, ov.Model]:
    """Cut a network at two of its tensors. `model` is used up. With `is_int8` in integers, if seen
    is rounded: what the halves answer is the same.

    Raises:
        BundleError: it has no tensors of these names, or they are not the ends of such a half.
    """
    tensors = {
        name: port
        for operation in model.get_ordered_ops()
        for port in operation.outputs()
        for name in port.get_names()
    }
    if missing := [name for name in (pictures, seen) if name not in tensors]:
        raise BundleError(f"{file}: has no tensor {missing[0]!r}, which its passport names")
    try:
        return _cut(model, tensors[pictures], tensors[seen], is_int8=is_int8)
    except RuntimeError as error:
        raise BundleError(
            f"{file}: cannot be run picture by picture between {pictures} and {seen}: {error}; "
            "leave them out of the passport to run it whole"
        ) from error


def sizes(shape: ov.PartialShape) -> list[int | str]:
    """Of every axis; "?" where it is free."""
    return [size.get_length() if size.is_static else "?" for size in shape]


def _cut(
    model: ov.Model, pictures: ov.Output, seen: ov.Output, *, is_int8: bool
) -> tuple[ov.Model, ov.Model]:
    one, every = [1, *sizes(pictures.partial_shape)[1:]], sizes(seen.partial_shape)
    rounding = _rounding(seen) if is_int8 else None
    picture = op.parameter(one, ov.Type.u8)  # as a camera gives it
    _replace(pictures, op.convert(picture, pictures.element_type.get_type_name()))
    found = seen
    if rounding is None:
        all_seen = op.parameter(every, seen.element_type)
        _replace(seen, all_seen)
    else:
        all_seen = op.parameter(every, ov.Type.i8)
        _replace(seen, all_seen)
        ends = (LEAST, MOST, LEAST * rounding.step, MOST * rounding.step)
        _replace(rounding.behind, _fake_quantise(op.convert(rounding.moved, "f32"), *ends))
        rounded = _fake_quantise(seen, rounding.low, rounding.high, LEAST, MOST)
        found = op.convert(rounded, "i8").output(0)
        found.set_names(seen.get_names())
    looking = ov.Model([op.result(found)], [picture], "looking")
    judging = ov.Model(model.get_results(), [all_seen], "judging")
    looking.validate_nodes_and_infer_types()
    judging.validate_nodes_and_infer_types()
    return looking, judging


def _fake_quantise(given: Any, low: float, high: float, least: float, most: float) -> ov.Node:
    """OpenVINO knows by such a node that integers begin; to whole numbers it changes nothing."""
    ends = (op.constant(np.float32(one)) for one in (low, high, least, most))
    return op.fake_quantize(given, *ends, 256)


def _replace(port: ov.Output, made: ov.Node) -> None:
    """Everything behind `port` is calculated from `made` from now on."""
    for reader in list(port.get_target_inputs()):
        if reader.get_node() is not made:
            reader.replace_source_output(made.output(0))


def _rounding(seen: ov.Output) -> Rounding | None:
    """What becomes of it next, and of nothing else; None: something else does."""
    port, nodes = seen, list(_line(seen))
    while nodes and nodes[0].get_type_name() in MOVING:
        port = nodes.pop(0).output(0)
    kinds = [node.get_type_name() for node in nodes[:5]]
    if kinds != ["FakeQuantize", "Convert", "Convert", "Subtract", "Multiply"]:
        return None
    quantised, whole, _, zeroed, scaled = nodes[:5]
    ends = [_number(quantised.input_value(i)) for i in range(1, 5)]
    zero, step = _number(zeroed.input_value(1)), _number(scaled.input_value(1))
    low, high = ends[:2]
    if ends[2:] != [LEAST, MOST] or zero != 0.0 or whole.get_element_type() != ov.Type.i8:
        return None
    if low is None or high is None or step is None:
        return None
    return Rounding(port, low, high, step, scaled.output(0))


def _line(port: ov.Output) -> Iterator[ov.Node]:
    """The nodes behind a tensor, as long as one alone reads each."""
    while len(readers := list(port.get_target_inputs())) == 1:
        node = readers[0].get_node()
        yield node
        if node.get_output_size() != 1:
            return
        port = node.output(0)


def _number(port: ov.Output) -> float | None:
    """A constant of one value, converted at most; else None."""
    node = port.get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant" or (data := node.get_data()).size != 1:
        return None
    return float(data.ravel()[0])
