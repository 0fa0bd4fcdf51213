"""The stations' own OPC UA server: sensors that speak OPC UA write their blocks to its nodes."""

from datetime import UTC, datetime

import numpy as np
from asyncua import ua
from asyncua.server.server import Server as UaServer
from asyncua.ua.status_codes import StatusCodes

from sensors import codec
from sensors.block import Block
from sensors.simulator.plan import Plan, SimulatedSensor
from sensors.simulator.timepiece import as_datetime


class _Written(ua.DataValue):
    """A value that is never changed once written, so that subscriptions need not copy it.

    asyncua copies every value once per subscription, number by number.
    """

    def __deepcopy__(self, memo: dict[int, object]) -> "_Written":
        return self


class Gateway:
    """The address space of the sensors that speak OPC UA, by node."""

    def __init__(self, plan: Plan) -> None:
        self._sensors = [s for station in plan.stations for s in station.sensors if s.node]
        self._server: UaServer | None = None
        self._nodes: dict[str, tuple[ua.NodeId, bool]] = {}  # by sensor; True: plain arrays
        self.sent = 0

    async def create(self, server: UaServer) -> None:
        self._server = server
        for sensor in self._sensors:
            await self._add(server, sensor)

    async def write(self, block: Block) -> None:
        """Put a block into its sensor's node, stamped with the block's time."""
        assert self._server is not None
        node, is_array = self._nodes[block.sensor]
        if is_array:
            value = ua.Variant(_interleaved(block), ua.VariantType.Float)
        else:
            value = ua.Variant(codec.pack(block), ua.VariantType.ByteString)
        stamp = as_datetime(block.t0_ns)
        await self._server.write_attribute_value(node, _Written(value, SourceTimestamp=stamp))  # type: ignore[arg-type]
        self.sent += 1

    async def _add(self, server: UaServer, sensor: SimulatedSensor) -> None:
        node = ua.NodeId.from_string(sensor.node or "")
        is_array = sensor.payload == "array"
        kind = ua.VariantType.Float if is_array else ua.VariantType.ByteString
        await server.nodes.objects.add_variable(
            node, ua.QualifiedName(sensor.id, 2), ua.Variant([0.0] if is_array else b"", kind)
        )
        waiting = ua.DataValue(
            ua.Variant(None),
            StatusCode=ua.StatusCode(ua.UInt32(StatusCodes.BadWaitingForInitialData)),
            SourceTimestamp=datetime.now(UTC),  # type: ignore[arg-type]
        )
        await server.write_attribute_value(node, waiting)
        self._nodes[sensor.id] = (node, is_array)


def _interleaved(block: Block) -> list[float]:
    """Channels sample by sample, as a PLC's array holds them."""
    values: list[float] = (
        np.frombuffer(block.data, f"<{block.dtype}").reshape(block.shape).T.ravel().tolist()
    )
    return values
