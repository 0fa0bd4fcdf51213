"""Order-normalised envelope spectra, then an LSTM over blocks of revolutions.

With few machines to learn from, the network is told what a bearing's geometry tells anyway: at
which orders each kind of damage repeats. At each of them it reads the spectrum's height over its
own local floor, which a change of load, mounting or gain moves far less than the height itself.
"""

import torch
from torch import Tensor, nn

from models.study.recordings.orders import ORDERS, PER_ORDER

AXES = 3
CHANNELS = 12  # axes, and their envelopes in three bands
SHAPES = 15
SHAFT_ORDERS = 4
FLOOR_BINS = 11  # one order around
HIDDEN = 64

# Of the bearing of the fault simulator: MB ER-16K, nine balls.
OUTER, INNER, BALL, CAGE = 3.05, 4.95, 1.99, 0.38
COMBS: tuple[tuple[float, ...], ...] = (
    (OUTER, 2.0 * OUTER, 3.0 * OUTER),
    (INNER, 2.0 * INNER),
    (INNER - 1.0, INNER + 1.0, 2.0 * INNER - 1.0, 2.0 * INNER + 1.0),
    (BALL, 2.0 * BALL),
    (BALL - CAGE, BALL + CAGE, 2.0 * BALL - CAGE, 2.0 * BALL + CAGE),
    (CAGE,),
    (1.0,),
    (2.0,),
    (3.0,),
    (4.0,),
    (5.0, 6.0),
)
READINGS = 2 * AXES * SHAFT_ORDERS + (CHANNELS - AXES) * len(COMBS) + SHAPES


class OrderReadings(nn.Module):
    """Spectra (..., channel, bin) and shapes (..., measure) -> readings (..., reading).

    The height and contrast of the shaft's first orders in each axis, the mean contrast over each
    comb in each envelope, and the shapes. A line may lie a bin beside its place.
    """

    comb: Tensor
    shaft: Tensor

    def __init__(self) -> None:
        super().__init__()
        comb = torch.zeros(PER_ORDER * ORDERS, len(COMBS))
        for column, orders in enumerate(COMBS):
            for order in orders:
                comb[_bin(order), column] = 1.0 / len(orders)
        self.register_buffer("comb", comb)
        shaft = torch.tensor([_bin(float(order)) for order in range(1, SHAFT_ORDERS + 1)])
        self.register_buffer("shaft", shaft)

    def forward(self, spectra: Tensor, shapes: Tensor) -> Tensor:
        flat = spectra.reshape(-1, *spectra.shape[-2:])  # (block, channel, bin)
        room = FLOOR_BINS // 2
        around = nn.functional.pad(flat, (room, room), mode="replicate")
        contrast = flat - nn.functional.avg_pool1d(around, FLOOR_BINS, stride=1)
        high, above = (nn.functional.max_pool1d(one, 3, 1, 1) for one in (flat, contrast))
        read = [
            high[:, :AXES].index_select(2, self.shaft),
            above[:, :AXES].index_select(2, self.shaft),
            above[:, AXES:] @ self.comb,
        ]
        lines = torch.cat([one.flatten(1) for one in read], dim=1)
        return torch.cat([lines.reshape(*shapes.shape[:-1], -1), shapes], dim=-1)


class OrderNetwork(nn.Module):
    """Readings (batch, block, reading) -> logits (batch, class), embedding (batch, feature).

    While it is taught, every reading is disturbed by as much as it varies: no single one can
    be leaned on, since under another load any of them may move.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, classes: int, *, noise: float = 1.0, drop: float = 0.2) -> None:
        super().__init__()
        self.noise = noise
        self.register_buffer("mean", torch.zeros(READINGS))
        self.register_buffer("spread", torch.ones(READINGS))
        self.block = nn.Sequential(
            nn.Dropout(drop), nn.Linear(READINGS, HIDDEN), nn.ReLU(), nn.Dropout(drop)
        )
        self.lstm = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.head = nn.Linear(HIDDEN, classes)

    def scale(self, readings: Tensor) -> None:
        """Take the scale from these (reading rows of the training recordings)."""
        self.mean.copy_(readings.mean(dim=0))
        self.spread.copy_(readings.std(dim=0) + 1e-6)

    def forward(self, readings: Tensor) -> tuple[Tensor, Tensor]:
        seen = (readings - self.mean) / self.spread
        if self.training:
            lasting = torch.randn_like(seen[:, :1])
            seen = seen + self.noise * 0.5**0.5 * (lasting + torch.randn_like(seen))
        hidden, _ = self.lstm(self.block(seen))
        logits: Tensor = self.head(hidden).mean(dim=1)
        return logits, hidden.mean(dim=1)


def _bin(order: float) -> int:
    """Index of the bin nearest to an order, halves up."""
    return int(order * PER_ORDER - 1.0 + 0.5)
