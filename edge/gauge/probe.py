"""Networks that do nothing but what a processor is best at, written here as ONNX files.

Chains of large convolutions say how many operations a second an engine gets out of this processor
at best; a small one how long a call takes in which there is nothing to calculate.
"""

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.manifest import SeriesInput

FLOAT, INT8 = 1, 3  # TensorProto.DataType
OPSET, IR_VERSION = 17, 8
KERNEL = 3
NAME = "x"
Integers = Literal["none", "weights", "all"]  # what is rounded to eight bits


def passport(channels: int, length: int) -> SeriesInput:
    return SeriesInput(
        kind="series", name=NAME, unit="1", channels=channels, rate_hz=1.0, length=length
    )


def operations(channels: Sequence[int], length: int) -> int:
    """Multiplications and additions of `write`'s convolutions."""
    return sum(2 * given * made * KERNEL * length for given, made in pairwise(channels))


def write(file: Path, channels: Sequence[int], length: int, integers: Integers = "none") -> Path:
    """Convolutions of width 3 over `length` samples, one behind the other.

    Each is from all channels to all; `channels` is how many there are before the first and behind
    each. Those of one size share their weights, and so are left alone by `edge.inference.lighter`,
    which would take a long sum in parts. Weights in eight bits alone are what half precision is
    made of.
    """
    nodes, tensors, last = list[bytes](), list[bytes](), NAME
    if integers == "all":
        tensors += [
            _tensor("step", np.array(0.02, np.float32)),
            _tensor("zero", np.array(0, np.int8)),
        ]
    for given, made in dict.fromkeys(pairwise(channels)):
        more_tensors, more_nodes = _weights(given, made, is_rounded=integers != "none")
        tensors += more_tensors
        nodes += more_nodes
    for number, (given, made) in enumerate(pairwise(channels)):
        data, found = last, f"y{number}"
        if integers == "all":
            data = f"{found}_given"
            nodes.append(_node("QuantizeLinear", [last, "step", "zero"], f"{found}_q"))
            nodes.append(_node("DequantizeLinear", [f"{found}_q", "step", "zero"], data))
        pads = _integers("pads", [KERNEL // 2] * 2)
        nodes.append(_node("Conv", [data, f"w{given}_{made}"], found, pads))
        last = found
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"probe")
    graph += b"".join(_field(5, tensor) for tensor in tensors)
    graph += _field(11, _value(NAME, [1, channels[0], length]))
    graph += _field(12, _value(last, [1, channels[-1], length]))
    opset = _field(1, b"") + _number(2, OPSET)
    file.write_bytes(_number(1, IR_VERSION) + _field(7, graph) + _field(8, opset))
    return file


def _weights(given: int, made: int, *, is_rounded: bool) -> tuple[list[bytes], list[bytes]]:
    """Tensors and nodes that they come from, as "w<given>_<made>"."""
    name = f"w{given}_{made}"
    whole = np.random.default_rng(1).integers(-63, 64, (made, given, KERNEL)).astype(np.int8)
    # 36.7 is their standard deviation: a chain neither grows nor fades
    step = np.float32(1 / (36.7 * np.sqrt(given * KERNEL)))
    if not is_rounded:
        return [_tensor(name, whole.astype(np.float32) * step)], []
    tensors = [
        _tensor(f"{name}_q", whole),
        _tensor(f"{name}_step", np.full(made, step, np.float32)),
        _tensor(f"{name}_zero", np.zeros(made, np.int8)),
    ]
    scales = [f"{name}_q", f"{name}_step", f"{name}_zero"]
    return tensors, [_node("DequantizeLinear", scales, name, _integer("axis", 0))]


# --- ONNX as bytes; field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto ------


def _tensor(name: str, value: NDArray[np.generic]) -> bytes:
    kind = INT8 if value.dtype == np.int8 else FLOAT
    dims = b"".join(_number(1, size) for size in value.shape)
    return dims + _number(2, kind) + _field(8, name.encode()) + _field(9, value.tobytes())


def _node(kind: str, inputs: list[str], output: str, attribute: bytes = b"") -> bytes:
    named = b"".join(_field(1, one.encode()) for one in inputs) + _field(2, output.encode())
    return named + _field(4, kind.encode()) + (_field(5, attribute) if attribute else b"")


def _integer(name: str, value: int) -> bytes:
    return _field(1, name.encode()) + _number(3, value) + _number(20, 2)


def _integers(name: str, values: list[int]) -> bytes:
    return _field(1, name.encode()) + b"".join(_number(8, one) for one in values) + _number(20, 7)


def _value(name: str, shape: list[int]) -> bytes:
    dims = b"".join(_field(1, _number(1, size)) for size in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, FLOAT) + _field(2, dims)))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(found) + struct.pack("B", value)
