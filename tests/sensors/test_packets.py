"""MQTT's byte stream, against paho as an independent writer of packets, and against fuzz."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sensors.packets import Malformed, Message, Packets, read_publication

LIMIT = 1_000_000
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def publish(
    topic: str, payload: bytes, *, qos: int = 0, flags: int = 0, properties: bytes = b""
) -> bytes:
    """A PUBLISH packet as section 3.3 of the standard lays it out."""
    name = topic.encode()
    mid = (77).to_bytes(2) if qos else b""
    body = len(name).to_bytes(2) + name + mid + properties + payload
    return bytes([0x30 | flags | qos << 1]) + length(len(body)) + body


def length(value: int) -> bytes:
    """Section 1.5.5, written as the pseudo code there."""
    found = b""
    while True:
        value, byte = divmod(value, 128)
        found += bytes([byte | 128 if value else byte])
        if not value:
            return found


def packed(**facts: object) -> bytes:
    """MQTT 5 properties as paho packs them."""
    properties = Properties(PacketTypes.PUBLISH)
    for name, value in facts.items():
        setattr(properties, name, value)
    return bytes(properties.pack())


def read(stream: bytes, *, is_mqtt5: bool = False, cuts: int = 1) -> list[Message]:
    """Everything in a stream that comes `cuts` bytes at a time."""
    packets = Packets(LIMIT)
    found = []
    for start in range(0, len(stream), cuts):
        for packet in packets.feed(stream[start : start + cuts]):
            found.append(read_publication(*packet, 5, is_mqtt5=is_mqtt5))
    return found


@given(st.lists(st.tuples(TEXT, st.binary(max_size=300), st.integers(0, 1))), st.integers(1, 700))
def test_publications_come_out_whole_however_the_stream_is_cut(
    sent: list[tuple[str, bytes, int]], cuts: int
) -> None:
    stream = b"".join(publish(topic, payload, qos=qos) for topic, payload, qos in sent)
    found = read(stream, cuts=cuts)
    assert [(m.topic, m.payload, m.qos) for m in found] == sent
    assert all(m.mid == (77 if m.qos else 0) for m in found)


def test_user_properties_are_found_among_all_others_as_paho_packs_them() -> None:
    properties = packed(
        PayloadFormatIndicator=1,
        MessageExpiryInterval=30,
        TopicAlias=4,
        ResponseTopic="answers/here",
        CorrelationData=b"\x00" * 200,
        SubscriptionIdentifier=300,
        ContentType="application/json",
        UserProperty=[("seq", "1"), ("unit", "m/s²")],
    )
    (message,) = read(publish("t", b"body", qos=1, properties=properties), is_mqtt5=True)
    assert message.properties == {"seq": "1", "unit": "m/s²"}
    assert message.payload == b"body"
    (bare,) = read(publish("t", b"body", properties=packed()), is_mqtt5=True)
    assert bare.properties == {}
    assert bare.payload == b"body"


def test_flags_say_repeated_and_retained() -> None:
    plain, repeated, retained = read(
        publish("t", b"") + publish("t", b"", qos=1, flags=8) + publish("t", b"", flags=1)
    )
    assert not plain.is_repeat
    assert not plain.is_retained
    assert repeated.is_repeat
    assert retained.is_retained


@pytest.mark.parametrize(
    "stream",
    [
        b"\x30\xff\xff\xff\xff\x7f" + bytes(20),  # a length of five bytes
        b"\x30" + length(LIMIT + 1),  # larger than agreed
        publish("t", b"", qos=2),
        b"\x30\x04\x00\x09ab",  # a topic longer than the packet
        b"\x30\x03\x00\x01\xff",  # a topic that is no UTF-8
        b"\x30\x00",
    ],
)
def test_what_is_no_mqtt_ends_the_session(stream: bytes) -> None:
    with pytest.raises(Malformed):
        read(stream, cuts=len(stream))


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(body: bytes, is_mqtt5: bool) -> None:
    stream = b"\x32" + length(len(body)) + body
    try:
        found = read(stream, is_mqtt5=is_mqtt5, cuts=len(stream))
    except Malformed:
        return
    assert len(found) == 1
    assert len(found[0].payload) <= len(body)
