"""The PLC's ledger, read while it grows: JSON lines of triggers, echoes and results."""

import json
from pathlib import Path
from typing import Any

from edge.trial.account import Account, Announced, Taken


class Tail:
    """A file that another process appends whole lines to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def lines(self) -> list[str]:
        """What was added since the last call; a line without its end waits for the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode().splitlines()


def enter(account: Account, line: str) -> None:
    """Put one event into the books.

    Raises:
        ValueError: not an event of the ledger.
    """
    event: dict[str, Any] = json.loads(line)
    key = event["station"], event["sequence"]
    match event["event"]:
        case "trigger":
            account.announce(Announced(*key, event["part"], event["edge_ns"], event["pool_index"]))
        case "echo":
            account.echo(key, event["monotonic_ns"])
        case "result":
            account.result(key, Taken(event["result"], event["late"]))
        case other:
            raise ValueError(f"the PLC's ledger has an event {other!r}, which nobody knows")
