"""Quantisation-aware training: a few epochs in which every rounding of the Q/DQ form is felt.

Batch norms are folded first, so that the weights that are rounded are those that ship (Jacob et al.
2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", section 3). Rounding is passed straight through backwards (Bengio et al. 2013).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.augment.plan import Plan
from models.datasets.examples import Examples
from models.detectors import Design
from models.export import fold
from models.training import lesson
from models.training.configuration import Teaching
from models.training.lesson import Taught, worth
from models.training.team import Team

WEIGHT_STEPS = 64  # seven bits of eight: see `quantize`
LOWEST, HIGHEST = -128, 127  # of an activation
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Rounded(nn.Module):
    """A convolution as the Q/DQ form calculates it: input and weights rounded to integers."""

    scale: Tensor

    def __init__(self, convolution: nn.Module, scale: float) -> None:
        super().__init__()
        self.convolution = convolution
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, inputs: Tensor) -> Tensor:
        rounded = torch.fake_quantize_per_tensor_affine(
            inputs, float(self.scale), 0, LOWEST, HIGHEST
        )
        convolution = self.convolution
        assert isinstance(convolution, CONVOLUTIONS)
        found: Tensor = convolution._conv_forward(
            rounded, rounded_weights(convolution.weight), convolution.bias
        )
        return found


def rounded_weights(weight: Tensor) -> Tensor:
    """Symmetric, a scale an output channel, seven bits."""
    reach = weight.detach().abs().flatten(1).amax(dim=1).clamp_min(1e-12)
    zero = torch.zeros(weight.shape[0], dtype=torch.int32, device=weight.device)
    return torch.fake_quantize_per_channel_affine(
        weight, reach / WEIGHT_STEPS, zero, 0, -WEIGHT_STEPS, WEIGHT_STEPS
    )


def rounding(network: nn.Module, scales: Mapping[str, float]) -> nn.Module:
    """The folded network in place, each convolution named in `scales` rounded as that says."""
    for name, part in list(network.named_modules()):
        found = [scale for key, scale in scales.items() if _is_of(key, name)]
        if found and isinstance(part, CONVOLUTIONS):
            above, _, own = name.rpartition(".")
            setattr(network.get_submodule(above), own, Rounded(part, found[0]))
    return network


def exact(network: nn.Module) -> nn.Module:
    """The reverse, in place: what was learnt stays, rounding goes."""
    for name, part in list(network.named_modules()):
        if isinstance(part, Rounded):
            above, _, own = name.rpartition(".")
            setattr(network.get_submodule(above), own, part.convolution)
    return network


def teach(
    network: nn.Module,
    scales: Mapping[str, float],
    examples: Mapping[str, Examples],
    design: Design,
    plan: Plan,
    wanted: Teaching,
    keep: Path,
) -> nn.Module:
    """Fine-tune a trained network with every rounding felt; the best epoch, in float again.

    `keep` is the file of the best weights so far.
    """
    team = Team(0, 1, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    classes = len(design.classes)
    student = rounding(fold(network.eval()), scales).to(team.device)
    taught = Taught.of(examples["train"], team.device)
    unseen = Taught.of(examples["validation"], team.device)
    optimiser = torch.optim.AdamW(student.parameters(), wanted.rate, weight_decay=wanted.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, wanted.epochs * lesson.steps(len(taught), wanted.batch)
    )
    scaler = torch.amp.GradScaler(team.device.type, enabled=False)
    vary = lesson.varying(plan, design.input)
    best = worth(student, unseen, wanted.batch, classes).loss
    torch.save(student.state_dict(), keep)
    for number in range(wanted.epochs):
        torch.manual_seed(wanted.seed + 1_000_003 * (number + 1))
        lesson.epoch(
            student, taught, optimiser, schedule, scaler, wanted, vary, team, classes
        )  # fmt: skip
        found = worth(student, unseen, wanted.batch, classes).loss
        if np.isfinite(found) and found < best:
            best = found
            torch.save(student.state_dict(), keep)
    student.load_state_dict(torch.load(keep, weights_only=True))
    return exact(student.cpu()).eval()


def _is_of(weight: str, module: str) -> bool:
    """Whether the ONNX weight is that module's; the exporter may have wrapped the network."""
    return bool(module) and f".{weight}".endswith(f".{module}.weight")
