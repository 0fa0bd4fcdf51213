"""From payloads to placed samples: decode, check, put on the box's clock, hand to the station.

Bad readings end here: refused, counted under their own cause, logged once per sensor and cause a
minute with what was expected and their first bytes. They change no other part's verdict.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.bundle import ClipInput
from edge.config import Sensor
from edge.decode import DecodeThread
from edge.health import Health
from edge.metrics import Metrics
from edge.pipeline import StationPipeline
from edge.tape import Tape
from sensors import block, codec
from sensors.block import Block
from sensors.clock import SourceClock
from sensors.complaints import Complaints
from sensors.errors import BadReading
from sensors.recording import RecordedBlock
from sensors.signal import Sample

Values = NDArray[np.float32] | NDArray[np.uint8]


class SensorIntake:
    """One sensor's way in."""

    def __init__(
        self,
        sensor: Sensor,
        station: StationPipeline,
        decode: DecodeThread,
        metrics: Metrics,
        health: Health,
        tape: Tape | None,
    ) -> None:
        self._sensor = sensor
        self.wanted = station.input_of(sensor)
        self._station = station
        self._decode = decode
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

    def deliver(self, payload: bytes, properties: Mapping[str, str], received_ns: int) -> None:
        """One payload as it came from the wire."""
        self._health.seen(self._sensor.id, received_ns)
        came = RecordedBlock(received_ns, payload, properties)
        wanted = self.wanted
        try:
            one = codec.unpack(payload, properties, self._sensor)
            if isinstance(wanted, ClipInput):
                self._decode_later(one, wanted, came)
                return
            data = block.series(
                one,
                self._sensor,
                unit=wanted.unit,
                channels=wanted.channels,
                rate_hz=wanted.rate_hz,
            )
        except BadReading as error:
            self._refuse(error, payload)
            return
        self._place(one, data, came)

    def _decode_later(self, one: Block, wanted: ClipInput, came: RecordedBlock) -> None:
        def work() -> NDArray[np.uint8] | BadReading:
            try:
                return block.frame(one, wanted.height, wanted.width)
            except BadReading as error:
                return error

        def done(result: NDArray[np.uint8] | BadReading) -> None:
            if isinstance(result, BadReading):
                self._refuse(result, came.payload)
            else:
                self._place(one, result, came)

        self._decode.submit(self._sensor.id, work, done)

    def picture(self, sample: Sample) -> None:
        """A picture of a wired camera, decoded by its driver and stamped on arrival."""
        self._health.seen(self._sensor.id, sample.received_ns)
        self._station.add(sample, sample.source_ns, "envelope")

    def _place(self, one: Block, data: Values, came: RecordedBlock) -> None:
        time_ns = self._clock.observe(
            one.seq,
            one.t0_ns,
            duration_ns=one.duration_ns,
            period_ns=one.period_ns,
            arrival_ns=came.received_ns,
            wall_anchor_ns=time.time_ns() - time.monotonic_ns(),
        )
        sample = Sample(
            self._sensor.id, one.seq, one.t0_ns, came.received_ns, one.rate_hz, data, came.payload
        )
        self._station.add(sample, time_ns, self._clock.kind)
        if self._tape is not None:
            self._tape.keep(self._sensor.id, one, replace(came, time_ns=time_ns))

    def _refuse(self, error: BadReading, payload: bytes) -> None:
        self._metrics.count(self._sensor.id, error.cause)
        self._complaints.say(self._sensor.id, error.cause, str(error), payload)
