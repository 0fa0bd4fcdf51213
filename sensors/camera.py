"""A camera wired to the box: any source OpenCV opens (RTSP, V4L2, a file)."""

from collections.abc import Callable

from sensors.signal import Count, Sample
from sensors.wiring import SensorSource


class CameraSource:
    """One session of one camera; pictures are stamped with their arrival."""

    def __init__(
        self,
        source: SensorSource,
        *,
        height: int,
        width: int,
        deliver: Callable[[Sample], None],
        count: Count,
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Deliver pictures until cancelled.

        Raises:
            LinkLost: it cannot be opened, stopped sending, or ended.
        """
        raise NotImplementedError
