"""A mosquitto to kill and freeze, and a subscriber that knows nothing of this project."""

import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.trial.broker import free_port


class Mosquitto:
    """Keeps its sessions on disk at every change, so that a killed one remembers subscribers."""

    def __init__(self, folder: Path, extra: str = "allow_anonymous true\n") -> None:
        self.port = free_port()
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nset_tcp_nodelay true\nuser root\n"
            f"persistence true\npersistence_location {folder}/\n"
            f"autosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\n{extra}"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self.kill()

    def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen([program, "-c", self._settings], stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise TimeoutError("mosquitto does not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@dataclass(frozen=True)
class Heard:
    topic: str
    body: bytes
    retain: bool
    is_repeated_by_broker: bool  # MQTT's own DUP
    properties: dict[str, str]
    content_type: str | None
    expiry_s: int | None


class Subscriber:
    """A persistent MQTT subscriber on a thread of its own, which comes back by itself."""

    def __init__(self, port: int, topic: str, name: str = "mes", *, is_5: bool = True) -> None:
        self.heard: list[Heard] = []
        self._port = port
        self._topic = topic
        self._subscribed = threading.Event()
        self._is_5 = is_5
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            name,
            clean_session=None if is_5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._message

    def __enter__(self) -> Self:
        if self._is_5:
            keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            keep.SessionExpiryInterval = 3600
            self._client.connect("127.0.0.1", self._port, 5, clean_start=False, properties=keep)
        else:
            self._client.connect("127.0.0.1", self._port, 5)
        self._client.loop_start()
        assert self._subscribed.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def bodies(self) -> list[bytes]:
        return [one.body for one in self.heard]

    def _connected(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(self._topic, 1)

    def _message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        facts = message.properties
        self.heard.append(
            Heard(
                message.topic,
                bytes(message.payload),
                message.retain,
                message.dup,
                dict(getattr(facts, "UserProperty", ())),
                getattr(facts, "ContentType", None),
                getattr(facts, "MessageExpiryInterval", None),
            )
        )
