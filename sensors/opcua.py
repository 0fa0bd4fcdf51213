"""One ingest session of one OPC UA server: blocks of its sensors, triggers of its stations."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from sensors import codec
from sensors.arrays import ArrayCount
from sensors.complaints import Complaints
from sensors.errors import BadReading
from sensors.link import dial_opcua, gravest, wait_lost
from sensors.plc import PlcTrigger, epoch_ns
from sensors.signal import Announce, Count, Deliver
from sensors.subscription import Granted, Item, Subscription
from sensors.wiring import OpcUaLink, SensorSource, TriggerSource

__all__ = ["Granted", "ObserveClock", "OpcUaSource"]

ObserveClock = Callable[[str, int, int], None]  # link, its clock's reading (epoch), received_ns

BLOCKS = 100  # that a server keeps of a sensor between two publications
TRIGGERS = 32
CLOCK_S = 1.0  # between readings of the server's clock, which are its pulse as well
CLOCK_TIMEOUT_S = 1.5
CLOCK_READINGS = 5  # at connect: the quickest of them counts
REFUSED_AGAIN = 10  # readings, until refused nodes are asked for again
OVERFLOW, OVERFLOW_MASK = 0x0480, 0x0C80  # InfoType DataValue with the Overflow bit, Part 4, 7.39
DTYPES = {
    ua.VariantType.Float: "f4",
    ua.VariantType.Double: "f8",
    ua.VariantType.Int16: "i2",
    ua.VariantType.Int32: "i4",
    ua.VariantType.Byte: "u1",
}
_log = logging.getLogger(__name__)


class OpcUaSource:
    """Subscribes to every node of a link, reads the PLCs' rings and clock.

    Counts, by sensor: `bad_status`, `overflow` (the server lost blocks), `wrong_type`,
    `node_refused` (asked for again now and then); by station see PlcTrigger.
    """

    def __init__(
        self,
        name: str,
        link: OpcUaLink,
        *,
        sensors: Iterable[SensorSource],
        triggers: Mapping[str, TriggerSource],  # by station
        deliver: Deliver,
        announce: Announce,
        observe_clock: ObserveClock,
        count: Count,
        granted: Callable[[Granted], None],
        up: Callable[[], None] = lambda: None,  # called when everything is subscribed
    ) -> None:
        self._name = name
        self._link = link
        self._sensors = tuple(sensors)
        self._triggers = dict(triggers)
        self._deliver = deliver
        self._announce = announce
        self._observe_clock = observe_clock
        self._count = count
        self._granted = granted
        self._up = up
        self._counts = {s.id: ArrayCount() for s in self._sensors}
        self._complaints = Complaints()
        self._has_warned = False

    async def run(self) -> None:
        """Hand on what comes until cancelled.

        Raises:
            LinkLost: the server cannot be reached, refuses, is gone, or has frozen.
        """
        async with dial_opcua(self._link) as client:
            subscription = Subscription(
                self._name, client, self._link.publishing_ms, self._note_granted
            )
            await subscription.open()
            items = [
                Item(s.id, s.node, BLOCKS, _AfterFirst(partial(self._block, s)))
                for s in self._sensors
                if s.node is not None
            ]
            try:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(CLOCK_READINGS):  # a ring's stamps are of no use without
                        await self._ask_clock(client)
                    for station, trigger in self._triggers.items():
                        items += await self._start(tasks, client, station, trigger)
                    refused = await self._watch(subscription, items)
                    self._up()
                    tasks.create_task(wait_lost(client))
                    tasks.create_task(subscription.wait_lost())
                    tasks.create_task(subscription.ask_ahead())
                    tasks.create_task(self._read_clock(client, subscription, refused))
            except BaseExceptionGroup as errors:
                raise gravest(errors) from errors

    async def _start(
        self, tasks: asyncio.TaskGroup, client: Client, station: str, trigger: TriggerSource
    ) -> list[Item]:
        """What a station's PLC remembers, then its live triggers; what is to be watched for it."""
        if trigger.nodes is None:
            return []
        plc = PlcTrigger(client, station, trigger.nodes, self._announce, self._count)
        await plc.catch_up()
        tasks.create_task(plc.run())
        if trigger.poll_ms is None:
            return [Item(station, trigger.nodes.sequence, TRIGGERS, plc.changed)]
        tasks.create_task(plc.poll(trigger.poll_ms / 1e3))
        return []

    async def _watch(self, subscription: Subscription, items: list[Item]) -> list[Item]:
        refused = await subscription.watch(items) if items else []
        for item, why in refused:
            self._count(item.owner, "node_refused")
            _log.warning(
                "%s: node %s of %s cannot be watched (%s): mend it in LINE.toml or on the server",
                self._name, item.node, item.owner, why,
            )  # fmt: skip
        return [item for item, _ in refused]

    async def _read_clock(
        self, client: Client, subscription: Subscription, refused: list[Item]
    ) -> None:
        turn = 0
        while True:
            await asyncio.sleep(CLOCK_S)
            await self._ask_clock(client)
            turn += 1
            if refused and turn % REFUSED_AGAIN == 0:
                refused = await self._watch(subscription, refused)

    async def _ask_clock(self, client: Client) -> None:
        """Read the server's time; no answer in time means that it is gone or frozen."""
        node = [ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))]
        async with asyncio.timeout(CLOCK_TIMEOUT_S):
            values = await client.uaclient.read_attributes(node, AttributeIds.Value)
        received_ns = time.monotonic_ns()
        reading = values[0].Value
        if reading is not None and (stamp := epoch_ns(reading.Value)):
            self._observe_clock(self._name, stamp, received_ns)

    def _note_granted(self, granted: Granted) -> None:
        self._granted(granted)
        if granted.is_slower and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "%s: %s: asked for %.0f ms, the server publishes every %.0f ms, samples every "
                "%.0f ms and keeps %d of %d values: verdicts will be later by as much, and blocks "
                "that come faster than it samples are lost: let the server be as fast as was asked",
                self._name, granted.node, granted.publishing_ms[0], granted.publishing_ms[1],
                granted.sampling_ms[1], granted.queue[1], granted.queue[0],
            )  # fmt: skip

    def _block(self, source: SensorSource, value: ua.DataValue, received_ns: int) -> None:
        status = 0 if value.StatusCode is None else value.StatusCode.value
        overflowed = status & OVERFLOW_MASK == OVERFLOW
        if overflowed:
            self._count(source.id, "overflow")
        if value.StatusCode is not None and value.StatusCode.is_bad():
            self._count(source.id, "bad_status")
            return
        held = value.Value
        properties: Mapping[str, str] = codec.NO_PROPERTIES
        try:
            if source.payload == "array" and held is not None:
                payload, properties = self._array(source, value, held, received_ns, overflowed)
            else:
                payload = _bytes(held)
        except BadReading as error:
            self._count(source.id, error.cause)
            self._complaints.say(source.id, error.cause, str(error), b"")
            return
        self._deliver(source.id, payload, properties, received_ns)

    def _array(
        self,
        source: SensorSource,
        value: ua.DataValue,
        held: ua.Variant,
        received_ns: int,
        overflowed: bool,
    ) -> tuple[bytes, dict[str, str]]:
        dtype = DTYPES.get(held.VariantType)
        if dtype is None or not isinstance(held.Value, list) or not held.Value:
            raise BadReading("wrong_type", f"expected an array of numbers, got {held.VariantType}")
        stamp_ns = epoch_ns(value.SourceTimestamp) or received_ns
        samples = len(held.Value) / source.channels
        period_ns = round(samples * 1e9 / (source.rate_hz or 1.0))
        seq = self._counts[source.id].next(
            stamp_ns, received_ns, max(1, period_ns), overflowed=overflowed
        )
        return codec.pack_array(held.Value, dtype, seq, stamp_ns)


class _AfterFirst:
    """The first notification is the value that stood there, perhaps for hours: no news."""

    def __init__(self, changed: Callable[[ua.DataValue, int], None]) -> None:
        self._changed = changed
        self._is_first = True

    def __call__(self, value: ua.DataValue, received_ns: int) -> None:
        if self._is_first:
            self._is_first = False
        else:
            self._changed(value, received_ns)


def _bytes(held: ua.Variant | None) -> bytes:
    content = None if held is None else held.Value
    if isinstance(content, str):  # JSON in a String
        return content.encode()
    if not isinstance(content, bytes):
        raise BadReading("wrong_type", f"expected a ByteString, got {type(content).__name__}")
    return content
