"""Decodes the pictures that open parts need, as they come, and has networks look at them.

Of a camera's pictures about half are in no part's clip, and decoding was a third of all the work of
the box: they are left encoded. Where triggers come after their pictures (a PLC that publishes twice
a second), a part would find eight of them still to be decoded, so that there every picture is
decoded as it comes.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from edge.decode import DecodeThread
from sensors.clip import Picture
from sensors.complaints import Complaints
from sensors.condition import appearance
from sensors.errors import BadReading
from sensors.signal import Appearance, Count, Encoded
from sensors.windower import Windower

LATE = 2  # pictures of a part that came before its trigger; if more, the next are not left
Look = Callable[[NDArray[np.uint8]], None]  # at one picture, long before its clip is whole
AHEAD = 2  # pictures of a camera that wait for decoding, beyond which none is decoded in advance


class FrameDecoder:
    """Between the rings of one station and the decode thread.

    `developed(sensor)` is called when a picture has its pixels. Counts `undecodable` and its like.
    """

    def __init__(
        self,
        windower: Windower,
        cameras: Iterable[str],
        decode: DecodeThread,
        count: Count,
        developed: Callable[[str], None],
    ) -> None:
        self._windower = windower
        self._is_late = dict.fromkeys(cameras, False)
        self._decode = decode
        self._count = count
        self._developed = developed
        self._complaints = Complaints()

    def came(self, sensor: str) -> None:
        """A block of this sensor is in its ring."""
        if self._is_late.get(sensor) and self._decode.waiting(sensor) < AHEAD:
            picture = self._windower.newest(sensor)
            if picture is not None:
                self._submit(sensor, picture)

    def opened(self, sensor: str, edge_ns: int, look: Look) -> None:
        """A part waits for this sensor's windows from now on; the first tells how late it came."""
        if sensor in self._is_late:
            self._is_late[sensor] = self._windower.come(sensor, edge_ns) > LATE
            self.ask(sensor, edge_ns, look)

    def ask(self, sensor: str, edge_ns: int, look: Look, window: int = 0) -> None:
        """Decode what a part's window needs of what has come; `look` at what is decoded, once.

        A picture of two windows is decoded once and looked at once: networks remember it.
        """
        if sensor not in self._is_late:
            return
        for picture in self._windower.wanted(sensor, edge_ns, window):
            if picture.pixels is None:
                self._submit(sensor, picture)
            elif not picture.is_looked_at:
                picture.is_looked_at = True
                look(picture.pixels)

    def _submit(self, sensor: str, picture: Picture) -> None:
        encoded = picture.encoded
        if encoded is None or picture.is_asked:
            return

        def work() -> tuple[NDArray[np.uint8], Appearance] | BadReading:
            try:
                pixels = encoded.decode()
            except BadReading as error:
                return error
            return pixels, appearance(pixels)

        def done(result: tuple[NDArray[np.uint8], Appearance] | BadReading) -> None:
            if isinstance(result, BadReading):
                self._refuse(sensor, result, encoded)
                self._windower.develop(sensor, picture, None)
            else:
                self._windower.develop(sensor, picture, *result)
            self._developed(sensor)

        picture.is_asked = self._decode.submit(sensor, work, done)

    def _refuse(self, sensor: str, error: BadReading, encoded: Encoded) -> None:
        self._count(sensor, error.cause)
        self._complaints.say(sensor, error.cause, str(error), encoded.data)
