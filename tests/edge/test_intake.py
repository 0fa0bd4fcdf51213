"""Bad payloads are refused at the door, named, and change nothing for the good ones."""

import logging
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.config import Sensor
from edge.health import Health
from edge.intake import SensorIntake
from edge.manifest import ClipInput, SeriesInput
from edge.metrics import Metrics
from sensors.block import Block
from sensors.codec import pack
from sensors.signal import ClockKind, Encoded, Sample

WAVE = SeriesInput(kind="series", name="x", unit="m/s2", channels=3, rate_hz=25600.0, length=12800)
CLIP = ClipInput(kind="clip", name="x", rate_hz=30.0, frames=8, stride=2, height=120, width=160)


class Station:
    """Collects what passes the door."""

    def __init__(self, wanted: SeriesInput | ClipInput) -> None:
        self.wanted = wanted
        self.samples: list[Sample] = []

    def input_of(self, sensor: Sensor) -> SeriesInput | ClipInput:
        return self.wanted

    def add(self, sample: Sample, time_ns: int, clock: ClockKind) -> None:
        self.samples.append(sample)


def wave(seq: int = 1) -> Block:
    values = np.random.default_rng(seq).normal(size=(3, 256)).astype("<f4")
    return Block("s", seq, seq * 10_000_000, 25600.0, "m/s2", "f4", (3, 256), values.tobytes())


def picture(data: bytes) -> bytes:
    return pack(Block("s", 1, 1, 30.0, "", "jpeg", (480, 640, 3), data))


def intake(station: Station, metrics: Metrics) -> SensorIntake:
    sensor = Sensor.model_validate({"id": "s", "link": "l", "topic": "t", "input": "x"})
    health = Health(metrics, ("s",), set())
    return SensorIntake(sensor, station, metrics, health, None)  # type: ignore[arg-type]


def drops(metrics: Metrics) -> dict[str, float]:
    return {
        s.labels["cause"]: s.value
        for family in metrics.registry.collect()
        for s in family.samples
        if s.name == "edge_drops_total"
    }


def with_nan(block: Block) -> Block:
    values = np.frombuffer(block.data, "<f4").copy()
    values[7] = np.nan
    return replace(block, data=values.tobytes())


BAD: list[tuple[str, Callable[[], bytes]]] = [
    ("malformed", lambda: b"\x00\xff garbage"),
    ("truncated", lambda: pack(wave())[:-5]),
    ("not_finite", lambda: pack(with_nan(wave()))),
    ("wrong_unit", lambda: pack(replace(wave(), unit="g"))),
    ("wrong_rate", lambda: pack(replace(wave(), rate_hz=8000.0))),
    ("wrong_shape", lambda: pack(replace(wave(), shape=(2, 384)))),
    ("wrong_sensor", lambda: pack(replace(wave(), sensor="other"))),
    ("oversized", lambda: b"\x00" * (9 * 1024 * 1024)),
]


@pytest.mark.parametrize(("cause", "payload"), BAD, ids=[c for c, _ in BAD])
def test_a_bad_waveform_is_counted_by_its_cause_and_the_next_good_one_passes(
    cause: str, payload: Callable[[], bytes]
) -> None:
    metrics, station = Metrics(), Station(WAVE)
    door = intake(station, metrics)
    door.deliver(payload(), {}, 1_000_000)
    door.deliver(pack(wave(2)), {}, 21_000_000)
    assert drops(metrics) == {cause: 1.0}
    assert [s.seq for s in station.samples] == [2]


def test_a_picture_that_is_none_is_refused_before_anybody_decodes_it() -> None:
    metrics, station = Metrics(), Station(CLIP)
    good = cv2.imencode(".jpg", np.full((480, 640, 3), 90, np.uint8))[1].tobytes()
    door = intake(station, metrics)
    door.deliver(picture(b"\xff\xd8 no picture"), {}, 1_000_000)
    door.deliver(picture(good[:-500]), {}, 2_000_000)
    door.deliver(picture(good), {}, 3_000_000)
    assert drops(metrics) == {"undecodable": 1.0, "truncated": 1.0}
    (sample,) = station.samples
    assert isinstance(sample.data, Encoded)
    assert sample.data.decode().shape == (120, 160)


def test_a_flood_of_bad_payloads_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    metrics, station = Metrics(), Station(WAVE)
    door = intake(station, metrics)
    with caplog.at_level(logging.WARNING):
        for _ in range(500):
            door.deliver(b"\xde\xad\xbe\xef", {}, 1)
    assert drops(metrics) == {"malformed": 500.0}
    assert len(caplog.records) == 1
    assert "de ad be ef" in caplog.text
