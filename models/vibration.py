"""The accelerometer's network: two banks of power filters, convolutions, and a recurrence.

A spall hits at the bearing's rate and makes the housing ring at its own: the first bank follows
the ringing, the second the rate (see `PowerBank`). Unbalance is slow and is read from the
displacement. The recurrence (see `recurrent`) runs over 50 steps of 10 ms.
"""

import numpy as np
import torch
from torch import Tensor, nn

from models.frontend import Displacement, PowerBank, gabor_pairs, unmoved
from models.head import PooledHead
from models.recurrent import RECURRENCES

FLOAT_PARTS: tuple[str, ...] = ("ringing.", "slow.", "swing.")

RATE_HZ = 25_600.0
AXES = 3
BANDS = 24
RATES = 32
SWINGS = 16
STEPS = 50
HIDDEN = 64


class VibrationNetwork(nn.Module):
    """float32 (batch, axis, sample) m/s2 -> logits, activation, embedding."""

    def __init__(self, classes: int, recurrence: str = "parallel") -> None:
        super().__init__()
        bands = np.geomspace(250.0, 11_000.0, BANDS) / RATE_HZ
        self.ringing = PowerBank(
            gabor_pairs(bands, bands / 3.0, AXES, 48, seed=1), stride=8, pool=4, floor=1e-5
        )  # to 800 Hz
        self.slow = Displacement(RATE_HZ, 64, (18.0, 45.0))  # to 400 Hz
        turns = np.geomspace(15.0, 110.0, SWINGS) / 400.0
        self.swing = PowerBank(
            gabor_pairs(turns, np.full(SWINGS, 10.0 / 400.0), 2 * AXES, 48, seed=2),
            stride=2,
            pool=2,
            floor=1e-6,
        )  # to 100 Hz
        self.level = nn.BatchNorm1d(BANDS)
        self.mix = _block(BANDS, 32, size=1)
        rates = np.geomspace(25.0, 360.0, RATES) / 800.0
        self.blows = PowerBank(
            gabor_pairs(rates, np.full(RATES, 12.0 / 800.0), 32, 64, seed=3),
            stride=4,
            pool=2,
            floor=1e-4,
        )  # to 100 Hz
        self.join = nn.Sequential(
            nn.BatchNorm1d(RATES + BANDS + SWINGS),
            _block(RATES + BANDS + SWINGS, 64, size=3),
            _block(64, 64, size=3),
        )
        self.recurrence = RECURRENCES[recurrence](64, HIDDEN, STEPS)
        self.head = PooledHead(HIDDEN, classes, soft_maximum=False)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        ringing = self.level(self.ringing(samples))  # (batch, band, 400)
        blows = self.blows(self.mix(ringing))  # (batch, rate, 50)
        level = nn.functional.avg_pool1d(ringing, 8)
        swing = self.swing(self.slow(samples))
        steps = self.join(unmoved(torch.cat([blows, level, swing], dim=1)))
        logits, activation, embedding = self.head(self.recurrence(steps))
        return logits, activation, embedding


def _block(inputs: int, outputs: int, *, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, size, padding=size // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )
