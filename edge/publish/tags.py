"""One station's handshake variables on its PLC, read and written in the types they really have."""

from dataclasses import dataclass
from datetime import datetime

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds

from sensors.errors import LinkLost
from sensors.wiring import HandshakeNodes

# of a variable that has no value yet
TYPES = {
    "heartbeat": ua.VariantType.UInt32,
    "ready": ua.VariantType.Boolean,
    "busy": ua.VariantType.Boolean,
    "echo_part": ua.VariantType.String,
    "echo_sequence": ua.VariantType.UInt32,
    "result": ua.VariantType.Int16,
    "defect_code": ua.VariantType.Int16,
    "result_sequence": ua.VariantType.UInt32,
    "late": ua.VariantType.Boolean,
    "error_code": ua.VariantType.Int16,
    "result_ready": ua.VariantType.Boolean,
    "ack": ua.VariantType.UInt32,
}


@dataclass(frozen=True, slots=True)
class Ack:
    """What stands in the PLC's Ack."""

    sequence: int | None
    stamp: datetime | None

    def takes(self, sequence: int, before: "Ack") -> bool:
        """Whether this acknowledges `sequence`, when `before` stood there as it was offered.

        The same number may stand there from before the counter wrapped: then its stamp must move.
        """
        if self.sequence != sequence:
            return False
        if before.sequence != sequence:
            return True
        return bool(self.stamp and before.stamp and self.stamp > before.stamp)


class Tags:
    """`open` first; then `write(busy=True, ...)` sets several in one request."""

    def __init__(self, client: Client, station: str, nodes: HandshakeNodes) -> None:
        self._session = client.uaclient
        self._where = f"{client.server_url.geturl()}: stations.{station}.plc.nodes"
        names = {name: getattr(nodes, name) for name in TYPES}
        self._nodes = {name: ua.NodeId.from_string(node) for name, node in names.items()}
        self._types = dict(TYPES)

    async def open(self) -> dict[str, object]:
        """Read everything once: the values, and the types to write in.

        Raises:
            LinkLost: a variable does not exist or cannot be read.
        """
        names = list(self._nodes)
        read = await self._session.read_attributes(list(self._nodes.values()), AttributeIds.Value)
        values: dict[str, object] = {}
        for name, value in zip(names, read, strict=True):
            if value.StatusCode is not None and value.StatusCode.is_bad():
                raise self._refused(name, "read", value.StatusCode)
            if value.Value is not None and value.Value.VariantType != ua.VariantType.Null:
                self._types[name] = value.Value.VariantType
                values[name] = value.Value.Value
        return values

    async def write(self, **values: object) -> None:
        """Set several variables in one request.

        Raises:
            LinkLost: the PLC refuses one of them.
        """
        nodes = [self._nodes[name] for name in values]
        # value alone: many PLCs refuse to be told a status or a time stamp
        written = [
            ua.DataValue(ua.Variant(value, self._types[name]), StatusCode=None)
            for name, value in values.items()
        ]
        results = await self._session.write_attributes(nodes, written)
        for name, status in zip(values, results, strict=True):
            if not status.is_good():
                raise self._refused(name, "written", status)

    async def read_ack(self) -> Ack:
        (value,) = await self._session.read_attributes([self._nodes["ack"]], AttributeIds.Value)
        return ack_of(value)

    def _refused(self, name: str, verb: str, status: ua.StatusCode) -> LinkLost:
        return LinkLost(
            f"{self._where}.{name} ({self._nodes[name].to_string()}) cannot be {verb}: "
            f"{status.name}; correct the node, or its access on the PLC"
        )


def ack_of(value: ua.DataValue) -> Ack:
    content = value.Value.Value if value.Value is not None else None
    return Ack(content if isinstance(content, int) else None, value.SourceTimestamp)
