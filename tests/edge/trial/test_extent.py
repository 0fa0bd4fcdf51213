"""The floor reads a block's time and length out of every form in which it is sent."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from edge.trial.extent import Extent, reader
from sensors import codec
from sensors.block import Block
from sensors.simulator.plan import SimulatedSensor

T0_NS = 1_700_000_000_123_456_000
WAVE = np.zeros((3, 256), "<f4")
BLOCK = Block("v", 7, T0_NS, 25_600.0, "m/s2", "f4", WAVE.shape, WAVE.tobytes())
STAMP = datetime(2023, 11, 14, 22, 13, 20, 123_456, UTC)  # `date -d @1700000000.123456 -u`


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ("messagepack", (codec.pack(BLOCK), None)),
        ("json", (codec.pack_json(BLOCK), None)),
        ("raw", (BLOCK.data, list(codec.pack_raw(BLOCK)[1].items()))),
        ("array", (WAVE.T.ravel().tolist(), STAMP)),
    ],
)
def test_every_form_says_when_a_block_was_taken_and_how_long_it_is(
    payload: Any, sent: tuple[Any, Any]
) -> None:
    sensor = SimulatedSensor(id="v", sense="vibration", topic="t", payload=payload)
    assert reader(sensor)(*sent) == Extent(T0_NS, 256, 25_600.0)
