"""One epoch of teaching, and what a network is worth on examples it was not taught."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge.bundle import ClipInput, SeriesInput
from models.augment import pictures, waveforms
from models.augment.plan import Plan
from models.datasets.examples import Examples
from models.training.balance import order
from models.training.configuration import Teaching
from models.training.team import Team

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Taught:
    """Examples on the training device."""

    inputs: Tensor
    labels: Tensor
    weights: Tensor

    @classmethod
    def of(cls, examples: Examples, device: torch.device) -> "Taught":
        """Those that teach anything."""
        kept = examples.weights > 0.0
        return cls(
            torch.from_numpy(examples.inputs[kept]).to(device),
            torch.from_numpy(examples.labels[kept]).to(device),
            torch.from_numpy(examples.weights[kept]).to(device),
        )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Worth:
    """Of a network on examples: weighted by what each teaches."""

    loss: float
    right: float  # share
    balanced: float  # mean over classes of the share that is right


def steps(examples: int, batch: int) -> int:
    """Of an epoch."""
    return -(-examples // batch)


def epoch(
    network: nn.Module,
    taught: Taught,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    scaler: torch.amp.GradScaler,
    lesson: Teaching,
    vary: Callable[[Tensor], Tensor],
    team: Team,
    classes: int,
) -> float:
    """Teach every example once, in batches over all members of the team; the mean loss."""
    network.train()
    total = torch.zeros((), device=team.device)
    rows_in_order = order(taught.labels, classes, lesson.balance)
    batches = torch.tensor_split(rows_in_order, steps(len(taught), lesson.batch))
    torch.manual_seed(int(torch.randint(0, 2**31, ())) + team.rank)  # each varies its own examples
    for rows in batches:
        optimiser.zero_grad(set_to_none=True)
        for piece, is_last in _pieces(rows, lesson.accumulate, team):
            waits = network.no_sync() if team.size > 1 and not is_last else nullcontext()  # type: ignore[operator]
            with waits:
                with _precision(lesson, team.device):
                    logits = network(vary(taught.inputs[piece]))[0]
                each = nn.functional.cross_entropy(
                    logits.float(), taught.labels[piece], reduction="none"
                )
                # gradients are averaged over the team, so that each member's share weighs `size`
                loss = (each * taught.weights[piece]).sum() * (team.size / len(rows))
                torch.autograd.backward(scaler.scale(loss))
            total += loss.detach() / team.size
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(network.parameters(), lesson.clip)
        scaler.step(optimiser)
        scaler.update()
        schedule.step()
    return sum(team.gathered(float(total))) / len(batches)


def worth(network: nn.Module, examples: Taught, batch: int, classes: int) -> Worth:
    """On examples as they are: nothing varied, whole precision."""
    network.eval()
    loss = 0.0
    right = torch.zeros(classes, dtype=torch.float64)
    weight = torch.zeros(classes, dtype=torch.float64)
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(examples), device=examples.labels.device), batch):
            inputs, labels = examples.inputs[rows], examples.labels[rows]
            weights = examples.weights[rows]
            logits = network(inputs if inputs.dtype == torch.uint8 else inputs.float())[0]
            each = nn.functional.cross_entropy(logits, labels, reduction="none")
            loss += float((each * weights).sum())
            hits = (logits.argmax(1) == labels) * weights
            right.index_add_(0, labels.cpu(), hits.cpu().double())
            weight.index_add_(0, labels.cpu(), weights.cpu().double())
    there = weight > 0.0
    return Worth(
        loss / float(weight.sum()),
        float(right.sum() / weight.sum()),
        float((right[there] / weight[there]).mean()),
    )


def varying(plan: Plan, wanted: SeriesInput | ClipInput) -> Callable[[Tensor], Tensor]:
    """The augmentation of a batch that fits the input."""
    if isinstance(wanted, ClipInput):
        return lambda batch: pictures.augmented(batch, plan.pictures)
    return lambda batch: waveforms.augmented(batch, plan.waveforms, wanted.rate_hz)


def _pieces(rows: Tensor, accumulate: int, team: Team) -> Iterator[tuple[Tensor, bool]]:
    """This member's examples of a batch, in pieces, and whether one is the last."""
    own = rows[team.rank :: team.size]
    pieces = [piece for piece in torch.tensor_split(own, accumulate) if len(piece)]
    for number, piece in enumerate(pieces, 1):
        yield piece, number == len(pieces)


def _precision(lesson: Teaching, device: torch.device) -> torch.autocast | nullcontext[None]:
    if lesson.precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, DTYPES[lesson.precision])
