"""Drives paho's socket from the event loop: it reads and writes when the loop says so."""

import asyncio
from collections.abc import Callable
from typing import Any

from paho.mqtt import client as paho

BURST = 64  # messages read before other work of the loop gets its turn
TICK_S = 1.0  # between looks at the keepalive


class Pump:
    """Between a connected paho client and the loop. `fail` gets what a callback of it raised."""

    def __init__(self, client: paho.Client, fail: Callable[[Exception], None]) -> None:
        self._client = client
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._messages = 0
        self._ticks: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Take over the socket, which is connected or already gone."""
        client, loop = self._client, self._loop
        client.on_socket_register_write = self._want_write
        client.on_socket_unregister_write = self._want_no_write
        client.on_socket_close = self._let_go
        self._ticks = loop.call_later(TICK_S, self._tick)
        if (sock := client.socket()) is not None:
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

    def saw_message(self) -> None:
        """Called from the client's on_message: there may be another one right behind."""
        self._messages += 1

    def write(self) -> None:
        """Write now what the socket takes; the loop does the rest."""
        self._client.loop_write()

    def _read(self) -> None:
        try:
            for _ in range(BURST):
                before = self._messages
                self._client.loop_read()
                if self._messages == before:
                    break
        except Exception as error:  # noqa: BLE001 - carried to whoever waits for the session's end
            self._fail(error)
            return
        pending = getattr(self._client.socket(), "pending", None)
        if pending is not None and pending():  # decrypted already: the selector sees nothing
            self._loop.call_soon(self._read)

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
