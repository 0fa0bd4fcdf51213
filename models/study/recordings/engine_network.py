"""The shipped microphone's network (a CRNN), taught from nothing on engines at idle.

A recording's level follows the car and the session: it is taken off, and every window is taught at
another gain and with other noise. Nothing here was searched for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.audio import AudioNetwork
from models.study.recordings.engine import Engine
from models.study.recordings.figures import Real

LENGTH = 8_000  # samples: half a second
HOP = 16_000


@dataclass(frozen=True)
class Lesson:
    """How to teach."""

    steps: int = 150
    batch: int = 32
    rate: float = 2e-3
    decay: float = 1e-2
    gain_db: float = 12.0
    noise_db: tuple[float, float] = (10.0, 30.0)
    seed: int = 0


def teach(engines: Sequence[Engine], lesson: Lesson) -> AudioNetwork:
    """Each car and each state as often; class 1 is faulty."""
    torch.manual_seed(lesson.seed)
    rng = np.random.default_rng(lesson.seed)
    kinds = [(one.car, one.is_faulty) for one in engines]
    share = np.array([1.0 / kinds.count(kind) for kind in kinds])
    label = torch.tensor([int(one.is_faulty) for one in engines])
    sounds = [_level(one) for one in engines]
    network = AudioNetwork(2)
    optimiser = torch.optim.AdamW(network.parameters(), lesson.rate, weight_decay=lesson.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lesson.rate, total_steps=lesson.steps)
    network.train()
    for _ in range(lesson.steps):
        chosen = rng.choice(len(engines), lesson.batch, p=share / share.sum())
        starts = [int(rng.integers(len(sounds[i]) - LENGTH)) for i in chosen]
        shown = [sounds[i][at : at + LENGTH] for i, at in zip(chosen, starts, strict=True)]
        waves = torch.from_numpy(np.stack(shown))[:, None]
        logits, _, _ = network(_disturbed(waves, lesson))
        loss = nn.functional.cross_entropy(logits, label[chosen])
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def asked(network: AudioNetwork, one: Engine) -> tuple[list[NDArray[np.float32]], Real, Real]:
    """Windows (channel, sample), logits (window, class), embeddings (window, feature)."""
    sound = _level(one)
    starts = range(0, len(sound) - LENGTH + 1, HOP)
    cuts = [sound[None, start : start + LENGTH] for start in starts]
    logits, _, embedding = network(torch.from_numpy(np.stack(cuts)))
    return cuts, logits.double().numpy(), embedding.double().numpy()


def weights(network: AudioNetwork) -> bytes:
    """What tells it from another."""
    return b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values())


def _level(one: Engine) -> NDArray[np.float32]:
    return np.asarray(one.sound / one.sound.std(), np.float32)


def _disturbed(waves: Tensor, lesson: Lesson) -> Tensor:
    shape = (len(waves), 1, 1)
    gain_db = torch.empty(shape).uniform_(-lesson.gain_db, lesson.gain_db)
    noise_db = torch.empty(shape).uniform_(*lesson.noise_db)
    return (waves + torch.randn_like(waves) * 10.0 ** (-noise_db / 20.0)) * 10.0 ** (gain_db / 20.0)
