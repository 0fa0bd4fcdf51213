"""One block as it stood on the wire: checked facts, and its numbers in SI units."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sensors.errors import BadReading
from sensors.picture import MAX_SIDE, encoded_size, fit, picture
from sensors.wiring import SensorSource

VERSION = 1
MAX_PAYLOAD = 8 * 1024 * 1024  # bytes
MAX_RATE_HZ = 1e8
MAX_CHANNELS = 64
RATE_TOLERANCE = 1e-3  # a device may state what its crystal gives instead of its nominal rate
PICTURE = "jpeg"
DTYPES = {name: np.dtype(f"<{name}") for name in ("f4", "f8", "i2", "i4", "u1")}
_INT64 = range(-(2**63), 2**63)

_facts = itemgetter("sensor", "seq", "t0_ns", "rate_hz", "unit", "dtype", "shape", "data")
_EXACT = "f4"  # as it is calculated with

Cause = Literal[
    "malformed",
    "truncated",
    "oversized",
    "not_finite",
    "wrong_type",
    "wrong_shape",
    "wrong_unit",
    "wrong_rate",
    "wrong_version",
    "wrong_sensor",
    "unknown_sensor",
    "undecodable",
]
CAUSES: tuple[str, ...] = get_args(Cause)


@dataclass(frozen=True, slots=True)
class Block:
    """What one payload says; `data` still as bytes, little-endian, in the order of `shape`.

    A picture is a jpeg, or u1 without a unit; everything else is a waveform.
    """

    sensor: str
    seq: int
    t0_ns: int  # source clock; which instant it marks is the sensor's configuration
    rate_hz: float
    unit: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes = field(repr=False)

    @property
    def is_picture(self) -> bool:
        return self.dtype == PICTURE or (self.dtype == "u1" and not self.unit)

    @property
    def period_ns(self) -> int:
        """From this block's stamp to the next one's."""
        return round((1 if self.is_picture else self.shape[1]) * 1e9 / self.rate_hz)

    @property
    def duration_ns(self) -> int:
        """From the first sample to one period past the last; 0 for a picture."""
        return 0 if self.is_picture else self.period_ns


def checked(source: SensorSource, facts: Mapping[str, object], like: Block | None = None) -> Block:
    """Believe nothing: every fact of a block tested once, here.

    `like` is a block of this source that was checked before: what is equal to it needs no second
    look, and that is nearly always everything but the count, the stamp and the numbers.

    Raises:
        BadReading: with what was expected.
    """
    try:
        sensor, seq, t0_ns, rate_hz, unit, dtype, shape, data = _facts(facts)
    except KeyError as error:
        raise BadReading("malformed", f"the block has no key {error}") from error
    if (
        like is not None
        and type(data) is bytes
        and (len(data) == len(like.data) or dtype == PICTURE)
        and type(seq) is int
        and type(t0_ns) is int
        and 0 <= seq < 2**63
        and t0_ns in _INT64
        and type(rate_hz) is float
        and (sensor, rate_hz, unit, dtype) == (like.sensor, like.rate_hz, like.unit, like.dtype)
        and type(shape) is list
        and tuple(shape) == like.shape
    ):
        return Block(like.sensor, seq, t0_ns, rate_hz, like.unit, like.dtype, like.shape, data)
    if sensor != source.id:
        raise BadReading("wrong_sensor", f"expected sensor {source.id}, got {sensor!r:.80}")
    if type(seq) is not int or not 0 <= seq < 2**63:
        raise BadReading("wrong_type", f"seq: expected a whole number from 0, got {seq!r:.40}")
    if type(t0_ns) is not int or t0_ns not in _INT64:
        raise BadReading("wrong_type", f"t0_ns: expected a 64-bit integer, got {t0_ns!r:.40}")
    if type(rate_hz) not in (int, float) or not 0 < rate_hz <= MAX_RATE_HZ:
        raise BadReading("wrong_rate", f"rate_hz: expected above 0, got {rate_hz!r:.40}")
    if not isinstance(unit, str) or not isinstance(dtype, str):
        raise BadReading(
            "wrong_type", f"unit, dtype: expected text, got {unit!r:.40} {dtype!r:.40}"
        )
    if not isinstance(data, bytes):
        raise BadReading("wrong_type", f"data: expected bytes, got {type(data).__name__}")
    if not isinstance(shape, (list, tuple)) or not all(type(n) is int and n > 0 for n in shape):
        raise BadReading("wrong_shape", f"shape: expected whole numbers from 1, got {shape!r:.80}")
    block = Block(source.id, seq, t0_ns, float(rate_hz), unit, dtype, tuple(shape), data)
    _check_size(block)
    return block


def _check_size(block: Block) -> None:
    shape = block.shape
    if block.is_picture:
        if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or max(shape) > MAX_SIDE:
            raise BadReading("wrong_shape", f"expected (height, width) or with 3 colours: {shape}")
    elif len(shape) != 2 or shape[0] > MAX_CHANNELS:
        raise BadReading("wrong_shape", f"expected (channel <= {MAX_CHANNELS}, sample): {shape}")
    if block.dtype == PICTURE:
        return  # its own header says how large it is
    if block.dtype not in DTYPES:
        raise BadReading(
            "wrong_type", f"dtype: expected {', '.join(DTYPES)} or jpeg, got {block.dtype!r:.40}"
        )
    expected = math.prod(shape) * DTYPES[block.dtype].itemsize
    if len(block.data) != expected:
        cause = "truncated" if len(block.data) < expected else "wrong_shape"
        raise BadReading(
            cause, f"{len(block.data)} bytes of data; {block.dtype} {shape} needs {expected}"
        )


def series(
    block: Block, source: SensorSource, *, unit: str, channels: int, rate_hz: float
) -> NDArray[np.float32]:
    """The waveform in SI units, (channel, sample), as the detector was trained on it.

    Raises:
        BadReading: another unit, rate or number of channels, a picture, or numbers that are none.
    """
    if block.dtype not in DTYPES or block.is_picture:
        raise BadReading("wrong_type", f"expected a waveform in {unit}, got a picture")
    if block.unit != unit:
        raise BadReading("wrong_unit", f"expected {unit!r}, got {block.unit!r:.40}")
    if block.shape[0] != channels:
        raise BadReading("wrong_shape", f"expected {channels} channels, got {block.shape[0]}")
    if abs(block.rate_hz - rate_hz) > RATE_TOLERANCE * rate_hz:
        raise BadReading("wrong_rate", f"expected {rate_hz} Hz, got {block.rate_hz}")
    values: NDArray[np.float32]
    values = np.frombuffer(block.data, DTYPES[block.dtype]).reshape(block.shape)
    if block.dtype != _EXACT or source.scale != 1.0:
        with np.errstate(over="ignore", invalid="ignore"):
            values = values.astype(np.float32)
            values *= np.float32(source.scale)
    # one pass in place of two: a sum is finite when all are, unless they are near the largest
    if not math.isfinite(np.add.reduce(values, axis=None)) and not np.isfinite(values).all():
        raise BadReading("not_finite", "NaN or infinity among the samples; send numbers only")
    return values


def check_frame(block: Block) -> None:
    """What can be said of a picture before it is decoded.

    Raises:
        BadReading: a waveform, a picture cut short, or of a size nobody sends.
    """
    if not block.is_picture:
        raise BadReading("wrong_type", f"expected a picture, got {block.dtype} in {block.unit!r}")
    if block.dtype == PICTURE:
        encoded_size(block.data)


def frame(block: Block, height: int, width: int) -> NDArray[np.uint8]:
    """The picture as (height, width) grey.

    Raises:
        BadReading: a waveform, or a picture that does not decode.
    """
    if not block.is_picture:
        raise BadReading("wrong_type", f"expected a picture, got {block.dtype} in {block.unit!r}")
    if block.dtype == PICTURE:
        return picture(block.data, height, width)
    return fit(np.frombuffer(block.data, np.uint8).reshape(block.shape), height, width)
