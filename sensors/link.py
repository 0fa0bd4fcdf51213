"""Dialling MQTT and OPC UA: addresses, keys and logins from the configuration to a live connection.

Dials once. Whatever ends a connection, or keeps it from being made, becomes a LinkLost that says
what to do; the supervisor redials.
"""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sensors.broker import (
    UNACKNOWLEDGED,
    UNSUPPORTED_VERSION,
    MqttSession,
    OnMessage,
    Refused,
)
from sensors.errors import LinkLost
from sensors.packets import Message
from sensors.server import LINK_ERRORS, dial_opcua, gravest, wait_lost
from sensors.wiring import MqttLink

__all__ = [
    "LINK_ERRORS",
    "Message",
    "MqttSession",
    "Will",
    "dial_mqtt",
    "dial_opcua",
    "gravest",
    "wait_lost",
]

V5, V3 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
CONNECT_S = 3.0
KEEPALIVE_S = 4  # a frozen broker is noticed within two of these
SESSION_S = 7 * 24 * 3600  # how long a broker keeps a persistent session's triggers
RECEIVE_MAXIMUM = 64  # triggers not yet acknowledged that a broker may send (MQTT 5)
HEADER_ROOM = 64 * 1024  # bytes of topic and properties, beside the largest payload

TRY_5_AGAIN_S = 600.0  # a broker that took only 3.1.1 may have been frozen, or be replaced

_speaks_only_3: dict[tuple[str, int], float] = {}  # until when, time.monotonic()


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says of this client when it vanishes."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What this box asks of a broker."""

    client_id: str
    persistent: bool
    will: Will | None
    manual_ack: bool

    def properties(self, link: MqttLink) -> Properties:
        asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        asked.SessionExpiryInterval = SESSION_S if self.persistent else 0
        asked.ReceiveMaximum = RECEIVE_MAXIMUM
        asked.MaximumPacketSize = link.max_payload + HEADER_ROOM
        return asked


@asynccontextmanager
async def dial_mqtt(
    link: MqttLink,
    *,
    client_id: str,
    on_message: OnMessage | None = None,
    persistent: bool = False,
    will: Will | None = None,
    manual_ack: bool = False,
) -> AsyncIterator[MqttSession]:
    """MQTT 5, or 3.1.1 where the broker has no more.

    Raises:
        LinkLost: the broker cannot be reached, refuses, or does not answer.
    """
    where = f"mqtt://{link.host}:{link.port}"
    wishes = _Wishes(client_id, persistent, will, manual_ack)
    try:
        session = await _dial(link, wishes, on_message)
    except Refused as refusal:
        cure = "check username, password_file and the broker's access list"
        tail = "" if refusal.reason is None else f"; {cure}"
        raise LinkLost(f"{where}: did not take client {client_id!r}: {refusal}{tail}") from refusal
    try:
        yield session
    finally:
        session.close()


async def _dial(link: MqttLink, wishes: _Wishes, on_message: OnMessage | None) -> MqttSession:
    """MQTT 5 if possible. A broker that said nothing to it may have been frozen, and is asked again
    once it has answered in 3.1.1."""
    address = (link.host, link.port)
    if _speaks_only_3.get(address, 0.0) >= time.monotonic():
        return await _open(link, V3, wishes, on_message)
    try:
        return await _open(link, V5, wishes, on_message)
    except Refused as refusal:
        if refusal.reason not in (None, UNSUPPORTED_VERSION):
            raise
        was_silent = refusal.is_silent
    session = await _open(link, V3, wishes, on_message)
    if was_silent:
        session.close()
        try:
            return await _open(link, V5, wishes, on_message)
        except Refused:
            session = await _open(link, V3, wishes, on_message)
    _speaks_only_3[address] = time.monotonic() + TRY_5_AGAIN_S
    return session


async def _open(
    link: MqttLink, version: MQTTProtocolVersion, wishes: _Wishes, on_message: OnMessage | None
) -> MqttSession:
    """Raises Refused, and LinkLost when there is no connection at all."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        wishes.client_id,
        clean_session=None if version == V5 else not wishes.persistent,
        protocol=version,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.max_inflight_messages_set(UNACKNOWLEDGED)
    client.max_queued_messages_set(UNACKNOWLEDGED)
    await _open_socket(client, link, wishes)
    limit = link.max_payload + HEADER_ROOM
    where = f"mqtt://{link.host}:{link.port}"
    session = MqttSession(client, where, limit, on_message, manual_ack=wishes.manual_ack)
    try:
        await session.open()
    except BaseException:
        session.close()
        raise
    return session


async def _open_socket(client: paho.Client, link: MqttLink, wishes: _Wishes) -> None:
    """Connect and send CONNECT, in a thread: name look-up, TCP and TLS block."""
    abandoned = threading.Event()

    def connect() -> None:
        _secure(client, link)
        is_5 = client.protocol == V5
        if (will := wishes.will) is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_socket_open = _send_at_once
        client.connect_timeout = CONNECT_S
        try:
            client.connect(
                link.host,
                link.port,
                KEEPALIVE_S,
                clean_start=not wishes.persistent if is_5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
                properties=wishes.properties(link) if is_5 else None,
            )
        except OSError as error:
            raise LinkLost(
                f"mqtt://{link.host}:{link.port}: cannot connect ({error}): is the broker running, "
                "and are host, port and certificates right?"
            ) from error
        if abandoned.is_set():
            client.disconnect()

    try:
        await asyncio.to_thread(connect)
    except asyncio.CancelledError:
        abandoned.set()
        raise


def _secure(client: paho.Client, link: MqttLink) -> None:
    """TLS and login, read afresh at each dial, so that renewed ones are taken."""
    try:
        if link.ca_file is not None:
            context = ssl.create_default_context(cafile=str(link.ca_file))
            if link.certificate_file is not None:
                context.load_cert_chain(link.certificate_file, link.key_file)
            client.tls_set_context(context)
        if link.username is not None:
            client.username_pw_set(link.username, password(link.password_file))
    except (OSError, ValueError) as error:
        raise LinkLost(
            f"mqtt://{link.host}:{link.port}: ca_file, certificate_file, key_file or "
            f"password_file cannot be used: {error}"
        ) from error


def password(file: Path | None) -> str | None:
    """The first line of a password file."""
    return None if file is None else (file.read_text().splitlines() or [""])[0]


def _send_at_once(_client: object, _data: object, sock: Any) -> None:
    """Without Nagle's algorithm: with it, a 4 KB block waits 35 ms for an acknowledgement."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
