"""The last layer of every network: a class at every place, then one answer for the part."""

import math

import torch
from torch import Tensor, nn


class PooledHead(nn.Module):
    """A linear classifier at each position, pooled: (batch, feature, position...) ->
    logits (batch, class), activation (batch, class, position...), embedding (batch, feature).

    The activation is the heat map: the very numbers that are pooled into the logits, at no extra
    cost. A spread-out cause (a hum, an unbalance) is pooled by the mean. A small one (a scratch)
    by a soft maximum, log mean exp (Pinheiro & Collobert 2015, "From image-level to pixel-level
    labeling", eq. 6): a mean over the picture would dilute it.
    """

    def __init__(self, features: int, classes: int, *, soft_maximum: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes)
        self.soft_maximum = soft_maximum

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        places = features.shape[2:]
        flat = features.reshape(-1, features.shape[1], math.prod(places))  # (batch, feature, place)
        scores = torch.matmul(self.linear.weight, flat) + self.linear.bias[:, None]
        pooled = _log_mean_exp(scores) if self.soft_maximum else scores.mean(dim=2)
        return pooled, scores.reshape(-1, scores.shape[1], *places), flat.mean(dim=2)


def _log_mean_exp(scores: Tensor) -> Tensor:
    top = scores.amax(dim=2, keepdim=True)
    return torch.log(torch.exp(scores - top).mean(dim=2)) + top[:, :, 0]
