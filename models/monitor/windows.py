"""A simulated part through the appliance's own windower: one window for each detector."""

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.manifest import SeriesInput
from models.dataset import FRAME_OFFSET_S
from models.detectors import DESIGNS, Design
from sensors.condition import appearance
from sensors.picture import picture
from sensors.signal import Encoded, Sample, Window
from sensors.simulator.part import SimulatedPart
from sensors.windower import Need, Windower

Windows = Mapping[str, Window]

EDGE_NS = 10_000_000_000  # of the trigger, on the box's clock
BLOCK_S = 0.01


def windows(part: SimulatedPart, chosen: Iterable[str] = DESIGNS) -> Windows:
    """Detector -> the window that the appliance would cut; of the chosen detectors.

    Raises:
        ValueError: the part is shorter than a window.
    """
    needs = [_need(name, DESIGNS[name]) for name in chosen]
    windower = Windower(needs, lambda *_: None)
    waves = {"vibration": part.vibration, "audio": part.sound[np.newaxis]}
    for need in needs:
        if need.kind == "series":
            _play(windower, need, waves[need.sensor])
        else:
            _show(windower, need, part)
    cut = {need.sensor: windower.cut(need.sensor, EDGE_NS, EDGE_NS) for need in needs}
    if missing := [name for name, window in cut.items() if window is None]:
        raise ValueError(f"a part of {part.duration_s} s fills no window of {missing}")
    return {name: window for name, window in cut.items() if window is not None}


def _need(name: str, design: Design) -> Need:
    wanted = design.input
    if isinstance(wanted, SeriesInput):
        return Need(name, "series", wanted.rate_hz, channels=wanted.channels, length=wanted.length)
    return Need(
        name,
        "clip",
        wanted.rate_hz,
        offset_ns=round(FRAME_OFFSET_S * 1e9),
        frames=wanted.frames,
        stride=wanted.stride,
        height=wanted.height,
        width=wanted.width,
    )


def _play(windower: Windower, need: Need, wave: NDArray[np.float32]) -> None:
    """Block after block, as they come over a wire."""
    length = round(need.rate_hz * BLOCK_S)
    for seq in range(wave.shape[1] // length):
        at_ns = EDGE_NS + round(seq * BLOCK_S * 1e9)
        data = wave[:, seq * length : (seq + 1) * length]
        windower.add(_sample(need, seq, at_ns, data), at_ns, "synchronised")


def _show(windower: Windower, need: Need, part: SimulatedPart) -> None:
    """Picture after picture; those that the clip needs are decoded, as the daemon does."""
    for seq, (time_s, data) in enumerate(zip(part.frame_times_s, part.frames, strict=True)):
        at_ns = EDGE_NS + round(time_s * 1e9)
        encoded = Encoded(partial(picture, data, need.height, need.width), data)
        windower.add(_sample(need, seq, at_ns, encoded), at_ns, "synchronised")
    for one in windower.wanted(need.sensor, EDGE_NS):
        if one.encoded is not None:
            pixels = one.encoded.decode()
            windower.develop(need.sensor, one, pixels, appearance(pixels))


def _sample(need: Need, seq: int, at_ns: int, data: NDArray[np.float32] | Encoded) -> Sample:
    return Sample(need.sensor, seq, at_ns, at_ns, need.rate_hz, data)
