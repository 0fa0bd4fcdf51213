"""All outputs of a network as one tensor: OpenVINO's binding takes 6 to 10 us to hand over each."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from edge.errors import BundleError
from edge.inference.runner import Outputs

Place = tuple[int, tuple[int, ...]]  # the first of its values, its shape


class Answers:
    """Which values of a window's row are which output. Shapes are without the batch axis."""

    def __init__(self, places: dict[str, Place], element: type[np.generic] = np.float32) -> None:
        width = np.dtype(element).itemsize
        self._element: Any = element
        self._places = [(name, shape, width * at) for name, (at, shape) in places.items()]

    def of(self, row: memoryview) -> Outputs:
        """`row` is of bytes, and copied: the next run writes into the same memory."""
        kept = bytearray(row)
        return {
            name: np.ndarray(shape, self._element, kept, offset)
            for name, shape, offset in self._places
        }


def join(file: Path, model: ov.Model, part: str) -> tuple[ov.Model, Answers]:
    """The network with one output (window, value). `model` is used up; its shapes are fixed.

    Of float32, but what is all int8 stays so.

    Raises:
        BundleError: the outputs are not of the same number of windows.
    """
    op: Any = ov.opset13
    places: dict[str, Place] = {}
    flat, end, sizes = [], 0, set[int]()
    for result in model.get_results():
        given = result.input_value(0)
        size, *shape = (int(one) for one in given.get_shape())
        start, end = end, end + math.prod(shape)
        places |= {name: (start, tuple(shape)) for name in given.get_names()}
        sizes.add(size)
        row = op.reshape(given, op.constant([size, end - start], ov.Type.i64), special_zero=False)
        flat.append(row)
    if len(sizes) != 1:
        raise BundleError(f"{file}: its outputs are of {sorted(sizes)} windows, not of one number")
    is_int8 = all(one.get_element_type() == ov.Type.i8 for one in flat)
    if not is_int8:
        flat = [op.convert(one, "f32") for one in flat]
    whole = op.concat(flat, 1) if len(flat) > 1 else flat[0]
    return ov.Model([op.result(whole)], model.get_parameters(), part), Answers(
        places, np.int8 if is_int8 else np.float32
    )
