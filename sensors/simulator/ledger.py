"""What the PLC saw, as JSON lines: every trigger, echo and result. The judge of a run reads it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensors.simulator.plan import Plan, SimulatedStation

Event = dict[str, Any]


class Ledger:
    """Appends events; each is on its way to the disk before the next, so that a kill loses none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> "Ledger":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def write(self, event: str, **facts: Any) -> None:
        """One whole line in one system call: a kill leaves no half line."""
        os.write(self._file, (json.dumps({"event": event, **facts}) + "\n").encode())


def events(path: Path) -> Iterator[Event]:
    """Every event so far; none when there is no ledger yet."""
    if not path.exists():
        return
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)


def triggers(plan: Plan, station: SimulatedStation) -> list[Event]:
    """Triggers of one station that a former life of this plan's PLC gave, oldest first."""
    return [
        event
        for event in events(plan.ledger)
        if event["event"] == "trigger"
        and event["station"] == station.id
        and event["edge_ns"] == plan.edge_ns(station, event["sequence"] - 1)
    ]
