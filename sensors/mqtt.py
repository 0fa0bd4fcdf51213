"""One ingest session of one broker: blocks of its sensors, triggers of its stations."""

from collections.abc import Iterable, Mapping

from sensors.signal import Announce, Count, Deliver
from sensors.wiring import MqttLink, SensorSource, TriggerSource


class MqttSource:
    """Subscribes to every topic of a link; blocks at QoS 0, triggers at QoS 1 until journalled."""

    def __init__(
        self,
        name: str,
        link: MqttLink,
        *,
        client_id: str,
        sensors: Iterable[SensorSource],
        triggers: Mapping[str, TriggerSource],  # by station
        deliver: Deliver,
        announce: Announce,
        count: Count,
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Hand on what comes until cancelled.

        Raises:
            LinkLost: the broker cannot be reached, refuses, or is gone.
        """
        raise NotImplementedError
