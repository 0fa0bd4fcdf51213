"""Rare classes: they count more, or they come more often."""

from typing import Literal

import torch
from torch import Tensor


def weighted(labels: Tensor, weights: Tensor, classes: int, how: str) -> Tensor:
    """Weight of every example. By `weights` each class weighs the same in all; the sum is kept."""
    if how != "weights":
        return weights
    total = torch.zeros(classes, device=weights.device).index_add_(0, labels, weights)
    share = total.sum() / (classes * total.clamp_min(1e-12))
    return weights * share[labels]


def order(labels: Tensor, classes: int, how: Literal["none", "weights", "sampler"]) -> Tensor:
    """Index of the examples in the order of an epoch.

    By `sampler` examples are drawn with replacement, each class as likely as another.
    """
    if how != "sampler":
        return torch.randperm(len(labels), device=labels.device)
    count = torch.bincount(labels, minlength=classes).clamp_min(1)
    return torch.multinomial(1.0 / count[labels].float(), len(labels), replacement=True)
