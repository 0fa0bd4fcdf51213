"""The words of the sensor side: Sample, Announcement, Trigger, Appearance, Quality, Window.

Times named `*_ns` are nanoseconds. `source_ns` is on the source's own clock (whatever it counts
from); every other time is on the box's monotonic clock (`time.monotonic_ns`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ClockKind = Literal["synchronised", "envelope", "doubtful"]
Count = Callable[[str, str], None]  # what it happened to (a sensor, a link), and the named cause
Deliver = Callable[[str, bytes, Mapping[str, str], int], None]
"""A payload to its decoder: sensor, bytes, properties, received_ns. Quick; on the loop."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as it came. Its pixels are made when a part needs them: half of all never are."""

    decode: Callable[[], NDArray[np.uint8]]  # (height, width) grey; raises BadReading
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Appearance:
    """How a picture is exposed and focused, or the pictures of a clip; shares are 0 to 1."""

    brightness: float  # mean grey, 1 is white
    dark: float  # share of pixels that are black
    white: float  # share of pixels that are saturated
    sharpness: float  # fine detail: RMS of the Laplacian over the deviation of the grey levels


@dataclass(frozen=True, slots=True)
class Waveform:
    """How strong a waveform is, how noisy, how finely divided; levels in its own unit."""

    level: float  # RMS about the mean, of the quietest channel
    floor: float  # RMS of half the differences in the quietest stretch of the quietest channel
    whiteness: float  # von Neumann's ratio of the whitest channel: 0 a slow swing, 2 white noise
    held: float  # share of samples that equal the one before, in the channel that has most


@dataclass(frozen=True, slots=True)
class Sample:
    """One block of one sensor: a stretch of a waveform, or one picture."""

    sensor: str
    seq: int  # counts blocks, +1 each
    source_ns: int  # of the first sample (waveform) or of the exposure (picture), source clock
    received_ns: int  # arrival of the payload
    rate_hz: float  # samples, or frames, a second
    # (channel, sample) SI, or (height, width) grey, or a picture still encoded
    data: NDArray[np.float32] | NDArray[np.uint8] | Encoded
    late_ns: int = 0  # it arrived so much later than its clock's best blocks
    drift_ppm: float = 0.0  # of its clock against the box's
    appearance: Appearance | None = None  # of a decoded picture, where somebody looked already


@dataclass(frozen=True, slots=True)
class Trigger:
    """The plant says: part `part` is here. Its identity is station and sequence."""

    station: str
    sequence: int
    part: str  # data, may come back; empty when the plant could not read it
    recipe: str
    source_ns: int  # the plant's stamp of the edge, epoch; 0 when it gave none
    edge_ns: int  # the same instant on the box's clock
    received_ns: int
    recovered: bool = False  # read from the PLC's ring or a broker's queue after an absence


@dataclass(frozen=True, slots=True)
class Announcement:
    """A trigger as a wire told it: not yet on the box's clock, perhaps heard before."""

    station: str
    sequence: int
    part: str
    recipe: str
    source_ns: int  # the plant's stamp of the edge, its own clock; 0 when it gave none
    received_ns: int
    from_ring: bool = False  # not heard live: a PLC's ring, or a broker's queue


Announce = Callable[[Announcement, Callable[[], None]], None]
"""A trigger to the journal, and what to call on the loop once it is safe there (or refused)."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of a window's data before any model looks at it; fractions are 0 to 1."""

    coverage: float = 1.0  # share of the window for which there is data
    gaps: int = 0  # missing stretches
    clipped: float = 0.0  # share of samples at the largest value seen, in runs
    repeated: float = 0.0  # share of blocks or frames whose content equals the one before
    replayed: float = 0.0  # share of those that came shortly before, with others in between
    is_flat: bool = False  # no variation at all
    skew_ms: float = 0.0  # how far stamps disagree with the count of blocks, or with arrivals
    drift_ppm: float = 0.0  # of the source's clock against the box's
    appearance: Appearance | None = None  # of a clip
    waveform: Waveform | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What one sensor saw of one part, cut and checked; the input of one detector."""

    sensor: str
    data: NDArray[np.float32] | NDArray[np.uint8]  # (channel, sample) SI, or (frame, height, width)
    start_ns: int
    end_ns: int  # acquisition of the last needed sample, box clock
    received_ns: int  # arrival of the block that completed it
    ready_ns: int  # when it was cut
    clock: ClockKind
    quality: Quality
    anchor: "Anchor | None" = None  # of a waveform


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a waveform stood on the box's clock when a window was cut: enough to cut it again."""

    seq: int  # of the newest block then
    time_ns: int  # of that block's first sample
