"""Verdicts to a PLC. Signature only, for the moment."""

from collections.abc import Callable, Mapping

from edge.config import PlcHandshake
from edge.journal import Accepted
from edge.publish.outbox import Delivery, Outbox
from sensors.signal import Count
from sensors.wiring import OpcUaLink

Published = Callable[[Delivery, int], None]  # what was acknowledged, and when on the box's clock


def publisher_name(station: str) -> str:
    """Of a station's mailbox in the outbox: each owes its own deliveries."""
    return f"plc.{station}"


class Echoes:
    """The newest accepted trigger of each station, to be echoed now and after every reconnect."""

    def accepted(self, accepted: Accepted) -> None:
        raise NotImplementedError


class PlcPublisher:
    """One session with one PLC: heartbeat, echoes, and a mailbox for each of its stations."""

    def __init__(
        self,
        name: str,  # of the link
        link: OpcUaLink,
        stations: Mapping[str, PlcHandshake],
        outbox: Outbox,
        echoes: Echoes,
        *,
        is_ready: Callable[[], bool],
        published: Published,
        count: Count,
        up: Callable[[], None],
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Serve the PLC until cancelled.

        Raises:
            LinkLost: the PLC cannot be reached, refuses, is gone, or has frozen.
        """
        raise NotImplementedError
