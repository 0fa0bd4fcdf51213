"""Verdicts to a broker. Signature only, for the moment."""

from collections.abc import Callable

from edge.config import Publishing
from edge.publish.outbox import Delivery, Outbox
from sensors.wiring import MqttLink

Published = Callable[[Delivery, int], None]  # what was acknowledged, and when on the box's clock


class MqttPublisher:
    """One session: publishes what the feed `name` owes until the link is lost."""

    def __init__(
        self,
        name: str,  # of the publisher in the outbox
        link: MqttLink,
        publishing: Publishing,
        outbox: Outbox,
        *,
        site: str,
        line: str,
        published: Published,
        up: Callable[[], None],
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            LinkLost: the broker cannot be reached, refuses, or is gone.
        """
        raise NotImplementedError
