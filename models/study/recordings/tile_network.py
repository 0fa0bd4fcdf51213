"""The camera's family for tiles of any size: each picture by itself, then the clip over time.

As `models.camera`, at full resolution (a blowhole is ten pixels) and without a stride in time: the
six pictures of a tile are one view under six exposures, so that time can only help by averaging.
The temporal convolutions begin as the identity (inflated: Carreira & Zisserman 2017, "Quo vadis"),
and the clip network begins as the mean over the pictures' answers: a soft maximum over time as well
as over places lost 0.025 of AUROC against that mean.
"""

import torch
from torch import Tensor, nn

from models.head import PooledHead

STRIDE = 8  # pixels to one place of the map
CLASSES = ("good", "defective")


class TileNetwork(nn.Module):
    """Grey values (batch, frame, height, width), sides multiples of 8 -> answers, see `forward`."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.picture = nn.Sequential(
            nn.PixelUnshuffle(2),
            *_spatial(4, 32, stride=1),
            *_spatial(32, 32, stride=1),
            *_spatial(32, width, stride=2),
            *_spatial(width, width, stride=1),
            *_spatial(width, width, stride=2),
            *_spatial(width, width, stride=1),
            *_spatial(width, width, stride=1, dilation=2),
            *_spatial(width, width, stride=1, dilation=4),
        )
        self.picture_head = PooledHead(width, len(CLASSES), soft_maximum=True)
        self.volume = nn.Sequential(_Inflated(width), _Inflated(width))
        self.head = PooledHead(width, len(CLASSES), soft_maximum=True)

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """-> logits (batch, class), activation (batch, class, frame, row, column)."""
        batch, frames = clip.shape[:2]
        seen = self.look(clip.flatten(0, 1))
        volume = seen.reshape(batch, frames, *seen.shape[1:]).transpose(1, 2)
        seen = self.volume(volume).transpose(1, 2).flatten(0, 1)
        each, maps, _ = self.head(seen)
        logits: Tensor = each.reshape(batch, frames, -1).mean(dim=1)
        return logits, maps.reshape(batch, frames, *maps.shape[1:]).transpose(1, 2)

    def judge_pictures(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(picture, height, width) -> logits (picture, class), activation (..., row, column)."""
        logits, activation, _ = self.picture_head(self.look(pictures))
        return logits, activation

    def look(self, pictures: Tensor) -> Tensor:
        """(picture, height, width) -> maps (picture, channel, row, column).

        Divided by its mean grey, a picture tells nothing of its exposure.
        """
        grey = pictures.float()
        level = grey.mean(dim=(1, 2), keepdim=True)
        seen: Tensor = self.picture((4.0 * (grey / (level + 1.0) - 1.0))[:, None])
        return seen

    def inflate(self) -> None:
        """Let the clip's head begin as the pictures'."""
        self.head.load_state_dict(self.picture_head.state_dict())


class _Inflated(nn.Module):
    """Three steps of time, beginning as the middle one alone; its input is never negative."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0))
        weight = torch.zeros_like(self.convolution.weight)
        weight[:, :, 1, 0, 0] = torch.eye(channels)
        self.convolution.weight.data.copy_(weight)
        nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]

    def forward(self, volume: Tensor) -> Tensor:
        return torch.relu(self.convolution(volume))


def _spatial(inputs: int, outputs: int, *, stride: int, dilation: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(
        inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation, bias=False
    )
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
