"""Payload to numbers: one pair of functions a wire format, and the checks at the door.

Every format carries the same facts of one block, a stretch of waveform or one picture:

    v        1
    sensor   id of the sensor
    seq      counts blocks, +1 each
    t0_ns    the source's stamp, on its own clock
    rate_hz  samples (or pictures) a second
    unit     "m/s2", "Pa"; "" for a picture
    dtype    f4, f8, i2, i4, u1 (little-endian), or jpeg: an encoded picture
    shape    (channel, sample); of a picture (height, width) or (height, width, 3)
    data     the values, in the order of `shape`

`messagepack` is a map of these; `json` the same with `data` in base64; `raw` is `data` alone, the
rest in MQTT 5 user properties; `array` is a plain OPC UA array, channels interleaved, whose
properties `sensors.opcua` fills in. Whatever is wrong raises BadReading and nothing else.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from sensors.block import DTYPES, MAX_PAYLOAD, VERSION, Block, checked, frame, series
from sensors.errors import BadReading
from sensors.picture import picture
from sensors.wiring import SensorSource

__all__ = [
    "Block",
    "frame",
    "pack",
    "pack_array",
    "pack_json",
    "pack_raw",
    "picture",
    "series",
    "unpack",
]

MAX_KEYS = 32
NO_PROPERTIES: Mapping[str, str] = {}


def pack(block: Block) -> bytes:
    """MessagePack, the default format."""
    packed: bytes = msgpack.packb({**_facts(block), "data": block.data})
    return packed


def unpack(
    payload: bytes,
    properties: Mapping[str, str],
    source: SensorSource,
    like: Block | None = None,
) -> Block:
    """Read a payload in the format its sensor was configured with; `like`: see `checked`.

    Raises:
        BadReading: it is not what the sensor promised.
    """
    if len(payload) > MAX_PAYLOAD:
        raise BadReading("oversized", f"{len(payload)} bytes; at most {MAX_PAYLOAD} are taken")
    return _UNPACKERS[source.payload](payload, properties, source, like)


def pack_json(block: Block) -> bytes:
    """JSON with `data` in base64."""
    return json.dumps({**_facts(block), "data": base64.b64encode(block.data).decode()}).encode()


def pack_raw(block: Block) -> tuple[bytes, dict[str, str]]:
    """The data alone, and the MQTT 5 user properties that say what it is."""
    properties = {key: str(value) for key, value in _facts(block).items()}
    properties["shape"] = ",".join(map(str, block.shape))
    return block.data, properties


def pack_array(
    values: Sequence[float] | NDArray[Any], dtype: str, seq: int, t0_ns: int
) -> tuple[bytes, dict[str, str]]:
    """A plain array as it came over OPC UA, with what else is known of it.

    Raises:
        BadReading: values that do not fit `dtype`.
    """
    try:
        data = np.asarray(values, dtype=DTYPES[dtype]).tobytes()
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadReading("wrong_type", f"no array of {dtype}: {error}") from error
    return data, {"dtype": dtype, "seq": str(seq), "t0_ns": str(t0_ns)}


def _facts(block: Block) -> dict[str, Any]:
    return {
        "v": VERSION,
        "sensor": block.sensor,
        "seq": block.seq,
        "t0_ns": block.t0_ns,
        "rate_hz": block.rate_hz,
        "unit": block.unit,
        "dtype": block.dtype,
        "shape": block.shape,
    }


def _unpack_messagepack(
    payload: bytes, _: Mapping[str, str], source: SensorSource, like: Block | None
) -> Block:
    try:
        fields = msgpack.unpackb(
            payload,
            max_str_len=256,
            max_bin_len=len(payload),
            max_array_len=8,
            max_map_len=MAX_KEYS,
            max_ext_len=0,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        cause = "truncated" if "incomplete" in str(error) else "malformed"
        raise BadReading(cause, f"not a MessagePack map of a block: {error}") from error
    return _from_map(fields, source, like)


def _unpack_json(
    payload: bytes, _: Mapping[str, str], source: SensorSource, like: Block | None
) -> Block:
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadReading("malformed", f"not JSON of a block: {error}") from error
    if isinstance(fields, dict):
        try:
            fields["data"] = base64.b64decode(fields.get("data", ""), validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise BadReading("malformed", f"data: expected base64: {error}") from error
    return _from_map(fields, source, like)


def _from_map(fields: object, source: SensorSource, like: Block | None) -> Block:
    if not isinstance(fields, dict) or len(fields) > MAX_KEYS:
        raise BadReading("malformed", f"expected a map of at most {MAX_KEYS} keys")
    if (version := fields.get("v")) != VERSION or isinstance(version, bool):
        raise BadReading("wrong_version", f"v: expected {VERSION}, got {version!r:.40}")
    return checked(source, fields, like)


def _unpack_raw(
    payload: bytes, properties: Mapping[str, str], source: SensorSource, like: Block | None
) -> Block:
    if "seq" not in properties:
        raise BadReading(
            "malformed", "raw payload without MQTT 5 user properties (seq, t0_ns, dtype, shape)"
        )
    if (version := properties.get("v", "1")) != str(VERSION):
        raise BadReading("wrong_version", f"v: expected {VERSION}, got {version!r:.40}")
    shape = [_whole(n, "shape") for n in properties.get("shape", "").split(",", 3)]
    facts = {
        "sensor": properties.get("sensor", source.id),
        "seq": _whole(properties["seq"], "seq"),
        "t0_ns": _whole(properties.get("t0_ns", ""), "t0_ns"),
        "rate_hz": _rate(properties, source),
        "unit": properties.get("unit", source.unit),
        "dtype": properties.get("dtype", ""),
        "shape": shape,
        "data": payload,
    }
    return checked(source, facts, like)


def _unpack_array(
    payload: bytes, properties: Mapping[str, str], source: SensorSource, like: Block | None
) -> Block:
    dtype = DTYPES.get(properties.get("dtype", ""))
    if dtype is None:
        raise BadReading("wrong_type", f"array of an unknown type; expected one of {set(DTYPES)}")
    samples, rest = divmod(len(payload), dtype.itemsize * source.channels)
    if rest or not samples:
        raise BadReading(
            "wrong_shape", f"{len(payload) // dtype.itemsize} values; expected a multiple of "
            f"{source.channels} (channels), interleaved"
        )  # fmt: skip
    values = np.frombuffer(payload, dtype).reshape(samples, source.channels)
    facts = {
        "sensor": source.id,
        "seq": _whole(properties.get("seq", ""), "seq"),
        "t0_ns": _whole(properties.get("t0_ns", ""), "t0_ns"),
        "rate_hz": _rate(properties, source),
        "unit": source.unit,
        "dtype": properties["dtype"],
        "shape": (source.channels, samples),
        "data": values.T.tobytes(),
    }
    return checked(source, facts, like)


def _whole(text: str, key: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise BadReading("malformed", f"{key}: expected whole numbers, got {text!r:.40}") from error


def _rate(properties: Mapping[str, str], source: SensorSource) -> float:
    if "rate_hz" not in properties:
        if source.rate_hz is None:
            raise BadReading("wrong_rate", f"set rate_hz of sensor {source.id}: nothing states it")
        return source.rate_hz
    try:
        return float(properties["rate_hz"])
    except ValueError as error:
        raise BadReading("malformed", f"rate_hz: {error}") from error


_Unpacker = Callable[[bytes, Mapping[str, str], SensorSource, Block | None], Block]
_UNPACKERS: dict[str, _Unpacker] = {
    "messagepack": _unpack_messagepack,
    "json": _unpack_json,
    "raw": _unpack_raw,
    "array": _unpack_array,
}
