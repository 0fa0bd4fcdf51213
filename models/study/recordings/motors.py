"""Recordings of the motor fault simulator, as order readings block by block.

13 conditions (healthy, unbalance, bent and misaligned shaft, bearings), each under two loads at
three speeds: two seconds of three axes at 20 kHz.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from models.study.recordings import folder as recordings
from models.study.recordings.figures import Real
from models.study.recordings.order_network import OrderReadings
from models.study.recordings.orders import blocks

HEALTHY = "healthy"
RATE_HZ = 20_000.0
BANDS = 32  # of the plain levels


@dataclass(frozen=True, slots=True)
class Motor:
    """One recording."""

    condition: str
    family: str
    rpm: float
    load_lb: int
    volts: NDArray[np.float32]  # (sample, axis) about its mean
    mean: Real  # (axis,)
    level: Real  # (band,) plain logarithms of power, as a spectrogram shows them
    readings: Real  # (block, reading)


def read(folder: Path) -> list[Motor]:
    """Every recording of the set."""
    look = OrderReadings()
    found = []
    rows = recordings.rows(folder, "label", "family", "rpm", "load_lb", "sampling_rate_hz")
    for row in track(rows, "order spectra"):
        with np.load(folder / row["file"], allow_pickle=False) as data:
            volts = (data["x"] - data["zero_g_volts"]).astype(np.float64)
        rpm, rate_hz = float(row["rpm"]), float(row["sampling_rate_hz"])
        seen = blocks(volts, rate_hz, rpm)
        spectra, shapes = (torch.from_numpy(one).float() for one in (seen.spectra, seen.shapes))
        readings = look(spectra, shapes).double().numpy()
        mean = volts.mean(axis=0)
        motor = Motor(
            row["label"], row["family"], rpm, int(row["load_lb"]),
            (volts - mean).astype(np.float32), mean, _level(volts), readings,
        )  # fmt: skip
        found.append(motor)
    return found


def _level(volts: Real) -> Real:
    still = (volts - volts.mean(axis=0)).T
    power = np.abs(np.fft.rfft(still * np.hanning(still.shape[1]), axis=1)) ** 2
    length = power.shape[1] // BANDS * BANDS
    bands = power[:, :length].reshape(len(still), BANDS, -1).mean(axis=2)
    return np.asarray(np.log(bands).ravel())
