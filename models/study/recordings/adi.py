"""A motor's shaft and bearings, learnt under one load and judged under another.

Each condition under each load is one assembly, recorded at three speeds: only a change of load is
an honest split. Recordings' means alone tell assemblies apart, so they are taken off, and a
classifier of nothing but the means is shown in the same split: it must be at chance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from models.study.recordings import folder as recordings
from models.study.recordings.figures import Figure, Labels, Real, accuracy
from models.study.recordings.order_network import OrderNetwork, OrderReadings
from models.study.recordings.orders import blocks
from models.study.recordings.plain import discriminant

STUDY = "adi"
HEALTHY = "healthy"
SHRINKAGE = 0.8
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
class Motor:
    """One recording."""

    condition: str
    family: str
    rpm: float
    load_lb: int
    mean: Real  # (axis,)
    level: Real  # (band,) plain logarithms of power, as a spectrogram shows them
    readings: Real  # (block, reading)


@dataclass(frozen=True, slots=True)
class Judged:
    """Probabilities of the conditions, of every recording under the load judged."""

    motors: tuple[Motor, ...]
    conditions: tuple[str, ...]
    probabilities: Real  # (recording, condition)


def read(folder: Path) -> list[Motor]:
    """Every recording of the set."""
    look = OrderReadings()
    found = []
    rows = recordings.rows(folder, "label", "family", "rpm", "load_lb", "sampling_rate_hz")
    for row in track(rows, "order spectra"):
        with np.load(folder / row["file"], allow_pickle=False) as data:
            volts = (data["x"] - data["zero_g_volts"]).astype(np.float64)
        rpm, rate_hz = float(row["rpm"]), float(row["sampling_rate_hz"])
        seen = blocks(volts, rate_hz, rpm)
        spectra, shapes = (torch.from_numpy(one).float() for one in (seen.spectra, seen.shapes))
        readings = look(spectra, shapes).double().numpy()
        motor = Motor(
            row["label"], row["family"], rpm, int(row["load_lb"]),
            volts.mean(axis=0), _level(volts), readings,
        )  # fmt: skip
        found.append(motor)
    return found


def teach(motors: list[Motor], seed: int, lesson: Lesson) -> tuple[OrderNetwork, tuple[str, ...]]:
    """A network of conditions, taught so that their families are right too."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    conditions = tuple(sorted({one.condition for one in motors}))
    names, belongs = families(motors, conditions)
    network = OrderNetwork(len(conditions))
    network.scale(torch.from_numpy(np.concatenate([one.readings for one in motors])).float())
    label = torch.tensor([conditions.index(one.condition) for one in motors])
    family = torch.tensor([names.index(one.family) for one in motors])
    share = 1.0 / np.bincount(family.numpy())[family.numpy()]
    share /= share.sum()
    membership = torch.log(torch.from_numpy(belongs).float() + 1e-9)
    optimiser = torch.optim.AdamW(network.parameters(), lesson.rate, weight_decay=lesson.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, lesson.rate, total_steps=lesson.steps
    )
    network.train()
    for _ in range(lesson.steps):
        chosen = rng.choice(len(motors), lesson.batch, p=share)
        shown = [_stretch(motors[i].readings, lesson.blocks, rng) for i in chosen]
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
    motors: list[Motor], learnt_lb: int, judged_lb: int, seed: int, lesson: Lesson
) -> Judged:
    """Learn under one load, judge under the other: by the mean of a recording's windows."""
    network, conditions = teach([m for m in motors if m.load_lb == learnt_lb], seed, lesson)
    unseen = tuple(m for m in motors if m.load_lb == judged_lb)
    means = [windows(network, motor, lesson).mean(dim=0) for motor in unseen]
    probabilities = torch.softmax(torch.stack(means), dim=1).double().numpy()
    return Judged(unseen, conditions, probabilities)


def families(
    motors: list[Motor], conditions: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the families, and which conditions are of which: (family, condition)."""
    of = {one.condition: one.family for one in motors}
    names = tuple(sorted(set(of.values())))
    return names, np.array([[float(of[c] == name) for c in conditions] for name in names])


def study(folder: Path, seeds: int) -> list[Figure]:
    """Seven families and thirteen conditions, both ways, beside LDA and the shortcuts."""
    motors = read(folder)
    lesson, found = Lesson(), []
    for learnt, judged in DIRECTIONS:
        split = f"{learnt} lb -> {judged} lb"
        each = [
            judge(motors, learnt, judged, seed, lesson)
            for seed in track(range(seeds), f"teaching under {learnt} lb")
        ]
        found += _of_networks(motors, each, split)
        known = [one for one in motors if one.load_lb == learnt]
        asked = [one for one in motors if one.load_lb == judged]
        plain = (
            ("LDA of the same readings", "detector", lambda one: one.readings.mean(axis=0)),
            ("LDA of plain levels", "detector", lambda one: one.level),
            ("means alone", "shortcut", lambda one: one.mean),
        )
        for what, role, view in plain:
            found += _of_plain(known, asked, what, role, view, split)
        for what, view in (("readings", plain[0][2]), ("plain levels", plain[1][2])):
            found += _of_plain(
                known, asked, f"LDA of {what}, relative", "detector", _relative(motors, view), split
            )
    return found


def _of_networks(motors: list[Motor], each: list[Judged], split: str) -> list[Figure]:
    first = each[0]
    names, belongs = families(motors, first.conditions)
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
        alone = [accuracy(STUDY, "", truth, one, groups, split).value for one in said]
        together = np.mean([one.probabilities for one in each], axis=0)
        note = f"each alone {np.mean(alone):.3f} ({min(alone):.3f} to {max(alone):.3f})"
        found.append(
            accuracy(
                STUDY, f"{task}: order network, {len(each)} seeds together", truth,
                classes[(together @ gather).argmax(axis=1)], groups, split, note=note,
            )
        )  # fmt: skip
    return found


def _of_plain(
    known: list[Motor],
    asked: list[Motor],
    what: str,
    role: str,
    view: Callable[[Motor], Real],
    split: str,
) -> list[Figure]:
    groups = np.array([one.condition for one in asked])
    inputs, unseen = (np.stack([view(one) for one in each]) for each in (known, asked))
    found = []
    for task, name in (("7 families", "family"), ("13 conditions", "condition")):
        labels, truth = (np.array([getattr(m, name) for m in each]) for each in (known, asked))
        said: Labels = discriminant(inputs, labels, SHRINKAGE)(unseen)
        found.append(accuracy(STUDY, f"{task}: {what}", truth, said, groups, split, role=role))
    return found


def _relative(motors: list[Motor], view: Callable[[Motor], Real]) -> Callable[[Motor], Real]:
    """Less the mean of the healthy machine under the same load at the other speeds."""

    def less(one: Motor) -> Real:
        reference = [
            view(m)
            for m in motors
            if m.condition == HEALTHY and m.load_lb == one.load_lb and m.rpm != one.rpm
        ]
        return view(one) - np.mean(reference, axis=0)

    return less


def _level(volts: Real) -> Real:
    """Power of every axis in 32 bands of equal width, as logarithms (channel by channel)."""
    still = (volts - volts.mean(axis=0)).T
    power = np.abs(np.fft.rfft(still * np.hanning(still.shape[1]), axis=1)) ** 2
    length = power.shape[1] // 32 * 32
    return np.asarray(np.log(power[:, :length].reshape(len(still), 32, -1).mean(axis=2)).ravel())


def _stretch(readings: Real, count: int, rng: np.random.Generator) -> Real:
    start = int(rng.integers(max(1, len(readings) - count + 1)))
    return readings[start : start + count]
