"""Teaching one detector: seeded, on a GPU where there is one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from models.dataset import Parts, load
from models.detectors import Design, designs
from sensors.simulator.cause import HYPOTHESES

# A defect too small to be clear is neither good nor bad: below this share of the severity from
# which its class is clear (for most the reject limit) it teaches nothing, in between the more the
# nearer it is.
IGNORED_BELOW = 0.6


@dataclass(frozen=True)
class Lesson:
    """How to teach: the same numbers and the same machine give the same network."""

    epochs: int = 40
    batch: int = 128
    rate: float = 2e-3
    decay: float = 1e-2
    seed: int = 7
    recurrence: str = "parallel"


@dataclass(frozen=True, slots=True)
class Taught:
    """A set of parts on the training device, with what they should be called."""

    inputs: Tensor
    labels: Tensor
    weights: Tensor


def train(folder: Path, name: str, lesson: Lesson, path: Path) -> dict[str, float]:
    """Teach the detector `name` on the parts in `folder`; keep the best epoch's weights."""
    design = designs(lesson.recurrence)[name]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(lesson.seed)
    network = design.build(len(design.classes)).to(device)
    taught = _taught(load(folder, "train", name), design, device)
    unseen = _taught(load(folder, "validation", name), design, device)
    steps = -(-len(taught.labels) // lesson.batch)
    optimiser = torch.optim.AdamW(network.parameters(), lesson.rate, weight_decay=lesson.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, lesson.rate, total_steps=steps * lesson.epochs, pct_start=0.15
    )
    best = float("inf")
    for epoch in track(range(lesson.epochs), f"training {name}"):
        learnt = _epoch(network, taught, optimiser, schedule, lesson)
        lost, right = evaluate(network, unseen, lesson.batch)
        print(f"{name} {epoch}: train {learnt:.4f} validation {lost:.4f} right {right:.4f}")  # noqa: T201
        if lost < best:
            best, best_right = lost, right
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save({k: v.cpu() for k, v in network.state_dict().items()}, path)
    return {"validation_loss": best, "validation_accuracy": best_right}


def restore(design: Design, path: Path) -> nn.Module:
    """A taught network, ready to answer."""
    network = design.build(len(design.classes))
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def evaluate(network: nn.Module, parts: Taught, batch: int) -> tuple[float, float]:
    """(weighted loss, weighted share of right answers)."""
    network.eval()
    loss = right = 0.0
    with torch.no_grad():
        for start in range(0, len(parts.labels), batch):
            rows = slice(start, start + batch)
            logits = network(_float(parts.inputs[rows]))[0]
            weights, labels = parts.weights[rows], parts.labels[rows]
            each = nn.functional.cross_entropy(logits, labels, reduction="none")
            loss += float((each * weights).sum())
            right += float(((logits.argmax(1) == labels) * weights).sum())
    total = float(parts.weights.sum())
    return loss / total, right / total


def labels(parts: Parts, design: Design) -> NDArray[np.int64]:
    """Class index of every part."""
    table = np.array([design.label(hypothesis) for hypothesis in HYPOTHESES])
    return np.asarray(table[parts.hypothesis])


def weights(parts: Parts, design: Design) -> NDArray[np.float32]:
    """How much every part teaches; a small defect of a kind this detector cannot see is good."""
    label = labels(parts, design)
    clear = np.array([design.clear_from.get(name, 1.0) for name in design.classes])[label]
    ramp = (parts.severity / clear - IGNORED_BELOW) / (1.0 - IGNORED_BELOW)
    return np.where(label == 0, 1.0, np.clip(ramp, 0.0, 1.0)).astype(np.float32)


def _epoch(
    network: nn.Module,
    taught: Taught,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    lesson: Lesson,
) -> float:
    network.train()
    order = torch.randperm(len(taught.labels), device=taught.labels.device)
    total = torch.zeros((), device=taught.labels.device)
    for rows in torch.split(order, lesson.batch):
        logits = network(_varied(taught.inputs[rows]))[0]
        each = nn.functional.cross_entropy(logits, taught.labels[rows], reduction="none")
        loss = (each * taught.weights[rows]).sum() / lesson.batch
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        total += loss.detach()
    return float(total) / -(-len(order) // lesson.batch)


def _varied(inputs: Tensor) -> Tensor:
    """Different every time: a picture's light, place and handedness, a waveform's beginning."""
    batch = inputs.shape[0]
    if inputs.dtype == torch.uint8:
        gain = torch.empty(batch, 1, 1, 1, device=inputs.device).uniform_(0.9, 1.1)
        mirrored = [axis for axis in (2, 3) if torch.rand(()) < 0.5]
        moved = torch.roll(inputs, _steps(4), dims=(2, 3)).flip(mirrored)
        return (moved.float() * gain).clamp(0.0, 255.0)
    shift = int(torch.randint(0, inputs.shape[-1], ()))
    return torch.roll(inputs, shift, dims=-1).float()


def _steps(reach: int) -> tuple[int, int]:
    down, right = torch.randint(-reach, reach + 1, (2,)).tolist()
    return int(down), int(right)


def _float(inputs: Tensor) -> Tensor:
    return inputs if inputs.dtype == torch.uint8 else inputs.float()


def _taught(parts: Parts, design: Design, device: torch.device) -> Taught:
    weight = weights(parts, design)
    kept = weight > 0.0
    return Taught(
        torch.from_numpy(parts.inputs[kept]).to(device),
        torch.from_numpy(labels(parts, design)[kept]).to(device),
        torch.from_numpy(weight[kept]).to(device),
    )
