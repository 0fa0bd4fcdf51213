"""A network over clips, run picture by picture: each is looked at when it comes.

What the part by pictures makes of one depends on its pixels alone, so it is kept by them: for the
clip that the picture is in, and for the next part's, if it is in that too. Nothing else changes: a
picture that nobody prepared is looked at when its clip is run.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.inference.runner import Done, Outputs, Precision, Runner

KEPT = 128  # pictures, 2.5 MB of the shipped network in integers: the clips of sixteen cameras


class Judging(Runner, Protocol):
    """A network that takes what was seen of every picture from where it lies."""

    def run_pieces(self, pieces: Sequence[NDArray[np.generic]]) -> Outputs:
        """As `run` of all of them as one array (picture, ...). Blocks.

        Raises:
            RunFailed: the engine refused or broke off.
        """


class PictureByPicture:
    """Two compiled halves of one network: `looking` at a picture, `judging` what all show."""

    most = 1  # pictures come one by one: there is nothing to batch

    def __init__(self, looking: Runner, judging: Judging, seen: str) -> None:
        self._looking = looking
        self._judging = judging
        self._tensor = seen
        self._seen: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    @property
    def name(self) -> str:
        return self._judging.name

    @property
    def precision(self) -> Precision:
        """INT8 where either half is: they are quantised together."""
        return "int8" if "int8" in (self._looking.precision, self._judging.precision) else "fp32"

    def run(self, data: NDArray[np.generic]) -> Outputs:
        """As the whole network: `data` is (frame, height, width).

        The last picture first: it alone is new as a rule, and while the engine looks at it the
        interpreter is free for the other networks of the part.
        """
        seen = [self.look(one) for one in data[::-1]]
        return self._judging.run_pieces(seen[::-1])

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        (data,) = windows
        return Done([self.run(data)])

    def look(self, picture: NDArray[np.generic]) -> NDArray[np.float32]:
        """What there is to see in one picture (height, width). Blocks.

        Raises:
            RunFailed: the engine refused or broke off.
        """
        pixels = picture.tobytes()
        seen = self._seen.get(pixels)
        if seen is None:
            seen = self._looking.run(picture[None])[self._tensor]
            self._seen[pixels] = seen
            if len(self._seen) > KEPT:
                self._seen.popitem(last=False)
        return seen
