"""A device's connection to the MQTT broker: keeps dialling quietly, queues nothing at QoS 0."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_FIRST_DIAL_S = 1.0  # how long entering waits for the broker
_DIAL_S = 0.25  # between two attempts
_CONNECT_TIMEOUT_S = 2.0
_KEEPALIVE_S = 10
_SEND_BUFFER = 1 << 20  # bytes: a broker may pause for a moment before blocks are dropped
_MAX_UNACKNOWLEDGED = 1000  # QoS 1 messages that wait for the broker; more are refused


class Broker:
    """One MQTT connection inside the running event loop: a publish is a write to the socket.

    MQTT 5 where user properties are needed, else 3.1.1, which every broker speaks.
    """

    def __init__(self, host: str, port: int, client_id: str, *, version5: bool = False) -> None:
        self._address = (host, port)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5 if version5 else mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = _CONNECT_TIMEOUT_S
        self._client.max_queued_messages_set(_MAX_UNACKNOWLEDGED)
        self._task: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()  # once
        self._lost = asyncio.Event()
        self.sent = 0
        self.dropped = 0

    async def __aenter__(self) -> "Broker":
        client, loop = self._client, asyncio.get_running_loop()

        def opened(_client: object, _data: object, link: Any) -> None:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)

        def closing(_client: object, _data: object, link: Any) -> None:
            loop.remove_reader(link)
            loop.remove_writer(link)

        def connected(*_: object) -> None:
            self._connected.set()

        def lost(*_: object) -> None:
            self._lost.set()

        client.on_socket_open = opened
        client.on_socket_close = closing
        client.on_disconnect = lost
        client.on_connect = connected
        self._task = asyncio.create_task(self._keep_connected(), name="broker")
        with contextlib.suppress(TimeoutError):  # away: it comes when it comes
            await asyncio.wait_for(self._connected.wait(), _FIRST_DIAL_S)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._client.disconnect()

    def publish(
        self, topic: str, payload: bytes, properties: Mapping[str, str] | None = None
    ) -> None:
        """At QoS 0: dropped and counted when the broker is away or takes nothing."""
        client = self._client
        if client.want_write():
            client.loop_write()
        if client.want_write() or not client.is_connected():
            self.dropped += 1
            return
        client.publish(topic, payload, qos=0, properties=_user_properties(properties))
        self.sent += 1
        self._finish_writing()

    def publish_surely(self, topic: str, payload: bytes) -> None:
        """At QoS 1: kept until the broker acknowledges it, across its absences."""
        info = self._client.publish(topic, payload, qos=1)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            self.dropped += 1
            return
        self.sent += 1
        self._finish_writing()

    async def _keep_connected(self) -> None:
        client, loop = self._client, asyncio.get_running_loop()
        while True:
            self._lost.clear()
            try:
                await asyncio.to_thread(client.connect, *self._address, keepalive=_KEEPALIVE_S)
            except OSError:
                await asyncio.sleep(_DIAL_S)
                continue
            if (link := client.socket()) is not None:
                loop.add_reader(link, client.loop_read)
                await self._tend()
            await asyncio.sleep(_DIAL_S)

    async def _tend(self) -> None:
        """Keep-alive, once a second, until the connection is lost."""
        while not self._lost.is_set():
            self._client.loop_misc()
            self._finish_writing()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), 1.0)

    def _finish_writing(self) -> None:
        """Let the loop write what the socket's buffer could not take at once."""
        if self._client.want_write() and (link := self._client.socket()) is not None:
            asyncio.get_running_loop().add_writer(link, self._write_rest)

    def _write_rest(self) -> None:
        self._client.loop_write()
        if not self._client.want_write() and (link := self._client.socket()) is not None:
            asyncio.get_running_loop().remove_writer(link)


def _user_properties(pairs: Mapping[str, str] | None) -> Properties | None:
    if not pairs:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = list(pairs.items())
    return properties
