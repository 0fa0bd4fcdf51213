"""The microphone's network: a log-mel spectrogram, convolutions, and an LSTM (a CRNN).

The spectrogram is part of the graph (see `frontend`). Frames are 5 ms apart, short enough to see
a rub come and go with each turn; the LSTM runs over 48 steps of 10 ms.
"""

import torch
from torch import Tensor, nn

from models.frontend import MelPower, PowerSpectrogram
from models.head import PooledHead

FLOAT_PARTS: tuple[str, ...] = ("spectrogram.", "mel.")

RATE_HZ = 16_000.0
SIZE = 256  # 16 ms
HOP = 80  # 5 ms
BANDS = 40
LOWEST_HZ = 100.0
FLOOR_PA2 = 1e-6
HIDDEN = 64


class AudioNetwork(nn.Module):
    """float32 (batch, 1, sample) Pa -> logits, activation, embedding."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.spectrogram = PowerSpectrogram(SIZE, HOP)
        self.mel = MelPower(RATE_HZ, SIZE, BANDS, LOWEST_HZ)
        self.level = nn.BatchNorm1d(BANDS)
        self.layers = nn.Sequential(
            _block(1, 32, stride=(1, 1)),
            _block(32, 32, stride=(2, 2)),
            _block(32, 64, stride=(2, 1)),
            _block(64, 64, stride=(2, 1)),
        )
        self.lstm = nn.LSTM(64 * BANDS // 8, HIDDEN, batch_first=True)
        self.head = PooledHead(HIDDEN, classes, soft_maximum=False)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        power = self.mel(self.spectrogram(samples[:, 0]))  # (batch, band, frame)
        level = self.level(torch.log(power + FLOOR_PA2))
        seen = self.layers(level[:, None])  # (batch, channel, band / 8, step)
        hidden, _ = self.lstm(seen.flatten(1, 2).transpose(1, 2))
        logits, activation, embedding = self.head(hidden.transpose(1, 2))
        return logits, activation, embedding


def _block(inputs: int, outputs: int, *, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
