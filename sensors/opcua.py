"""One ingest session of one OPC UA server: blocks of its sensors, triggers of its stations."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sensors.signal import Announce, Count, Deliver
from sensors.wiring import OpcUaLink, SensorSource, TriggerSource

ObserveClock = Callable[[str, int, int], None]  # link, its clock's reading, received_ns


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
        raise NotImplementedError


class OpcUaSource:
    """Subscribes to every node of a link, reads the PLCs' rings and clock."""

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
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Hand on what comes until cancelled.

        Raises:
            LinkLost: the server cannot be reached, refuses, is gone, or has frozen.
        """
        raise NotImplementedError
