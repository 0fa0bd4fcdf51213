"""A motor's shaft and bearings, learnt under one load and judged under another.

Each condition under each load is one assembly, recorded at three speeds: only a change of load is
an honest split. Recordings' means alone tell assemblies apart, so they are taken off, and a
classifier of nothing but the means is shown in the same split: it must be at chance.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from models.study.recordings import adi_plain
from models.study.recordings.figures import Figure, Real, accuracy, balanced_accuracy
from models.study.recordings.motors import Motor
from models.study.recordings.order_network import OrderNetwork

STUDY = "adi"
DIRECTIONS = ((0, 11), (11, 0))  # lb: learnt under, judged under


@dataclass(frozen=True)
class Lesson:
    """How to teach. Found on both directions of the split, so on the recordings judged."""

    steps: int = 300
    batch: int = 48
    blocks: int = 6  # of ten revolutions, two apart: what a window of 20 revolutions holds
    rate: float = 5e-3
    decay: float = 0.05


@dataclass(frozen=True, slots=True)
class Judged:
    """Probabilities of the conditions, of every recording under the load judged."""

    motors: tuple[Motor, ...]
    conditions: tuple[str, ...]
    probabilities: Real  # (recording, condition)
    windows: tuple[Real, ...]  # of each recording: (window, condition)


def teach(recorded: list[Motor], seed: int, lesson: Lesson) -> tuple[OrderNetwork, tuple[str, ...]]:
    """A network of conditions, taught so that their families are right too."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    conditions = tuple(sorted({one.condition for one in recorded}))
    names, belongs = families(recorded, conditions)
    network = OrderNetwork(len(conditions))
    network.scale(torch.from_numpy(np.concatenate([one.readings for one in recorded])).float())
    label = torch.tensor([conditions.index(one.condition) for one in recorded])
    family = torch.tensor([names.index(one.family) for one in recorded])
    share = 1.0 / np.bincount(family.numpy())[family.numpy()]
    share /= share.sum()
    membership = torch.log(torch.from_numpy(belongs).float() + 1e-9)
    optimiser = torch.optim.AdamW(network.parameters(), lesson.rate, weight_decay=lesson.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lesson.rate, total_steps=lesson.steps)
    network.train()
    for _ in range(lesson.steps):
        chosen = rng.choice(len(recorded), lesson.batch, p=share)
        shown = [_stretch(recorded[i].readings, lesson.blocks, rng) for i in chosen]
        logits, _ = network(torch.from_numpy(np.stack(shown)).float())
        said = torch.log_softmax(logits, dim=1)
        by_family = torch.logsumexp(said[:, None] + membership, dim=2)
        loss = nn.functional.nll_loss(said, label[chosen])
        loss = loss + nn.functional.nll_loss(by_family, family[chosen])
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    return network.eval(), conditions


@torch.no_grad()
def windows(network: OrderNetwork, motor: Motor, lesson: Lesson) -> Tensor:
    """Logits (window, class) of every window of a recording."""
    read_ = torch.from_numpy(motor.readings).float()
    places = range(max(1, len(read_) - lesson.blocks + 1))
    logits, _ = network(torch.stack([read_[s : s + lesson.blocks] for s in places]))
    return torch.as_tensor(logits)


def judge(
    recorded: list[Motor], learnt_lb: int, judged_lb: int, seed: int, lesson: Lesson
) -> Judged:
    """Learn under one load, judge under the other: by the mean of a recording's windows."""
    known = [m for m in recorded if m.load_lb == learnt_lb]
    return judge_these(known, [m for m in recorded if m.load_lb == judged_lb], seed, lesson)


def judge_these(known: list[Motor], unseen: list[Motor], seed: int, lesson: Lesson) -> Judged:
    """Learn from these, judge those."""
    network, conditions = teach(known, seed, lesson)
    return judged(unseen, conditions, [windows(network, motor, lesson) for motor in unseen])


def judged(unseen: list[Motor], conditions: tuple[str, ...], each: list[Tensor]) -> Judged:
    """By the mean of a recording's windows; logits (window, condition) of each."""
    means = torch.stack([logits.mean(dim=0) for logits in each])
    shares = tuple(_shares(logits) for logits in each)
    return Judged(tuple(unseen), conditions, _shares(means), shares)


def families(
    recorded: list[Motor], conditions: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the families, and which conditions are of which: (family, condition)."""
    of = {one.condition: one.family for one in recorded}
    names = tuple(sorted(set(of.values())))
    return names, np.array([[float(of[c] == name) for c in conditions] for name in names])


def together(each: list[Judged]) -> Judged:
    """The mean of several seeds' probabilities."""
    windows_ = zip(*(one.windows for one in each), strict=True)
    return Judged(
        each[0].motors,
        each[0].conditions,
        np.mean([one.probabilities for one in each], axis=0),
        tuple(np.mean(same, axis=0) for same in windows_),
    )


def study(known: list[Motor], seeds: int) -> list[Figure]:
    """Seven families and thirteen conditions, both ways, beside LDA and the shortcuts."""
    lesson, found = Lesson(), []
    for learnt, judged in DIRECTIONS:
        split = f"{learnt} lb -> {judged} lb"
        each = [
            judge(known, learnt, judged, seed, lesson)
            for seed in track(range(seeds), f"teaching under {learnt} lb")
        ]
        found += of_networks(STUDY, "order network", known, each, split)
        found += adi_plain.figures(STUDY, known, learnt, judged)
    return found


def of_networks(
    study: str, what: str, recorded: list[Motor], each: list[Judged], split: str
) -> list[Figure]:
    """Both tasks, by the mean of the seeds' probabilities."""
    first = each[0]
    names, belongs = families(recorded, first.conditions)
    truths = {
        "7 families": (np.array([m.family for m in first.motors]), np.array(names), belongs.T),
        "13 conditions": (
            np.array([m.condition for m in first.motors]),
            np.array(first.conditions),
            np.eye(len(first.conditions)),
        ),
    }
    groups = np.array([m.condition for m in first.motors])
    found = []
    for task, (truth, classes, gather) in truths.items():
        said = [classes[(one.probabilities @ gather).argmax(axis=1)] for one in each]
        alone = [balanced_accuracy(truth, one) for one in said]
        joint = together(each).probabilities
        note = f"each alone {np.mean(alone):.3f} ({min(alone):.3f} to {max(alone):.3f})"
        found.append(
            accuracy(
                study, f"{task}: {what}, {len(each)} seeds together", truth,
                classes[(joint @ gather).argmax(axis=1)], groups, split, note=note,
            )
        )  # fmt: skip
    return found


def _shares(logits: Tensor) -> Real:
    return np.asarray(torch.softmax(logits, dim=1).double().numpy())


def _stretch(readings: Real, count: int, rng: np.random.Generator) -> Real:
    start = int(rng.integers(max(1, len(readings) - count + 1)))
    return readings[start : start + count]
