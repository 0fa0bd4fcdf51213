"""A live connection to an MQTT broker. Whatever ends it is a LinkLost; the supervisor redials."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sensors.errors import LinkLost
from sensors.packets import Message
from sensors.pump import Pump

CONNACK_S = 1.5
ANSWER_S = 3.0  # for a SUBACK
UNACKNOWLEDGED = 64  # publications under way; further ones wait for their turn
UNSUPPORTED_VERSION = 0x84


OnMessage = Callable[[Message], None]


class Refused(Exception):  # noqa: N818 - named by what the broker did
    """The broker did not say yes to the CONNECT; `reason` is None when it gave none."""

    def __init__(self, text: str, reason: int | None, *, is_silent: bool = False) -> None:
        super().__init__(text)
        self.reason = reason
        self.is_silent = is_silent  # it said nothing at all: frozen, perhaps


class MqttSession:
    """Subscribes and publishes on one connection. Everything runs on the loop."""

    def __init__(
        self,
        client: paho.Client,  # with manual_ack: it never sees a publication
        where: str,
        limit: int,  # bytes of the largest packet
        on_message: OnMessage | None,
        *,
        manual_ack: bool,
    ) -> None:
        self._client = client
        self._where = where
        self._on_message = on_message or _ignore
        on_message = self._on_message if manual_ack else self._take
        self._pump = Pump(client, limit, on_message, self._fail)
        loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[NoReturn] = loop.create_future()
        self._connected: asyncio.Future[None] = loop.create_future()
        self._answers: dict[int, asyncio.Future[ReasonCode]] = {}
        self._turns = asyncio.Semaphore(UNACKNOWLEDGED)

    @property
    def is_mqtt5(self) -> bool:
        return self._client.protocol == MQTTProtocolVersion.MQTTv5

    async def subscribe(self, topic: str, qos: int) -> None:
        """Raises LinkLost when refused or lost."""
        result, mid = self._client.subscribe(topic, qos)
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            why = paho.error_string(result)
            raise LinkLost(f"{self._where}: not subscribed to {topic!r}: {why}")
        await self._answer(mid, f"the subscription to {topic!r}", ANSWER_S)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        content_type: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Returns when acknowledged (qos 1) or handed to the socket (qos 0); raises LinkLost.

        Expiry, content type and properties need MQTT 5 and are left out without it. At most
        `UNACKNOWLEDGED` publications are under way; a further one waits.
        """
        async with self._turns:
            await self.send(
                topic,
                payload,
                qos=qos,
                retain=retain,
                expiry_s=expiry_s,
                content_type=content_type,
                properties=properties,
            )

    def send(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        content_type: str | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> Awaitable[None]:
        """The same at once, for a caller that bounds how much is under way; await its answer.

        Raises:
            LinkLost: nothing was sent.
        """
        facts = _facts(expiry_s, content_type, properties) if self.is_mqtt5 else None
        info = self._client.publish(topic, payload, qos, retain, facts)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            why = paho.error_string(info.rc)
            raise LinkLost(f"{self._where}: not published to {topic!r}: {why}")
        return self._answer(info.mid, f"a publication to {topic!r}", None)

    def ack(self, message: Message) -> None:
        """With `manual_ack`: this message is safe; does nothing once the session is over."""
        if not self._lost.done():
            self._client.ack(message.mid, message.qos)

    async def wait_lost(self) -> NoReturn:
        """Raises LinkLost when the connection ends, and whatever `on_message` raised."""
        await asyncio.shield(self._lost)
        raise AssertionError("a lost connection always has its reason")

    async def open(self) -> None:
        """Take over the connected socket and wait for the broker's yes.

        Raises:
            Refused: it said no, hung up, or said nothing.
        """
        client = self._client
        client.on_connect = self._connack
        client.on_publish = lambda _c, _u, mid, reason, _p: self._answered(mid, reason)
        client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._answered(mid, reasons[0])
        client.on_disconnect = lambda _c, _u, _f, reason, _p: self._end(self._gone(str(reason)))
        self._pump.open()
        try:
            async with asyncio.timeout(CONNACK_S):
                await self._connected
        except TimeoutError:
            text = "no answer: is it an MQTT broker, or frozen?"
            raise Refused(text, None, is_silent=True) from None

    def close(self) -> None:
        """End it, politely where the broker still reads."""
        self._pump.close()
        self._end(self._gone("closed"))

    def _answer(self, mid: int, what: str, timeout_s: float | None) -> Awaitable[None]:
        """The broker's word on packet `mid`, which is written now: the loop would take a turn."""
        answer: asyncio.Future[ReasonCode] = asyncio.get_running_loop().create_future()
        self._answers[mid] = answer
        self._pump.write()
        return self._heard(mid, answer, what, timeout_s)

    async def _heard(
        self, mid: int, answer: "asyncio.Future[ReasonCode]", what: str, timeout_s: float | None
    ) -> None:
        try:
            if self._lost.done():
                await self.wait_lost()
            async with asyncio.timeout(timeout_s):
                reason = await answer
        except TimeoutError:
            raise LinkLost(f"{self._where}: no answer to {what} in {timeout_s} s") from None
        finally:
            self._answers.pop(mid, None)
        if reason.is_failure:
            raise LinkLost(
                f"{self._where}: refused {what} ({reason}): allow it in the broker's access list"
            )

    def _connack(self, _c: object, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            self._connected.set_exception(Refused(str(reason), reason.value))
        else:
            self._connected.set_result(None)

    def _take(self, message: Message) -> None:
        self._on_message(message)
        if message.qos:
            self.ack(message)

    def _answered(self, mid: int, reason: ReasonCode) -> None:
        answer = self._answers.get(mid)
        if answer is not None:
            # in a turn of its own: who was sent in this one waits by then, and hears it in order
            asyncio.get_running_loop().call_soon(_settle, answer, reason)

    def _gone(self, reason: str) -> LinkLost:
        return LinkLost(f"{self._where}: connection ended ({reason})")

    def _fail(self, error: Exception) -> None:
        self._end(self._gone(str(error)) if isinstance(error, ConnectionError) else error)

    def _end(self, error: Exception) -> None:
        if not self._lost.done():
            self._lost.set_exception(error)
        if not self._connected.done():
            self._connected.set_exception(Refused(str(error), None))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        for asked in (self._lost, self._connected):
            if not asked.cancelled():
                asked.exception()  # retrieved: nobody may be waiting


def _ignore(_: Message) -> None:
    """Of a session that only publishes."""


def _settle(answer: "asyncio.Future[ReasonCode]", reason: ReasonCode) -> None:
    if not answer.done():
        answer.set_result(reason)


def _facts(
    expiry_s: int | None, content_type: str | None, properties: Mapping[str, str] | None
) -> Properties:
    facts = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if expiry_s is not None:
        facts.MessageExpiryInterval = expiry_s
    if content_type is not None:
        facts.ContentType = content_type
    if properties:
        facts.UserProperty = list(properties.items())
    return facts
