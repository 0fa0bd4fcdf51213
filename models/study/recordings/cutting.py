"""End milling, cutting or not: camera and microphone on one clock, alone and fused.

Both networks are the appliance's own (`models.camera`, `models.audio`), asked of the same 0.4 s.
Passes stand in five blocks of time; what is judged was in no block that taught. Each span, a pass
or the pause after it, is one answer: the mean of its windows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from models.audio import AudioNetwork
from models.camera import CameraNetwork
from models.study.recordings import evidence
from models.study.recordings.figures import Figure, Real, two_rates
from models.study.recordings.milling import FOLDS, Span, read
from models.study.recordings.plain import discriminant

STUDY = "cnc"
CLASSES = ("not_cutting", "cutting")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
GRID = 11  # pixels
FEW = 3  # windows of a span that teach the motion: pauses have one


@dataclass(frozen=True)
class Lesson:
    """How to teach; not tuned."""

    steps: int = 120
    batch: int = 24
    rate: float = 2e-3
    decay: float = 1e-2


def study(folder: Path, seeds: int) -> list[Figure]:
    """Camera, microphone, both; and the shortcuts: brightness and loudness alone."""
    spans = read(folder)
    odds = {
        "camera alone": _judged(spans, "camera", seeds),
        "microphone alone": _judged(spans, "audio", seeds),
    }
    fold = np.array([span.fold for span in spans])
    truth = np.array([span.is_cutting for span in spans])
    calm = {name: evidence.calibrated(one, truth, fold) for name, one in odds.items()}
    fused = evidence.fused(list(calm.values())).odds
    moving = _moving(spans, truth, fold)
    shortcuts = {
        "brightness alone": _threshold(
            np.array([float(s.clips.mean()) for s in spans]), truth, fold
        ),
        "loudness alone": _threshold(
            np.array([float(np.log(s.sounds.std())) for s in spans]), truth, fold
        ),
    }
    short = ~np.array([span.is_long for span in spans])
    found = []
    for which, kept in (("all spans", truth | ~truth), ("without setting up", short)):
        for name, one in {**calm, "fused (Yager)": fused}.items():
            found.append(_figure(f"{name}, {which}", truth[kept], one[kept] > 0.0))
        found.append(_figure(f"camera, motion on a grid, {which}", truth[kept], moving[kept]))
        for name, said in shortcuts.items():
            found.append(_figure(f"{name}, {which}", truth[kept], said[kept], "shortcut"))
    return found


def _judged(spans: list[Span], sense: str, seeds: int) -> Real:
    """Log odds of cutting, of each span by networks that its block did not teach."""
    found = np.zeros(len(spans))
    for fold in track(range(FOLDS), f"teaching the {sense}"):
        taught = [span for span in spans if span.fold != fold]
        for seed in range(seeds):
            network = _teach(taught, sense, seed, Lesson())
            for index, span in enumerate(spans):
                if span.fold == fold:
                    found[index] += _ask(network, _inputs(span, sense)) / seeds
    return found


def _teach(spans: list[Span], sense: str, seed: int, lesson: Lesson) -> nn.Module:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network: nn.Module = (CameraNetwork if sense == "camera" else AudioNetwork)(len(CLASSES))
    network = network.to(DEVICE)
    optimiser = torch.optim.AdamW(network.parameters(), lesson.rate, weight_decay=lesson.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lesson.rate, total_steps=lesson.steps)
    sides = [[s for s in spans if s.is_cutting == side] for side in (False, True)]
    inputs = {id(span): _inputs(span, sense) for span in spans}
    network.train()
    for _ in range(lesson.steps):
        label = torch.arange(lesson.batch) % 2
        chosen = [inputs[id(side[int(rng.integers(len(side)))])]
                  for side in (sides[int(one)] for one in label)]  # fmt: skip
        shown = torch.stack([one[int(rng.integers(len(one)))] for one in chosen])
        logits = network(_varied(shown))[0]
        loss = nn.functional.cross_entropy(logits, label.to(DEVICE), label_smoothing=0.02)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def _ask(network: nn.Module, inputs: Tensor) -> float:
    logits = torch.cat([network(one)[0] for one in torch.split(inputs, 8)])
    return float((logits[:, 1] - logits[:, 0]).mean())


def _inputs(span: Span, sense: str) -> Tensor:
    return torch.from_numpy(span.clips if sense == "camera" else span.sounds).to(DEVICE)


def _varied(inputs: Tensor) -> Tensor:
    """Another light, another gain: neither is to be learnt."""
    shape = (len(inputs),) + (1,) * (inputs.dim() - 1)
    if inputs.dtype == torch.uint8:
        gain = torch.empty(shape, device=inputs.device).uniform_(0.85, 1.15)
        return (inputs.float() * gain).clamp(0.0, 255.0)
    return inputs * torch.exp(torch.empty(shape, device=inputs.device).uniform_(-0.7, 0.7))


def _moving(
    spans: list[Span], truth: NDArray[np.bool_], fold: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """LDA of how much each place of the picture changes from frame to frame; windows vote."""
    views = [np.stack([_motion(clip) for clip in span.clips]) for span in spans]
    said = np.zeros(len(spans), bool)
    names = np.array(CLASSES)[truth.astype(int)]
    for one in np.unique(fold):
        known = [i for i in range(len(spans)) if fold[i] != one and not spans[i].is_long]
        inputs = np.concatenate([views[i][:FEW] for i in known])
        labels = np.concatenate([np.repeat(names[i], len(views[i][:FEW])) for i in known])
        judge = discriminant(inputs, labels, shrinkage=0.5)
        for i in np.flatnonzero(fold == one):
            said[i] = np.mean(judge(views[i]) == CLASSES[1]) > 0.5
    return said


def _motion(clip: NDArray[np.uint8]) -> Real:
    change = np.abs(np.diff(clip.astype(np.float64), axis=0)).mean(axis=0)
    rows, columns = (length // GRID for length in change.shape)
    places = change[: rows * GRID, : columns * GRID].reshape(rows, GRID, columns, GRID)
    return np.asarray(np.log(places.mean(axis=(1, 3)) + 0.3).ravel())


def _threshold(value: Real, truth: NDArray[np.bool_], fold: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Midway between the means of the other blocks, whichever side is cutting."""
    said = np.zeros(len(value), bool)
    for one in np.unique(fold):
        known = fold != one
        on, off = value[known & truth].mean(), value[known & ~truth].mean()
        said[~known] = (value[~known] > (on + off) / 2.0) == (on > off)
    return said


def _figure(
    what: str, truth: NDArray[np.bool_], said: NDArray[np.bool_], role: str = "detector"
) -> Figure:
    right = truth == said
    return two_rates(
        STUDY, what, (int(right[truth].sum()), int(truth.sum())),
        (int(right[~truth].sum()), int((~truth).sum())), len(truth),
        f"{FOLDS} blocks of passes, each unseen in turn", role=role,
    )  # fmt: skip
