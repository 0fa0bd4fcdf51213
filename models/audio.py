"""The microphone's network: a log-mel spectrogram, convolutions, and a recurrence (a CRNN).

The spectrogram is part of the graph (see `frontend`). Frames are 5 ms apart, short enough to see
a rub come and go with each turn; the recurrence (see `recurrent`) runs over 49 steps of 10 ms.
"""

import torch
from torch import Tensor, nn

from models.frontend import ChannelEnergy, MelPower, PowerSpectrogram
from models.head import PooledHead
from models.recurrent import RECURRENCES

FLOAT_PARTS: tuple[str, ...] = ("spectrogram.", "mel.")

RATE_HZ = 16_000.0
SIZE = 256  # 16 ms
HOP = 80  # 5 ms
BANDS = 40
LOWEST_HZ = 100.0
FLOOR_PA2 = 1e-6
FRAMES = 97
STEPS = 49
HIDDEN = 64


class AudioNetwork(nn.Module):
    """float32 (batch, 1, sample) Pa -> logits, activation, embedding."""

    def __init__(self, classes: int, recurrence: str = "parallel", front: str = "log") -> None:
        super().__init__()
        self.energy = ChannelEnergy(FRAMES) if front == "pcen" else None
        self.spectrogram = PowerSpectrogram(SIZE, HOP)
        self.mel = MelPower(RATE_HZ, SIZE, BANDS, LOWEST_HZ)
        self.level = nn.BatchNorm1d(BANDS)
        self.layers = nn.Sequential(
            _block(1, 32, stride=(1, 1)),
            _block(32, 32, stride=(2, 2)),
            _block(32, 64, stride=(2, 1)),
            _block(64, 64, stride=(2, 1)),
        )
        self.recurrence = RECURRENCES[recurrence](64 * BANDS // 8, HIDDEN, STEPS)
        self.head = PooledHead(HIDDEN, classes, soft_maximum=False)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        power = self.mel(self.spectrogram(samples[:, 0]))  # (batch, band, frame)
        heard = self.energy(power) if self.energy else torch.log(power + FLOOR_PA2)
        level = self.level(heard)
        seen = self.layers(level[:, None])  # (batch, channel, band / 8, step)
        steps = seen.reshape(-1, seen.shape[1] * seen.shape[2], seen.shape[3])
        logits, activation, embedding = self.head(self.recurrence(steps))
        return logits, activation, embedding


def _block(inputs: int, outputs: int, *, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
