"""The camera's network: every picture by itself first, then the clip as a volume.

A top-heavy (2+1)D network (Xie et al. 2018, "Rethinking spatiotemporal feature learning"): the
fine places are convolved in two dimensions, picture by picture, and time only where the maps are
small. So the appliance looks at each picture when it comes; after the last one an eighth of that
work is left, and the volume's. Dense convolutions, nearly all in channels that are multiples of 32,
with ReLU: the forms that integer engines run fast. A scratch is small, so places are pooled by a
soft maximum.
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
        self.picture = nn.Sequential(
            Unshuffle(2),  # the same sums as a stride of 2, in a shape that fills registers
            *_spatial(4, 32, stride=1),
            *_spatial(32, 32, stride=2),
            *_spatial(32, 64, stride=1),
            *_spatial(64, 64, stride=2),
            *_spatial(64, 64, stride=1),
        )
        self.volume = nn.Sequential(*_temporal(64, 64), *_temporal(64, 96), *_temporal(96, 96))
        self.head = PooledHead(96, classes, soft_maximum=True)

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.judge(self.look(self.pictures(clip)), clip.shape[1])

    @staticmethod
    def pictures(clip: Tensor) -> Tensor:
        """uint8 clips (batch, frame, height, width) -> pictures (picture, 1, height, width), float.

        The conversion comes first: TensorRT takes bytes as an input, and converts them, no more.
        """
        return clip.float().reshape(-1, 1, *clip.shape[2:])

    def look(self, pictures: Tensor) -> Tensor:
        """Grey values (picture, 1, height, width) -> maps (picture, channel, row, column)."""
        seen: Tensor = self.picture((pictures - GREY_MIDDLE) / GREY_SPREAD)
        return seen

    def judge(self, seen: Tensor, frames: int) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of the pictures of whole clips -> logits, activation, embedding."""
        volume = seen.reshape(-1, frames, *seen.shape[1:]).transpose(1, 2)
        logits, activation, embedding = self.head(self.volume(volume))
        return logits, activation, embedding


class Unshuffle(nn.Module):
    """`nn.PixelUnshuffle`, written so that a graph of it takes any number of pictures."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, pictures: Tensor) -> Tensor:
        size, (_, channels, height, width) = self.size, pictures.shape
        rows, columns = height // size, width // size
        tiles = pictures.reshape(-1, channels, rows, size, columns, size)
        inside = tiles.permute(
            0, 1, 3, 5, 2, 4
        )  # (picture, channel, in tile, in tile, row, column)
        return inside.reshape(-1, channels * size * size, rows, columns)


def _spatial(inputs: int, outputs: int, *, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _temporal(inputs: int, outputs: int) -> list[nn.Module]:
    """Over three steps of time, leaving half of them."""
    size, stride, padding = (3, 1, 1), (2, 1, 1), (1, 0, 0)
    convolution = nn.Conv3d(inputs, outputs, size, stride=stride, padding=padding, bias=False)
    return [convolution, nn.BatchNorm3d(outputs), nn.ReLU()]
