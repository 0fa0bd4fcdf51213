"""Payloads: what is packed comes back, and whatever is wrong is a BadReading with a name."""

import base64
import json
import struct
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import codec
from sensors.block import CAUSES, Block
from sensors.errors import BadReading
from sensors.wiring import SensorSource

WAVE = np.arange(-384, 384, dtype=np.float32).reshape(3, 256) / 7
VIBRATION = Block("v", 7, 10**18, 25_600.0, "m/s2", "f4", (3, 256), WAVE.tobytes())


def source(payload: str = "messagepack", **facts: Any) -> SensorSource:
    wire = {"node": "ns=2;s=v"} if payload == "array" else {"topic": "t"}
    return SensorSource(id="v", link="m", payload=payload, **wire, **facts)


def waveform(block: Block, **facts: Any) -> np.ndarray:
    return codec.series(
        block, source(**facts), unit="m/s2", channels=len(block.data) // 1024, rate_hz=25_600.0
    )


def refusal(data: bytes, **facts: Any) -> BadReading:
    with pytest.raises(BadReading) as caught:
        codec.unpack(data, {}, source(**facts))
    return caught.value


def packed(**changes: Any) -> bytes:
    fields = msgpack.unpackb(codec.pack(VIBRATION)) | changes
    result: bytes = msgpack.packb({k: v for k, v in fields.items() if v is not None})
    return result


def test_every_format_brings_back_what_was_packed() -> None:
    raw, properties = codec.pack_raw(VIBRATION)
    assert codec.unpack(codec.pack(VIBRATION), {}, source()) == VIBRATION
    assert codec.unpack(codec.pack_json(VIBRATION), {}, source("json")) == VIBRATION
    assert codec.unpack(raw, properties, source("raw")) == VIBRATION
    assert all(type(v) is str for v in properties.values())
    np.testing.assert_array_equal(waveform(VIBRATION), WAVE)


def test_a_block_written_by_hand_in_another_language_is_read() -> None:
    hand = b"".join(  # MessagePack specification: fixmap 9, fixstr, float 64, bin 8 ...
        (
            b"\x89\xa1v\x01\xa6sensor\xa1v\xa3seq\x07\xa5t0_ns\xcf",
            struct.pack(">Q", 10**18),
            b"\xa7rate_hz\xcd\x64\x00\xa4unit\xa4m/s2\xa5dtype\xa2f4\xa5shape\x92\x01\x02",
            b"\xa4data\xc4\x08",
            struct.pack("<2f", 1.5, -2.0),
        )
    )
    block = codec.unpack(hand, {}, source())
    assert (block.seq, block.t0_ns, block.rate_hz, block.shape) == (7, 10**18, 25_600.0, (1, 2))
    values = codec.series(block, source(), unit="m/s2", channels=1, rate_hz=25_600.0)
    np.testing.assert_array_equal(values, [[1.5, -2.0]])


def test_the_example_json_of_the_documentation_is_read() -> None:
    text = json.dumps(
        {"v": 1, "sensor": "v", "seq": 0, "t0_ns": 5, "rate_hz": 25600, "unit": "m/s2"}
        | {"dtype": "i2", "shape": [1, 2], "data": base64.b64encode(b"\x01\x00\xff\xff").decode()}
    )
    block = codec.unpack(text.encode(), {}, source("json"))
    values = codec.series(block, source(scale=0.5), unit="m/s2", channels=1, rate_hz=25_600.0)
    np.testing.assert_array_equal(values, [[0.5, -0.5]])


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "u1"])
def test_every_number_format_becomes_float32_in_si(dtype: str) -> None:
    counts = np.array([[0, 1, 2], [100, 101, 102]], dtype=f"<{dtype}")
    block = Block("v", 0, 0, 25_600.0, "m/s2", dtype, (2, 3), counts.tobytes())
    block = codec.unpack(codec.pack(block), {}, source())
    values = codec.series(block, source(scale=2.0), unit="m/s2", channels=2, rate_hz=25_600.0)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, counts * 2.0)


def test_a_plain_array_is_interleaved_sample_by_sample() -> None:
    facts = {"channels": 2, "rate_hz": 1000.0, "unit": "Pa", "scale": 0.1}
    payload, properties = codec.pack_array([1, 10, 2, 20, 3, 30], "i2", 4, 99)
    assert payload == struct.pack("<6h", 1, 10, 2, 20, 3, 30)
    block = codec.unpack(payload, properties, source("array", **facts))
    assert (block.seq, block.t0_ns, block.rate_hz, block.unit) == (4, 99, 1000.0, "Pa")
    values = codec.series(block, source(**facts), unit="Pa", channels=2, rate_hz=1000.0)
    np.testing.assert_allclose(values, [[0.1, 0.2, 0.3], [1, 2, 3]], rtol=1e-6)
    with pytest.raises(BadReading, match="multiple of 2"):
        codec.unpack(*codec.pack_array([1, 2, 3], "i2", 4, 99), source("array", **facts))
    with pytest.raises(BadReading, match="i2"):
        codec.pack_array([1, 70_000], "i2", 0, 0)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"v": 2}, "wrong_version"),
        ({"v": True}, "wrong_version"),
        ({"v": None}, "wrong_version"),
        ({"sensor": "other"}, "wrong_sensor"),
        ({"seq": None}, "malformed"),
        ({"seq": -1}, "wrong_type"),
        ({"seq": 1.0}, "wrong_type"),
        ({"seq": True}, "wrong_type"),
        ({"seq": 2**63}, "wrong_type"),
        ({"t0_ns": 2**63}, "wrong_type"),
        ({"t0_ns": "now"}, "wrong_type"),
        ({"rate_hz": 0}, "wrong_rate"),
        ({"rate_hz": -1.0}, "wrong_rate"),
        ({"rate_hz": float("nan")}, "wrong_rate"),
        ({"rate_hz": float("inf")}, "wrong_rate"),
        ({"rate_hz": "25600"}, "wrong_rate"),
        ({"unit": 5}, "wrong_type"),
        ({"dtype": "f2"}, "wrong_type"),
        ({"dtype": "O"}, "wrong_type"),
        ({"data": "text"}, "wrong_type"),
        ({"data": b""}, "truncated"),
        ({"data": WAVE.tobytes()[:-1]}, "truncated"),
        ({"data": WAVE.tobytes() + b"1234"}, "wrong_shape"),
        ({"shape": [768]}, "wrong_shape"),
        ({"shape": [-3, -256]}, "wrong_shape"),
        ({"shape": [2**40, 2**40]}, "wrong_shape"),
        ({"shape": [3, 2**60]}, "truncated"),
        ({"shape": [3, 256.0]}, "wrong_shape"),
        ({"shape": "3,256"}, "wrong_shape"),
        ({"shape": {}}, "wrong_shape"),
    ],
)
def test_a_fact_that_cannot_be_is_refused_by_name(changes: dict[str, Any], cause: str) -> None:
    error = refusal(packed(**changes))
    assert error.cause == cause
    assert cause in CAUSES
    assert len(str(error)) > 10


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"unit": "g"}, "wrong_unit"),
        ({"rate_hz": 25_650.0}, "wrong_rate"),
        ({"shape": [6, 128]}, "wrong_shape"),
        ({"dtype": "jpeg", "shape": [480, 640]}, "wrong_type"),
        ({"data": np.full(768, np.nan, "<f4").tobytes()}, "not_finite"),
        ({"data": np.full(768, -np.inf, "<f4").tobytes()}, "not_finite"),
        ({"dtype": "f8", "data": np.full(768, 1e300).tobytes()}, "not_finite"),
    ],
)
def test_what_the_detector_was_not_trained_on_is_refused(
    changes: dict[str, Any], cause: str
) -> None:
    block = codec.unpack(packed(**changes), {}, source())
    with pytest.raises(BadReading) as caught:
        codec.series(block, source(), unit="m/s2", channels=3, rate_hz=25_600.0)
    assert caught.value.cause == cause


def test_a_rate_that_a_crystal_may_be_off_is_taken() -> None:
    block = codec.unpack(packed(rate_hz=25_602.5), {}, source())
    assert waveform(block).shape == (3, 256)


def test_every_cut_of_a_good_payload_is_refused() -> None:
    good = codec.pack(VIBRATION)
    for end in range(0, len(good), 13):
        assert refusal(good[:end]).cause in ("truncated", "malformed")
    assert refusal(good + b"\x00").cause == "malformed"
    assert refusal(bytes(9 * 1024 * 1024)).cause == "oversized"


def test_bombs_are_refused_before_they_go_off() -> None:
    assert refusal(b"\x91" * 100_000).cause == "malformed"  # nested a hundred thousand deep
    assert refusal(b"\xdd\xff\xff\xff\xff" + bytes(10)).cause == "malformed"  # 4 G elements
    assert refusal(b"[" * 100_000, payload="json").cause == "malformed"
    assert refusal(b"9" * 100_000, payload="json").cause == "malformed"


def test_raw_bytes_without_their_properties_say_what_is_missing() -> None:
    raw, properties = codec.pack_raw(VIBRATION)
    for key in ("seq", "t0_ns", "dtype", "shape"):
        rest = {k: v for k, v in properties.items() if k != key}
        with pytest.raises(BadReading):
            codec.unpack(raw, rest, source("raw"))
    few = {"seq": "1", "t0_ns": "2", "dtype": "f4", "shape": "3,256"}
    block = codec.unpack(raw, few, source("raw", rate_hz=25_600.0, unit="m/s2"))
    np.testing.assert_array_equal(waveform(block), WAVE)
    with pytest.raises(BadReading, match="rate_hz"):
        codec.unpack(raw, few, source("raw"))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=5,
)
KEYS = st.sampled_from(["v", "sensor", "seq", "t0_ns", "rate_hz", "unit", "dtype", "shape", "data"])
FORMATS = st.sampled_from(["messagepack", "json", "raw", "array"])


def survive(payload: bytes, properties: dict[str, str], wire: str) -> None:
    """Reads it whole or refuses it by a known name."""
    sensor = source(wire, rate_hz=1000.0, unit="m/s2", channels=3)
    try:
        block = codec.unpack(payload, properties, sensor)
        if block.is_picture:
            picture = codec.frame(block, 8, 8)
            assert picture.shape == (8, 8)
        else:
            values = codec.series(block, sensor, unit="m/s2", channels=3, rate_hz=25_600.0)
            assert np.isfinite(values).all()
    except BadReading as error:
        assert error.cause in CAUSES


@given(st.binary(max_size=300), st.dictionaries(KEYS, st.text(max_size=20)), FORMATS)
def test_arbitrary_bytes_are_refused_or_read_but_never_raise(
    payload: bytes, properties: dict[str, str], wire: str
) -> None:
    survive(payload, properties, wire)


@given(st.lists(st.tuples(st.integers(0, 3200), st.integers(0, 255)), max_size=6))
def test_good_payloads_with_bytes_changed_never_raise(changes: list[tuple[int, int]]) -> None:
    payload = bytearray(codec.pack(VIBRATION))
    for at, value in changes:
        payload[at % 120 if value % 2 else at % len(payload)] = value
    survive(bytes(payload), {}, "messagepack")


@given(KEYS, ANYTHING)
@settings(max_examples=300)
def test_good_blocks_with_a_fact_replaced_never_raise(key: str, value: Any) -> None:
    try:
        payload = packed(**{key: value})
    except (OverflowError, ValueError):
        return  # MessagePack itself cannot carry it
    survive(payload, {}, "messagepack")


@given(KEYS, ANYTHING)
@settings(deadline=None)
def test_a_block_like_the_last_one_is_judged_as_it_would_be_alone(key: str, value: Any) -> None:
    try:
        changed = packed(**{key: value})
    except (OverflowError, ValueError):
        return  # MessagePack itself cannot carry it
    assert outcome(changed, None) == outcome(changed, VIBRATION)


def outcome(data: bytes, like: Block | None) -> object:
    try:
        return codec.unpack(data, {}, source(), like)
    except BadReading as error:
        return error.cause, str(error)
