"""Networks that do nothing but what a processor is best at, written here as ONNX files.

A large convolution says how many operations a second an engine gets out of this processor at best;
a small one how long a call takes in which there is nothing to calculate.
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.manifest import SeriesInput

FLOAT, INT8 = 1, 3  # TensorProto.DataType
OPSET, IR_VERSION = 17, 8
KERNEL = 3
NAME = "x"


def passport(channels: int, length: int) -> SeriesInput:
    return SeriesInput(
        kind="series", name=NAME, unit="1", channels=channels, rate_hz=1.0, length=length
    )


def operations(channels: int, length: int) -> int:
    """Multiplications and additions of `write`'s convolution."""
    return 2 * channels * channels * KERNEL * length


def write(file: Path, channels: int, length: int, *, is_int8: bool) -> Path:
    """A convolution of width 3 over `length` samples, from all channels to as many."""
    random = np.random.default_rng(1)
    whole = random.integers(-63, 64, (channels, channels, KERNEL)).astype(np.int8)
    nodes, tensors = [], []
    if is_int8:
        tensors += [
            _tensor("w_q", whole),
            _tensor("w_scale", np.full(channels, 1e-3, np.float32)),
            _tensor("w_zero", np.zeros(channels, np.int8)),
            _tensor("x_scale", np.array(0.02, np.float32)),
            _tensor("x_zero", np.array(0, np.int8)),
        ]
        nodes += [
            _node("QuantizeLinear", [NAME, "x_scale", "x_zero"], "x_q"),
            _node("DequantizeLinear", ["x_q", "x_scale", "x_zero"], "given"),
            _node("DequantizeLinear", ["w_q", "w_scale", "w_zero"], "w", _integer("axis", 0)),
        ]
    else:
        tensors.append(_tensor("w", whole.astype(np.float32) * np.float32(1e-3)))
    given = "given" if is_int8 else NAME
    nodes.append(_node("Conv", [given, "w"], "y", _integers("pads", [KERNEL // 2] * 2)))
    shape = [1, channels, length]
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"probe")
    graph += b"".join(_field(5, tensor) for tensor in tensors)
    graph += _field(11, _value(NAME, shape)) + _field(12, _value("y", shape))
    opset = _field(1, b"") + _number(2, OPSET)
    file.write_bytes(_number(1, IR_VERSION) + _field(7, graph) + _field(8, opset))
    return file


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
