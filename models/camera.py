"""The camera's network: a (2+1)D convolution network over a short grey clip.

Space and time are convolved in turn (Tran et al. 2018, "A closer look at spatiotemporal
convolutions"), densely, in channels that are multiples of 32, with ReLU: the forms that integer
engines run fast. A scratch is small, so places are pooled by a soft maximum.
"""

from torch import Tensor, nn

from models.head import PooledHead

FLOAT_PARTS: tuple[str, ...] = ()  # parameter prefixes that are not quantised

GREY_MIDDLE = 96.0
GREY_SPREAD = 48.0


class CameraNetwork(nn.Module):
    """uint8 (batch, frame, height, width) -> logits, activation, embedding."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_spatial(1, 32, size=5, stride=2),
            *_spatial(32, 32, stride=2),
            *_temporal(32, 32, stride=2),
            *_spatial(32, 64, stride=1),
            *_temporal(64, 64, stride=1),
            *_spatial(64, 96, stride=2),
            *_temporal(96, 96, stride=2),
            *_spatial(96, 96, stride=1),
        )
        self.head = PooledHead(96, classes, soft_maximum=True)

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        grey = (clip.float() - GREY_MIDDLE) / GREY_SPREAD
        logits, activation, embedding = self.head(self.layers(grey[:, None]))
        return logits, activation, embedding


def _spatial(inputs: int, outputs: int, *, size: int = 3, stride: int) -> list[nn.Module]:
    return [
        nn.Conv3d(
            inputs,
            outputs,
            (1, size, size),
            stride=(1, stride, stride),
            padding=(0, size // 2, size // 2),
            bias=False,
        ),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
    ]


def _temporal(inputs: int, outputs: int, *, stride: int) -> list[nn.Module]:
    return [
        nn.Conv3d(inputs, outputs, (3, 1, 1), stride=(stride, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
    ]
