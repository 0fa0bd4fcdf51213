"""Clips as other cameras, lamps and fixtures would have seen them. Every draw is torch's own."""

import torch
from torch import Tensor, nn

from models.augment.plan import Pictures

WHITE = 255.0


def augmented(clips: Tensor, plan: Pictures) -> Tensor:
    """uint8 (batch, frame, height, width) -> float32 of the same shape, 0 to 255."""
    if plan.shift:
        down, right = torch.randint(-plan.shift, plan.shift + 1, (2,)).tolist()
        clips = torch.roll(clips, (int(down), int(right)), dims=(2, 3))
    if plan.mirror:
        clips = clips.flip([axis for axis in (2, 3) if torch.rand(()) < 0.5])
    values = clips.float()
    if plan.crop:
        values = cropped(values, plan.crop)
    if plan.blur:
        values = blurred(values, float(torch.rand(())) * plan.blur)
    if plan.light:
        values = values * uniform(values, 1.0 - plan.light, 1.0 + plan.light)
    if plan.noise:
        values = values + torch.randn_like(values) * uniform(values, 0.0, plan.noise)
    return values.clamp(0.0, WHITE)


def cropped(values: Tensor, most: float) -> Tensor:
    """A window of each clip, up to `most` smaller than the picture, zoomed to its size."""
    batch = values.shape[0]
    size = 1.0 - torch.rand(batch, device=values.device) * most
    room = 1.0 - size
    right, down = (2.0 * torch.rand(2, batch, device=values.device) - 1.0) * room
    zero = torch.zeros_like(size)
    rows = [torch.stack([size, zero, right], dim=1), torch.stack([zero, size, down], dim=1)]
    grid = nn.functional.affine_grid(
        torch.stack(rows, dim=1), list(values.shape), align_corners=False
    )
    return nn.functional.grid_sample(values, grid, padding_mode="border", align_corners=False)


def blurred(values: Tensor, sigma: float) -> Tensor:
    """By a Gaussian of that many pixels."""
    reach = max(1, round(3.0 * sigma))
    place = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (place / max(sigma, 1e-3)) ** 2)
    kernel = kernel / kernel.sum()
    each = values.flatten(0, 1)[:, None]
    padded = nn.functional.pad(each, (reach, reach, reach, reach), mode="replicate")
    across = nn.functional.conv2d(padded, kernel[None, None, None, :])
    return nn.functional.conv2d(across, kernel[None, None, :, None]).reshape(values.shape)


def uniform(values: Tensor, low: float, high: float) -> Tensor:
    """One number an example, to be multiplied with it."""
    shape = (values.shape[0], *[1] * (values.ndim - 1))
    return torch.empty(shape, device=values.device).uniform_(low, high)
