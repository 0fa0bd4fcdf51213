"""The simulated PLC's variables, one row each, made for every station."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.callback import Callback, ServerItemCallback
from asyncua.server.server import Server as UaServer

from sensors.simulator.plan import Plan, node
from sensors.simulator.server import stamped

RING = 16  # triggers the PLC remembers
NEVER = datetime(1601, 1, 1, tzinfo=UTC)  # zero of OPC UA's DateTime


@dataclass(frozen=True, slots=True)
class Tag:
    """One variable of a station."""

    name: str
    kind: ua.VariantType
    initial: object
    from_box: bool = False  # the box may write it, and nothing else


TAGS = (
    Tag("Sequence", ua.VariantType.UInt32, 0),
    Tag("PartId", ua.VariantType.String, ""),
    Tag("Recipe", ua.VariantType.String, ""),
    Tag("RingSequence", ua.VariantType.UInt32, [0] * RING),
    Tag("RingPartId", ua.VariantType.String, [""] * RING),
    Tag("RingRecipe", ua.VariantType.String, [""] * RING),
    Tag("RingTime", ua.VariantType.DateTime, [NEVER] * RING),
    Tag("Heartbeat", ua.VariantType.UInt32, 0, from_box=True),
    Tag("Ready", ua.VariantType.Boolean, False, from_box=True),
    Tag("Busy", ua.VariantType.Boolean, False, from_box=True),
    Tag("EchoPartId", ua.VariantType.String, "", from_box=True),
    Tag("EchoSequence", ua.VariantType.UInt32, 0, from_box=True),
    Tag("Result", ua.VariantType.Int16, 0, from_box=True),
    Tag("DefectCode", ua.VariantType.Int16, 0, from_box=True),
    Tag("ResultSequence", ua.VariantType.UInt32, 0, from_box=True),
    Tag("Late", ua.VariantType.Boolean, False, from_box=True),
    Tag("ErrorCode", ua.VariantType.Int16, 0, from_box=True),
    Tag("ResultReady", ua.VariantType.Boolean, False, from_box=True),
    Tag("Ack", ua.VariantType.UInt32, 0),
)
_KINDS = {tag.name: tag.kind for tag in TAGS}


class Board:
    """The variables of all stations as the PLC's own program sees them.

    `scan_s` above 0 is a slow PLC: what its program sets reaches the variables only at whole
    multiples of that time, the last value of each, with the stamp it was set with.
    """

    def __init__(self, plan: Plan, scan_s: float = 0.0) -> None:
        self._plan = plan
        self._scan_s = scan_s
        self._server: UaServer | None = None
        self._held: dict[ua.NodeId, ua.DataValue] = {}
        self._names = {
            node(station.id, tag.name): (station.id, tag.name)
            for station in plan.stations
            for tag in TAGS
        }

    async def create(self, server: UaServer) -> None:
        """Make every station's variables under an object of its name."""
        self._server = server
        for station in self._plan.stations:
            folder = await server.nodes.objects.add_object(
                ua.NodeId.from_string(f"ns=2;s={station.id}"), ua.QualifiedName(station.id, 2)
            )
            for tag in TAGS:
                variable = await folder.add_variable(
                    ua.NodeId.from_string(node(station.id, tag.name)),
                    ua.QualifiedName(tag.name, 2),
                    ua.Variant(tag.initial, tag.kind),
                )
                if tag.from_box:
                    await variable.set_writable()

    def read(self, station: str, name: str) -> Any:
        """A variable's value now."""
        assert self._server is not None
        value = self._server.iserver.read_attribute_value(
            ua.NodeId.from_string(node(station, name))
        ).Value
        return value.Value if value else None

    async def post(self, station: str, values: Mapping[str, object], stamp: datetime) -> None:
        """Set variables, in the order given."""
        for name, value in values.items():
            key = ua.NodeId.from_string(node(station, name))
            self._held.pop(key, None)  # the order of the last setting counts
            self._held[key] = stamped(value, _KINDS[name], stamp)
        if self._scan_s == 0.0:
            await self._flush()

    async def scan(self) -> None:
        """Bring what a slow PLC's program has set to its variables, tick by tick, for ever."""
        while True:
            await asyncio.sleep(self._scan_s - time.monotonic() % self._scan_s)
            await self._flush()

    def written(self, event: Callback) -> set[tuple[str, str]]:
        """(station, tag) of all that one write request of a client has set."""
        if not isinstance(event, ServerItemCallback) or not event.is_external:
            return set()
        rows = zip(event.request_params.NodesToWrite, event.response_params, strict=True)
        keys = {row.NodeId.to_string() for row, status in rows if status.is_good()}
        return {self._names[key] for key in keys if key in self._names}

    async def _flush(self) -> None:
        assert self._server is not None
        held, self._held = self._held, {}
        for key, value in held.items():
            await self._server.write_attribute_value(key, value)
