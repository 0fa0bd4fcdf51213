"""From payloads to placed samples: unpack, check, put on the box's clock, hand to the station.

Bad readings end here: refused, counted under their own cause, logged once per sensor and cause a
minute with what was expected and their first bytes. They change no other part's verdict.
"""

import time
from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.config import Sensor
from edge.health import Health
from edge.manifest import ClipInput
from edge.metrics import Metrics
from edge.pipeline import StationPipeline
from edge.tape import Tape
from sensors import block, codec
from sensors.block import Block
from sensors.clock import SourceClock
from sensors.complaints import Complaints
from sensors.errors import BadReading
from sensors.recording import RecordedBlock
from sensors.signal import Encoded, Sample


class SensorIntake:
    """One sensor's way in."""

    def __init__(
        self,
        sensor: Sensor,
        station: StationPipeline,
        metrics: Metrics,
        health: Health,
        tape: Tape | None,
    ) -> None:
        self._sensor = sensor
        self.wanted = station.input_of(sensor)
        self._station = station
        self._metrics = metrics
        self._health = health
        self._tape = tape
        self._clock = SourceClock(
            sensor.id,
            sensor.clock,
            metrics.count,
            stamp=sensor.stamp,
            stamp_offset_ms=sensor.stamp_offset_ms,
        )
        self._complaints = Complaints()
        self._like: Block | None = None  # the last one that was as it should be

    def deliver(self, payload: bytes, properties: Mapping[str, str], received_ns: int) -> None:
        """One payload as it came from the wire."""
        self._health.seen(self._sensor.id, received_ns)
        try:
            one = self._like = codec.unpack(payload, properties, self._sensor, self._like)
            data = self._read(one)
        except BadReading as error:
            self._refuse(error, payload)
            return
        time_ns = self._clock.observe(
            one.seq,
            one.t0_ns,
            duration_ns=one.duration_ns,
            period_ns=one.period_ns,
            arrival_ns=received_ns,
            wall_anchor_ns=time.time_ns() - time.monotonic_ns(),
        )
        clock = self._clock
        sample = Sample(
            self._sensor.id,
            one.seq,
            one.t0_ns,
            received_ns,
            one.rate_hz,
            data,
            late_ns=clock.late_ns,
            drift_ppm=clock.drift_ppm,
        )
        self._station.add(sample, time_ns, clock.kind)
        if self._tape is not None:
            came = RecordedBlock(received_ns, payload, properties, time_ns)
            self._tape.keep(self._sensor.id, one, came)

    def _read(self, one: Block) -> NDArray[np.float32] | Encoded:
        """Numbers of a waveform; a picture stays as it is until a part needs it."""
        wanted = self.wanted
        if isinstance(wanted, ClipInput):
            block.check_frame(one)
            return Encoded(partial(block.frame, one, wanted.height, wanted.width), one.data)
        return block.series(
            one, self._sensor, unit=wanted.unit, channels=wanted.channels, rate_hz=wanted.rate_hz
        )

    def picture(self, sample: Sample) -> None:
        """A picture of a wired camera, decoded by its driver and stamped on arrival."""
        self._health.seen(self._sensor.id, sample.received_ns)
        self._station.add(sample, sample.source_ns, "envelope")

    def _refuse(self, error: BadReading, payload: bytes) -> None:
        self._metrics.count(self._sensor.id, error.cause)
        self._complaints.say(self._sensor.id, error.cause, str(error), payload)
