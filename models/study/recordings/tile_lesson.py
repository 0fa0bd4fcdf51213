"""Teaching the tile networks on crops: the pictures first, then the clips; and asking them.

A crop has the same size whatever the tile's (its shape would tell the label), and half of the crops
show a defect. Masks say which crops do, and teach the map besides the pooled answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.study.recordings.figures import auroc
from models.study.recordings.tile_network import STRIDE, TileNetwork
from models.study.recordings.tile_pictures import Clip, Pixels, aligned

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Lesson:
    """How to teach. No value was searched for; the clip's head was changed once (decision 0019)."""

    steps: int = 1200
    clip_steps: int = 300
    batch: int = 48
    clip_batch: int = 10
    crop: int = 160  # pixels
    rate: float = 2e-3
    decay: float = 2e-2
    map_weight: float = 1.0  # of the loss on the map, by the masks


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one clip: log odds of a defect, and where."""

    clip: float  # of the clip network
    pictures: Real  # (frame,) of the picture network
    clip_map: Real  # (row, column) highest over the frames
    picture_map: Real  # (row, column) mean over the frames
    mask: Pixels  # (height, width) union over the frames


@dataclass(frozen=True, slots=True)
class _Stack:
    """A clip on the training device, with room around it for a crop."""

    grey: Tensor  # (frame, height, width)
    mask: Tensor
    marks: NDArray[np.int64]  # (place, 2) row and column of its defects


def teach(clips: Sequence[Clip], lesson: Lesson, seed: int, device: torch.device) -> TileNetwork:
    """A network taught on these clips."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = TileNetwork().to(device)
    stacks = [_stack(clip, lesson.crop, device) for clip in clips]
    pictures = [*network.picture.parameters(), *network.picture_head.parameters()]
    _run(network, pictures, stacks, lesson, rng, over_time=False)
    network.inflate()
    every = list(network.parameters())
    _run(network, every, stacks, lesson, rng, over_time=True)
    return network.eval()


@torch.no_grad()
def ask(network: TileNetwork, clip: Clip, device: torch.device) -> Answers:
    """The answers on whole pictures."""
    grey, mask = aligned(clip, STRIDE)
    pictures = torch.from_numpy(grey).to(device)
    logits, activation = network(pictures[None])
    alone, maps = network.judge_pictures(pictures)
    return Answers(
        clip=float(logits[0, 1] - logits[0, 0]),
        pictures=_real(alone[:, 1] - alone[:, 0]),
        clip_map=_real((activation[0, 1] - activation[0, 0]).amax(dim=0)),
        picture_map=_real((maps[:, 1] - maps[:, 0]).mean(dim=0)),
        mask=np.asarray(mask.max(axis=0)),
    )


def located(heat: Real, mask: Pixels) -> float:
    """AUROC of the map's places (row, column): in the defect against beside it.

    Not a number where the mask fills no place or all.
    """
    rows, columns = heat.shape
    is_defect = mask.reshape(rows, STRIDE, columns, STRIDE).max(axis=(1, 3)).ravel() > 0
    if is_defect.all() or not is_defect.any():
        return float("nan")
    return auroc(is_defect, heat.ravel())


def _run(
    network: TileNetwork,
    parameters: list[nn.Parameter],
    stacks: Sequence[_Stack],
    lesson: Lesson,
    rng: np.random.Generator,
    *,
    over_time: bool,
) -> None:
    steps = lesson.clip_steps if over_time else lesson.steps
    batch = lesson.clip_batch if over_time else lesson.batch
    rate = 0.1 * lesson.rate if over_time else lesson.rate
    optimiser = torch.optim.AdamW(parameters, rate, weight_decay=lesson.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=steps, pct_start=0.15
    )
    network.train()
    for _ in range(steps):
        count = int(rng.integers(1, 7)) if over_time else 1
        grey, mask = _crops(stacks, batch, count, lesson.crop, rng)
        if over_time:
            logits, activation = network(_varied(grey))
            alone, maps = network.judge_pictures(_varied(grey).flatten(0, 1))
            loss = _loss(logits, activation.amax(dim=2), mask.amax(dim=1), lesson.map_weight)
            loss = loss + _loss(alone, maps, mask.flatten(0, 1), lesson.map_weight)
        else:
            alone, maps = network.judge_pictures(_varied(grey)[:, 0])
            loss = _loss(alone, maps, mask[:, 0], lesson.map_weight)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()


def _loss(logits: Tensor, activation: Tensor, mask: Tensor, map_weight: float) -> Tensor:
    """Of the answer and of the map; `mask` (picture, height, width)."""
    places = nn.functional.max_pool2d(mask.float()[:, None], STRIDE)[:, 0]
    label = places.amax(dim=(1, 2)).long()
    answer = nn.functional.cross_entropy(logits, label, label_smoothing=0.02)
    odds = activation[:, 1] - activation[:, 0]
    few = torch.tensor(4.0, device=odds.device)  # defects fill few places
    each = nn.functional.binary_cross_entropy_with_logits(odds, places, pos_weight=few)
    return answer + map_weight * each


def _crops(
    stacks: Sequence[_Stack], batch: int, frames: int, size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(batch, frame, size, size) grey and mask; half of them about a place of a defect."""
    marked = [stack for stack in stacks if len(stack.marks)]
    found = []
    for place in range(batch):
        is_defect = place % 2 == 0
        stack = (marked if is_defect else stacks)[
            int(rng.integers(len(marked) if is_defect else len(stacks)))
        ]
        top, left = _corner(stack, size, rng, is_defect)
        shown = rng.choice(len(stack.grey), frames, replace=frames > len(stack.grey))
        area = (slice(top, top + size), slice(left, left + size))
        mirrored = [axis for axis in (1, 2) if rng.random() < 0.5]
        found.append(
            tuple(
                torch.stack([images[(k, *area)] for k in np.sort(shown).tolist()]).flip(mirrored)
                for images in (stack.grey, stack.mask)
            )
        )
    grey = torch.stack([one for one, _ in found])
    return grey, torch.stack([one for _, one in found])


def _corner(stack: _Stack, size: int, rng: np.random.Generator, is_defect: bool) -> tuple[int, int]:
    height, width = stack.grey.shape[1:]
    top, left = int(rng.integers(height - size + 1)), int(rng.integers(width - size + 1))
    if is_defect:
        row, column = stack.marks[int(rng.integers(len(stack.marks)))].tolist()
        top = min(max(row - int(rng.integers(size)), 0), height - size)
        left = min(max(column - int(rng.integers(size)), 0), width - size)
    return top, left


def _varied(grey: Tensor) -> Tensor:
    """Other exposures and other noise; each picture of a clip its own light."""
    batch, frames = grey.shape[:2]
    shape = (batch, frames, 1, 1)
    gain = torch.empty(shape, device=grey.device).uniform_(0.7, 1.4)
    offset = torch.empty(shape, device=grey.device).uniform_(-8.0, 8.0)
    noise = torch.randn(grey.shape, device=grey.device) * 2.0
    return (grey.float() * gain + offset + noise).clamp(0.0, 255.0)


def _stack(clip: Clip, size: int, device: torch.device) -> _Stack:
    """Smaller tiles are continued by their mirror image."""
    grey, mask = aligned(clip, 1)
    missing = [max(0, size - length) for length in grey.shape[1:]]
    room = ((0, 0), (0, missing[0]), (0, missing[1]))
    return _Stack(
        torch.from_numpy(np.pad(grey, room, mode="symmetric")).to(device),
        torch.from_numpy(np.pad(mask, room, mode="symmetric")).to(device),
        np.argwhere(mask.max(axis=0)),
    )


def _real(values: Tensor) -> Real:
    return values.double().cpu().numpy()
