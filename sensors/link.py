"""Dialling MQTT and OPC UA; whatever ends a connection becomes LinkLost."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from asyncua import Client

from sensors.wiring import MqttLink, OpcUaLink


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says of this client when it vanishes."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """One publication as it came."""

    topic: str
    payload: bytes = field(repr=False)
    properties: Mapping[str, str]  # MQTT 5 user properties
    received_ns: int
    qos: int
    mid: int
    is_repeat: bool  # DUP, or retained


OnMessage = Callable[[Message], None]


class MqttSession:
    """A live connection to a broker. Everything runs on the loop."""

    @property
    def is_mqtt5(self) -> bool:
        raise NotImplementedError

    async def subscribe(self, topic: str, qos: int) -> None:
        """Raises LinkLost when refused or lost."""
        raise NotImplementedError

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Returns when acknowledged (qos 1) or handed to the socket (qos 0); raises LinkLost."""
        raise NotImplementedError

    def ack(self, message: Message) -> None:
        """With `manual_ack`: this message is safe; does nothing once the session is over."""
        raise NotImplementedError

    async def wait_lost(self) -> NoReturn:
        """Raises LinkLost when the connection ends."""
        raise NotImplementedError


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
    """Raises LinkLost when the broker cannot be reached or refuses."""
    raise NotImplementedError
    yield


@asynccontextmanager
async def dial_opcua(link: OpcUaLink) -> AsyncIterator[Client]:
    """Raises LinkLost; library, system and timeout errors within the body become LinkLost too."""
    raise NotImplementedError
    yield
