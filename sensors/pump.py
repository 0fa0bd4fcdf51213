"""Drives paho's socket from the event loop: it reads and writes when the loop says so.

Reading goes past paho: bytes are taken from the socket in one piece, publications are read out of
them here, and paho is shown the rest (answers, pings, goodbyes), for which it keeps the books.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTProtocolVersion

from sensors.packets import PUBLISH, Malformed, Message, Packets, read_publication

CHUNK = 256 * 1024  # bytes read before other work of the loop gets its turn
TICK_S = 1.0  # between looks at the keepalive


class Pump:
    """Between a connected paho client and the loop.

    `limit` is the largest packet to take; `fail` gets what `on_message` or a callback of paho
    raised, or why the peer cannot be understood.
    """

    def __init__(
        self,
        client: paho.Client,
        limit: int,
        on_message: Callable[[Message], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._client = client
        self._on_message = on_message
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._packets = Packets(limit)
        self._is_mqtt5 = client.protocol == MQTTProtocolVersion.MQTTv5
        self._ticks: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Take over the socket, which is connected or already gone."""
        client, loop = self._client, self._loop
        client.on_socket_register_write = self._want_write
        client.on_socket_unregister_write = self._want_no_write
        client.on_socket_close = self._let_go
        self._ticks = loop.call_later(TICK_S, self._tick)
        if (sock := client.socket()) is not None:
            self._socket = _Shown(sock)
            client._sock = self._socket  # paho has no public way to be shown a socket of ours
            loop.add_reader(sock, self._read)
            if client.want_write():
                loop.add_writer(sock, self.write)
            self._read()  # TLS may have read ahead

    def close(self) -> None:
        """Say goodbye if the socket takes it at once, and let go of it in any case."""
        if self._ticks is not None:
            self._ticks.cancel()
        self._client.disconnect()
        self._client.loop_write()
        if (sock := self._client.socket()) is not None:  # the peer does not read
            self._let_go(self._client, None, sock)
            sock.close()

    def write(self) -> None:
        """Write now what the socket takes; the loop does the rest."""
        self._client.loop_write()

    def _read(self) -> None:
        sock = self._socket
        try:
            data = sock.take(CHUNK)
            if data is None:
                return
            received_ns = time.monotonic_ns()
            for packet in self._packets.feed(data):
                source, at, _, end = packet
                if source[at] >> 4 == PUBLISH:
                    self._on_message(
                        read_publication(*packet, received_ns, is_mqtt5=self._is_mqtt5)
                    )
                else:
                    sock.show(source[at:end])
                    self._client.loop_read()
            if not data:
                self._client.loop_read()  # it sees the end for itself
        except Malformed as error:
            self._fail(ConnectionError(str(error)))
        except Exception as error:  # noqa: BLE001 - carried to whoever waits for the session's end
            self._fail(error)
        else:
            if sock.has_pending():  # decrypted already: the selector sees nothing
                self._loop.call_soon(self._read_again, sock)

    def _read_again(self, sock: "_Shown") -> None:
        if self._client.socket() is sock:
            self._read()

    def _tick(self) -> None:
        self._ticks = self._loop.call_later(TICK_S, self._tick)
        self._client.loop_misc()

    def _want_write(self, _client: object, _data: object, sock: Any) -> None:
        self._loop.add_writer(sock, self.write)

    def _want_no_write(self, _client: object, _data: object, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _let_go(self, _client: object, _data: object, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)


class _Shown:
    """A socket of which paho reads only what it is shown. All else is the socket's own."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._bytes = b""
        self._error: OSError | None = None
        self._is_over = False

    def take(self, size: int) -> bytes | None:
        """What has come; None: nothing just now; empty: the end, or an error that paho will see."""
        try:
            data: bytes = self._sock.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            self._error = error
            return b""
        self._is_over = not data
        return data

    def show(self, packet: bytes) -> None:
        self._bytes += packet

    def has_pending(self) -> bool:
        pending = getattr(self._sock, "pending", None)
        return not self._is_over and pending is not None and pending() > 0

    def recv(self, size: int) -> bytes:
        """paho's."""
        if self._bytes:
            data, self._bytes = self._bytes[:size], self._bytes[size:]
            return data
        if self._error is not None:
            raise self._error
        if self._is_over:
            return b""
        raise BlockingIOError

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
