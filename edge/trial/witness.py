"""An independent subscriber to the verdicts' topic.

It shares no code with the appliance's own links on purpose: a fault in those must not hide itself.
So paho runs its own thread here and redials by itself; the session is persistent and QoS 1, so what
is published while the link is down still arrives.
"""

import asyncio
import socket
import time
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.trial.account import Receipt
from edge.trial.errors import TrialFailed

HOST = "127.0.0.1"
MAX_WAITING = 4096  # deliveries; more than any trial has in flight
SESSION_S = 3600
CONNECT_S = 10.0


class Witness:
    """Deliveries of one topic filter, each stamped on arrival in the thread that reads the socket.

    With `mqtt5` false it speaks MQTT 3.1.1, for brokers that have no more.
    """

    def __init__(self, port: int, topic: str, *, mqtt5: bool = True) -> None:
        self._port = port
        self._topic = topic
        self._mqtt5 = mqtt5
        self._queue: asyncio.Queue[Receipt] = asyncio.Queue(MAX_WAITING)
        self._subscribed = asyncio.Event()
        self._is_overrun = False
        version = MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            "trial-witness",
            protocol=version,
            clean_session=None if mqtt5 else False,
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_socket_open = without_nagle
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._heard
        self._client.on_message = self._delivered

    async def __aenter__(self) -> "Witness":
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._connect)
        self._client.loop_start()
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._subscribed.wait()
        except TimeoutError:
            self._client.loop_stop()
            raise TrialFailed(
                f"the broker on port {self._port} grants no subscription to {self._topic}"
            ) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def next(self) -> Receipt:
        """The next delivery.

        Raises:
            TrialFailed: deliveries were lost here, so nothing can be attested any more.
        """
        if self._is_overrun:
            raise TrialFailed(f"the witness fell {MAX_WAITING} deliveries behind")
        return await self._queue.get()

    def _connect(self) -> None:
        if not self._mqtt5:
            self._client.connect(HOST, self._port)
            return
        keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        keep.SessionExpiryInterval = SESSION_S
        self._client.connect(HOST, self._port, clean_start=False, properties=keep)

    # --- paho's thread -----------------------------------------------------------------------

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(self._topic, qos=1)

    def _heard(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _delivered(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        received_ns = time.monotonic_ns()
        user = dict(getattr(message.properties, "UserProperty", ()))
        published = user.get("published_ns", "")
        receipt = Receipt(
            received_ns,
            time.time_ns() - received_ns,
            bytes(message.payload),
            int(published) if published.isdecimal() else 0,
        )
        self._loop.call_soon_threadsafe(self._put, receipt)

    def _put(self, receipt: Receipt) -> None:
        try:
            self._queue.put_nowait(receipt)
        except asyncio.QueueFull:
            self._is_overrun = True


def without_nagle(_client: mqtt.Client, _data: Any, opened: Any) -> None:
    """For paho's `on_socket_open`: small packets leave at once."""
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
