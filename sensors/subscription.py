"""One OPC UA subscription: what is watched, what the server granted of it, and its pulse."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import BadNoSubscription, BadTimeout, BadTooManyPublishRequests

from sensors.errors import LinkLost

KEEPALIVE_MS = 1000.0  # how often a server with nothing to say says so
LIFETIME_MS = 30_000.0  # how long it keeps a subscription nobody listens to
MISSED = 3  # keepalives, until the subscription is taken for dead
NO_FILTER = (
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadMonitoredItemFilterInvalid,
    StatusCodes.BadFilterNotAllowed,
)

Changed = Callable[[ua.DataValue, int], None]  # value, received_ns


@dataclass(frozen=True, slots=True)
class Item:
    """A node to watch."""

    owner: str  # sensor or station
    node: str
    queue: int
    changed: Changed


@dataclass(frozen=True, slots=True)
class Granted:
    """What was asked of the server for one node, and what it gave."""

    link: str
    node: str
    publishing_ms: tuple[float, float]  # asked, granted
    sampling_ms: tuple[float, float]
    queue: tuple[int, int]

    @property
    def is_slower(self) -> bool:
        """Blocks will wait, or be lost, where what was asked would have carried them."""
        asked_ms, publishing_ms = self.publishing_ms
        slow = max(publishing_ms, self.sampling_ms[1]) > 1.01 * asked_ms
        return slow or self.queue[1] < self.queue[0]


class Subscription:
    """Data changes of some items, handed on as they come. Everything runs on the loop."""

    def __init__(
        self, link: str, client: Client, publishing_ms: float, granted: Callable[[Granted], None]
    ) -> None:
        self._link = link
        self._client = client
        self._asked_ms = publishing_ms
        self._granted_ms = publishing_ms
        self._granted = granted
        self._id = 0
        self._items: dict[int, Changed] = {}  # by client handle
        self._failed: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        self._heard_ns = 0
        self._patience_ns = 0

    async def open(self) -> None:
        """Create it on the server, still empty."""
        asked = ua.CreateSubscriptionParameters()
        asked.RequestedPublishingInterval = ua.Duration(self._asked_ms)
        keepalives = max(1, round(KEEPALIVE_MS / self._asked_ms))
        asked.RequestedMaxKeepAliveCount = ua.UInt32(keepalives)
        asked.RequestedLifetimeCount = ua.UInt32(
            max(3 * keepalives, round(LIFETIME_MS / self._asked_ms))
        )
        asked.PublishingEnabled = True
        given = await self._client.uaclient.create_subscription(asked, self._published)
        self._id = given.SubscriptionId
        self._granted_ms = float(given.RevisedPublishingInterval)
        silence_ms = max(1, given.RevisedMaxKeepAliveCount) * max(1.0, self._granted_ms)
        self._patience_ns = round(MISSED * max(KEEPALIVE_MS, silence_ms) * 1e6)
        self._heard_ns = time.monotonic_ns()

    async def watch(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Add items; those that the server refused, and why."""
        results = await self._create(items, with_filter=True)
        plain = [
            item
            for item, result in zip(items, results, strict=True)
            if result.StatusCode.value in NO_FILTER
        ]
        again = iter(await self._create(plain, with_filter=False) if plain else [])
        refused = []
        for item, first in zip(items, results, strict=True):
            result = next(again) if item in plain else first
            if not result.StatusCode.is_good():
                refused.append((item, result.StatusCode.name))
                continue
            self._granted(
                Granted(
                    self._link,
                    item.node,
                    (self._asked_ms, self._granted_ms),
                    (0.0, float(result.RevisedSamplingInterval)),
                    (item.queue, int(result.RevisedQueueSize)),
                )
            )
        return refused

    async def wait_lost(self) -> NoReturn:
        """Raises LinkLost when the server ends it or has no pulse; and what a listener raised."""
        while True:
            left_ns = self._heard_ns + self._patience_ns - time.monotonic_ns()
            if left_ns < 0:
                raise LinkLost(f"{self._link}: the subscription is silent, not even keepalives")
            await asyncio.wait([self._failed], timeout=left_ns / 1e9 + 0.01)
            if self._failed.done():
                self._failed.result()

    async def ask_ahead(self) -> None:
        """Keep a second request with the server, beside asyncua's one: what is ready while an
        answer is under way need not wait for the next request (Part 4, 5.14.5, asks for several).

        Returns where the server takes no more than one. Raises what asyncua raises.
        """
        acks: list[ua.SubscriptionAcknowledgement] = []
        while True:
            try:
                response = await self._client.uaclient.publish(acks)
            except BadTimeout:
                acks = []
                continue
            except (BadNoSubscription, BadTooManyPublishRequests):
                return
            result = response.Parameters
            self._published(result)
            acks = []
            if result.NotificationMessage.NotificationData:
                taken = result.NotificationMessage.SequenceNumber
                acks.append(ua.SubscriptionAcknowledgement(result.SubscriptionId, taken))

    async def _create(
        self, items: Sequence[Item], *, with_filter: bool
    ) -> list[ua.MonitoredItemCreateResult]:
        asked = ua.CreateMonitoredItemsParameters()
        asked.SubscriptionId = self._id
        asked.TimestampsToReturn = ua.TimestampsToReturn.Source
        asked.ItemsToCreate = [self._request(item, with_filter=with_filter) for item in items]
        return await self._client.uaclient.create_monitored_items(asked)

    def _request(self, item: Item, *, with_filter: bool) -> ua.MonitoredItemCreateRequest:
        """Exception-based, everything that happens, stamps of unchanged values included."""
        handle = len(self._items) + 1
        self._items[handle] = item.changed
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor.NodeId = ua.NodeId.from_string(item.node)
        request.ItemToMonitor.AttributeId = AttributeIds.Value
        request.MonitoringMode = ua.MonitoringMode.Reporting
        wanted = request.RequestedParameters
        wanted.ClientHandle = ua.UInt32(handle)
        wanted.SamplingInterval = ua.Duration(0.0)
        wanted.QueueSize = ua.UInt32(item.queue)
        wanted.DiscardOldest = True
        if with_filter:
            wanted.Filter = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
        return request

    def _published(self, result: ua.PublishResult) -> None:
        received_ns = time.monotonic_ns()
        self._heard_ns = received_ns
        try:
            for notification in result.NotificationMessage.NotificationData or ():
                if isinstance(notification, ua.DataChangeNotification):
                    for one in notification.MonitoredItems:
                        self._items[one.ClientHandle](one.Value, received_ns)
                elif isinstance(notification, ua.StatusChangeNotification):
                    name = notification.Status.name
                    raise LinkLost(f"{self._link}: the server ended the subscription ({name})")
        except Exception as error:  # noqa: BLE001 - asyncua would swallow it; wait_lost raises it
            if not self._failed.done():
                self._failed.set_exception(error)
                self._failed.exception()  # retrieved: nobody may be waiting
