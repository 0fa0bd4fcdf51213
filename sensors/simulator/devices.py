"""The devices of a station: each cuts its own stream into blocks, on its own clock.

A device samples for ever, counts every block it takes, and hands each over right after its last
sample. Its grid of blocks lies at random against the triggers, and against every other device's.
"""

from typing import NamedTuple, Protocol
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.block import Block
from sensors.simulator.faults import Past, SensorFaults, clipped, faults_of
from sensors.simulator.plan import Plan, PlanError, SimulatedSensor, SimulatedStation
from sensors.simulator.pool import SENSES, Pool, Sense
from sensors.simulator.show import FrameShow, WaveShow
from sensors.simulator.timepiece import Timepiece


class Taken(NamedTuple):
    """One block, and when it goes out."""

    block: Block | None  # None: lost
    send_ns: int  # monotonic
    taken_ns: int  # the same, of its first sample


class Content(Protocol):
    """Where a device's numbers come from."""

    def start(self, first_ns: int) -> None:
        """The first sample is the one the device's clock stamps `first_ns`."""

    def take(self, seq: int, now_ns: int) -> NDArray[np.float32] | bytes:
        """Block `seq`, whose first sample is taken at `now_ns`, faults included."""


class Device:
    """A sensor with its clock, its grid of blocks and its faults."""

    def __init__(
        self,
        plan: Plan,
        sensor: SimulatedSensor,
        *,
        clock: Timepiece,
        content: Content,
        samples: int,
        faults: SensorFaults,
    ) -> None:
        self.sensor = sensor
        self._sense = SENSES[sensor.sense]
        self._clock = clock
        self._content = content
        self._samples = samples  # of one block; 1 of a picture
        self._faults = faults
        self._phase = crc32(f"{plan.seed}/{sensor.id}/phase".encode()) / 2**32  # of a block
        self._grid_ns = clock.stamp(plan.start_ns)
        self._first_ns = 0
        self._seq = 0

    @property
    def period_s(self) -> float:
        """From one block to the next."""
        return self._samples / self._sense.rate_hz

    @property
    def due_ns(self) -> int:
        """Monotonic time at which the next block is complete."""
        of_picture = self._sense.is_picture
        return self._clock.instant(self._stamp(self._seq if of_picture else self._seq + 1))

    def start(self, now_ns: int) -> None:
        """Power on: the first block is the first of the grid that begins from now on."""
        period_ns = self._samples * 1e9 / self._sense.rate_hz
        blocks = (self._clock.stamp(now_ns) - self._grid_ns) / period_ns - self._phase
        self._first_ns = self._grid_ns + round((np.ceil(blocks) + self._phase) * period_ns)
        self._content.start(self._first_ns)

    def take(self) -> Taken:
        """The next block."""
        seq, due_ns = self._seq, self.due_ns
        stamp_ns = self._stamp(seq)
        taken_ns = self._clock.instant(stamp_ns)
        self._seq += 1
        content = self._content.take(seq, taken_ns)
        if self._faults.is_lost(seq, taken_ns):
            return Taken(None, due_ns, taken_ns)
        t0_ns = stamp_ns + self._faults.clock_error_ns(taken_ns)
        block = self._sense.block(self.sensor.id, seq, t0_ns, content)
        return Taken(block, due_ns + self._faults.delay_ns(taken_ns), taken_ns)

    def skip(self, blocks: int) -> None:
        """Take the next ones, and keep them."""
        self._seq += blocks

    def _stamp(self, seq: int) -> int:
        """Of the first sample of block `seq`, as the device's clock shows it."""
        return self._first_ns + round(seq * self._samples * 1_000_000_000 / self._sense.rate_hz)


class WaveContent:
    """Blocks of a waveform."""

    def __init__(self, show: WaveShow, samples: int, *, faults: SensorFaults, peak: float) -> None:
        self._show = show
        self._samples = samples
        self._faults = faults
        self._peak = peak
        self._past = Past[NDArray[np.float32]](faults)

    def start(self, first_ns: int) -> None:
        self._show.start(first_ns)

    def take(self, seq: int, now_ns: int) -> NDArray[np.float32]:
        data = self._show.cut(seq * self._samples, self._samples)
        if (again := self._past.again(now_ns)) is not None:
            return again
        if clip := self._faults.active("clipped", now_ns):
            data = clipped(data, clip.amount, self._peak)
        self._past.keep(data, now_ns)
        return data


class FrameContent:
    """Pictures."""

    def __init__(self, show: FrameShow, faults: SensorFaults) -> None:
        self._show = show
        self._faults = faults
        self._past = Past[bytes](faults)
        self._glaring: dict[bytes, bytes] = {}

    def start(self, first_ns: int) -> None:
        """A camera's pictures are chosen by time alone."""

    def take(self, seq: int, now_ns: int) -> bytes:
        if (again := self._past.again(now_ns)) is not None:
            return again
        picture = self._show.picture(now_ns, seq)
        if clip := self._faults.active("clipped", now_ns):
            if picture not in self._glaring:
                self._glaring[picture] = overexposed(picture, clip.amount)
            picture = self._glaring[picture]
        self._past.keep(picture, now_ns)
        return picture


def overexposed(picture: bytes, share: float) -> bytes:
    """The same JPEG with everything above `share` of the range white."""
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    brighter = cv2.convertScaleAbs(pixels, alpha=1 / share)
    return bytes(cv2.imencode(".jpg", brighter)[1])


def devices_of(
    plan: Plan, station: SimulatedStation, pool: Pool, start_epoch_ns: int
) -> list[Device]:
    """Every sensor of a station, not yet powered on."""
    devices = []
    for sensor in station.sensors:
        sense, faults = SENSES[sensor.sense], faults_of(plan, sensor.id)
        clock = Timepiece(sensor.clock, plan.start_ns, start_epoch_ns)
        samples = 1 if sense.is_picture else block_samples(sense, sensor)
        content: Content
        if sense.is_picture:
            content = FrameContent(FrameShow(plan, station, pool), faults)
        else:
            show = WaveShow(plan, station, pool, sense=sense, clock=clock)
            peak = pool.peaks[sense.name]
            content = WaveContent(show, samples, faults=faults, peak=peak)
        devices.append(
            Device(plan, sensor, clock=clock, content=content, samples=samples, faults=faults)
        )
    return devices


def block_samples(sense: Sense, sensor: SimulatedSensor) -> int:
    """Raises PlanError when a block would hold no sample."""
    samples = round(sense.rate_hz * sensor.block_ms / 1000)
    if samples < 1:
        raise PlanError(f"sensor {sensor.id}: block_ms {sensor.block_ms} is less than one sample")
    return samples
