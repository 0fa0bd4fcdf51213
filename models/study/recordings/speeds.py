"""A motor's speed as a nuisance: what a network of raw acceleration makes of it, and what helps.

The accelerometer's shipped network is taught from nothing on the motor's recordings, as they are,
played at every speed of the line, or resampled so that a turn has the same number of samples at any
speed (order tracking with a known speed: Fyfe & Munck 1997, Mechanical Systems and Signal
Processing 11, 187-205). It is judged under another load, and there at speeds that it was taught at
and at one that it was not. Nothing here was searched for.
"""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy import signal
from torch import Tensor, nn

from models.study.recordings import adi, motors
from models.study.recordings.adi import Judged
from models.study.recordings.figures import Figure
from models.study.recordings.motors import Motor
from models.vibration import RATE_HZ, VibrationNetwork

STUDY = "speed"
LENGTH = 12_800  # samples of a window: half a second
HOP = 3_200
PER_VOLT = 9.81 / 0.08  # m/s2: ADXL356, data sheet, range of 10 g
SPEEDS_RPM = tuple(range(600, 1_801, 150))  # of the line
TRACKED_RPM = 1_800

PLAIN, PLAYED, TRACKED, ENVELOPES = (
    "plain", "plain, played at every speed", "order-tracked", "order-normalised envelopes"
)  # fmt: skip
INPUTS = (PLAIN, PLAYED, TRACKED)


@dataclass(frozen=True)
class Lesson:
    """How to teach."""

    steps: int = 400
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-2
    gain_db: float = 6.0  # louder or quieter by at most this
    noise_db: tuple[float, float] = (20.0, 40.0)  # white, below the window's own level


@dataclass(frozen=True, slots=True)
class Task:
    """One network."""

    folder: Path
    seen_as: str
    load_lb: int  # learnt under
    left_out_rpm: float | None  # judged at it alone; None: learnt and judged at all
    seed: int
    lesson: Lesson
    threads: int


def study(folder: Path, seeds: int, jobs: int) -> list[Figure]:
    """Every input, both ways, at speeds taught and at one that was not."""
    known = motors.read(folder)
    tasks = lessons(folder, known, seeds, threads=max(1, torch.get_num_threads() // jobs))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = track(pool.map(judge, tasks), f"teaching {len(tasks)} networks", len(tasks))
        return figures(known, dict(zip(tasks, done, strict=True)))


def lessons(folder: Path, known: list[Motor], seeds: int, threads: int) -> list[Task]:
    """Seed by seed."""
    return [
        Task(folder, seen_as, load, rpm, seed, Lesson(), threads)
        for seed in range(seeds)
        for seen_as in (*INPUTS, ENVELOPES)
        for load, _ in adi.DIRECTIONS
        for rpm in (None, *sorted({one.rpm for one in known}))
    ]


def figures(known: list[Motor], answers: Mapping[Task, Judged]) -> list[Figure]:
    """Of every input and split, the seeds together."""
    found = []
    for seen_as in (*INPUTS, ENVELOPES):
        for learnt, judged in adi.DIRECTIONS:
            for words, is_unseen in (("", False), (", speed unseen", True)):
                by_seed: dict[int, list[Judged]] = {}
                for task, answer in answers.items():
                    is_split = (task.left_out_rpm is not None) == is_unseen
                    if is_split and (task.seen_as, task.load_lb) == (seen_as, learnt):
                        by_seed.setdefault(task.seed, []).append(answer)
                each = [_joined(parts) for parts in by_seed.values()]
                split = f"{learnt} lb -> {judged} lb{words}"
                found += adi.of_networks(STUDY, seen_as, known, each, split)
    return found


def played(volts: NDArray[np.float32], rpm: float, as_rpm: float) -> NDArray[np.float32]:
    """Volts (sample, axis) at 20 kHz -> m/s2 (axis, sample) at 25.6 kHz, turning at `as_rpm`.

    Every frequency moves with the speed; what would lie above half the rate is filtered out.
    """
    ratio = Fraction(int(RATE_HZ) * int(rpm), int(motors.RATE_HZ) * int(as_rpm))
    moved = signal.resample_poly(volts, ratio.numerator, ratio.denominator, axis=0)
    return np.ascontiguousarray(moved.T * PER_VOLT, dtype=np.float32)


def teach(
    recorded: list[Motor], seen_as: str, seed: int, lesson: Lesson, device: torch.device
) -> tuple[VibrationNetwork, tuple[str, ...]]:
    """A network of conditions, taught so that their families are right too."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    conditions = tuple(sorted({one.condition for one in recorded}))
    names, belongs = adi.families(recorded, conditions)
    waves = [_waves(one, seen_as, device, is_taught=True) for one in recorded]
    label = torch.tensor([conditions.index(one.condition) for one in recorded], device=device)
    family = torch.tensor([names.index(one.family) for one in recorded], device=device)
    share = 1.0 / np.bincount(family.cpu().numpy())[family.cpu().numpy()]
    membership = torch.log(torch.from_numpy(belongs).float() + 1e-9).to(device)
    network = VibrationNetwork(len(conditions)).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lesson.rate, weight_decay=lesson.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lesson.rate, total_steps=lesson.steps)
    network.train()
    for _ in range(lesson.steps):
        chosen = rng.choice(len(recorded), lesson.batch, p=share / share.sum())
        shown = torch.stack([_stretch(waves[i], rng) for i in chosen])
        logits, _, _ = network(_disturbed(shown, lesson))
        said = torch.log_softmax(logits, dim=1)
        by_family = torch.logsumexp(said[:, None] + membership, dim=2)
        which = torch.from_numpy(chosen).to(device)
        loss = nn.functional.nll_loss(said, label[which])
        loss = loss + nn.functional.nll_loss(by_family, family[which])
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    return network.eval(), conditions


def judge(task: Task) -> Judged:
    """Teach it and ask it."""
    torch.set_num_threads(task.threads)
    learnt, unseen = parted(_recorded(task.folder), task.load_lb, task.left_out_rpm)
    if task.seen_as == ENVELOPES:
        return adi.judge_these(learnt, unseen, task.seed, adi.Lesson())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network, conditions = teach(learnt, task.seen_as, task.seed, task.lesson, device)
    with torch.no_grad():
        each = [network(_windows(one, task.seen_as, device))[0].cpu() for one in unseen]
    return adi.judged(unseen, conditions, each)


def parted(
    known: list[Motor], load_lb: int, left_out_rpm: float | None
) -> tuple[list[Motor], list[Motor]]:
    """(learnt, judged): under the load and under the other; nothing of a speed that is left out."""
    learnt = [m for m in known if m.load_lb == load_lb and m.rpm != left_out_rpm]
    judged = [m for m in known if m.load_lb != load_lb and left_out_rpm in (None, m.rpm)]
    return learnt, judged


@cache
def _recorded(folder: Path) -> list[Motor]:
    return motors.read(folder)


def _waves(motor: Motor, seen_as: str, device: torch.device, *, is_taught: bool) -> list[Tensor]:
    """(axis, sample) each: a recording at every speed that it is shown at."""
    speeds: tuple[float, ...] = (motor.rpm,)
    if seen_as == TRACKED:
        speeds = (TRACKED_RPM,)
    elif seen_as == PLAYED and is_taught:
        speeds = SPEEDS_RPM
    each = (played(motor.volts, motor.rpm, rpm) for rpm in speeds)
    return [torch.from_numpy(one).to(device) for one in each]


def _stretch(waves: list[Tensor], rng: np.random.Generator) -> Tensor:
    wave = waves[int(rng.integers(len(waves)))]
    start = int(rng.integers(wave.shape[1] - LENGTH + 1))
    return wave[:, start : start + LENGTH]


def _windows(motor: Motor, seen_as: str, device: torch.device) -> Tensor:
    """(window, axis, sample)"""
    (wave,) = _waves(motor, seen_as, device, is_taught=False)
    return wave.unfold(1, LENGTH, HOP).transpose(0, 1)


def _disturbed(waves: Tensor, lesson: Lesson) -> Tensor:
    """Another gain, and noise."""
    shape = (len(waves), 1, 1)
    gain_db = torch.empty(shape, device=waves.device).uniform_(-lesson.gain_db, lesson.gain_db)
    noise_db = torch.empty(shape, device=waves.device).uniform_(*lesson.noise_db)
    level = waves.square().mean(dim=(1, 2), keepdim=True).sqrt()
    noise = torch.randn_like(waves) * level * 10.0 ** (-noise_db / 20.0)
    return (waves + noise) * 10.0 ** (gain_db / 20.0)


def _joined(each: list[Judged]) -> Judged:
    """Of recordings that networks of different splits judged."""
    return Judged(
        tuple(m for one in each for m in one.motors),
        each[0].conditions,
        np.concatenate([one.probabilities for one in each]),
        tuple(w for one in each for w in one.windows),
    )
