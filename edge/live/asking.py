"""A command asks the daemon at work, if there is one."""

import http.client
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.errors import BundleError, ConfigError
from edge.store.state import Place, Ref

SOCKET = "control.sock"
PATIENCE_S = 300.0  # three networks may take long to build on a small box
JSON = {"Content-Type": "application/json"}


class Daemon:
    """The one whose state folder this is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def is_at_work(self) -> bool:
        """
        Raises:
            ConfigError: there is one, and this user may not ask it.
        """
        try:
            self.status()
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return False
        except PermissionError as error:
            raise ConfigError(
                f"{self._folder}: the daemon's user alone, and root, may ask it what it runs; run "
                "this as one of them"
            ) from error
        return True

    def status(self) -> list[dict[str, Any]]:
        """What judges at each place."""
        return list(self._ask("GET", "/")["places"])

    def prepare(self, ref: Ref, places: Sequence[Place]) -> float:
        """Have it load and prove a version; the seconds that it took.

        Raises:
            BundleError: it refuses; nothing has changed.
        """
        asked = {"ref": ref.model_dump(), "places": [list(place) for place in places]}
        answer = self._ask("POST", "/prepare", json.dumps(asked))
        if "refused" in answer:
            raise BundleError(f"the daemon refuses it, and goes on as it is: {answer['refused']}")
        return float(answer["took_s"])

    def look(self) -> list[dict[str, Any]]:
        """Have it follow the store now; what judges at each place then."""
        return list(self._ask("POST", "/look")["places"])

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection = _Connection(self._folder)
        try:
            connection.request(method, path, body, JSON if body else {})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        except (http.client.HTTPException, json.JSONDecodeError, ConnectionResetError) as error:
            raise BundleError(
                f"the daemon gave no answer ({type(error).__name__}); edge bundle status says what "
                "judges, once it is back"
            ) from error
        finally:
            connection.close()
        return answer


class _Connection(http.client.HTTPConnection):
    def __init__(self, folder: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._folder = folder

    def connect(self) -> None:
        # by the folder's handle: the path of a socket has 107 bytes at most
        handle = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(PATIENCE_S)
            self.sock.connect(f"/proc/self/fd/{handle}/{SOCKET}")
        finally:
            os.close(handle)
