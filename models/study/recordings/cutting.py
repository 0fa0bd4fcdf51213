"""End milling, cutting or not: camera and microphone on one clock, alone and fused.

Both networks are the appliance's own (`models.camera`, `models.audio`), asked of the same 0.4 s.
Passes stand in five blocks of time; what is judged was in no block that taught. Each span, a pass
or the pause after it, is one answer: the mean of its windows.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy import signal
from torch import Tensor, nn

from edge.errors import ConfigError
from models.audio import RATE_HZ, AudioNetwork
from models.camera import CameraNetwork
from models.study.recordings import evidence
from models.study.recordings.figures import Figure, Real, two_rates

STUDY = "cnc"
VIDEO, SOUND = "Exp0-1_video.mp4", "Exp0-1_audio.flac"
CLASSES = ("not_cutting", "cutting")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FOLDS = 5
SIZE = (160, 88)  # pixels across and down
WINDOW_S, HOP_S, EDGE_S = 0.4, 0.2, 0.06  # the labels' edges are known to 0.05 s
LONG_S = 2.6  # pauses beyond are not between passes: setting up, walking away


@dataclass(frozen=True)
class Lesson:
    """How to teach; not tuned."""

    steps: int = 120
    batch: int = 24
    rate: float = 2e-3
    decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class Span:
    """A pass, or the time between two."""

    is_cutting: bool
    is_long: bool
    fold: int
    clips: NDArray[np.uint8]  # (window, frame, height, width)
    sounds: NDArray[np.float32]  # (window, 1, sample)


def read(folder: Path) -> list[Span]:
    """Every span that holds a window.

    Raises:
        ConfigError: no such recording.
    """
    try:
        with (folder / "segments.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["recording_id"] == "Exp0-1"]
    except OSError as error:
        raise ConfigError(
            f"{folder / 'segments.csv'}: {error.strerror}; give the sets by --data"
        ) from error
    frames, per_second = _frames(folder / VIDEO)
    sound = _sound(folder / SOUND)
    passes = sum(row["label"] == "cutting" for row in rows)
    found, before = [], 0
    for row in rows:
        start, end = float(row["start_s"]), float(row["end_s"])
        is_cutting = row["label"] == "cutting"
        fold = min(before * FOLDS // passes, FOLDS - 1)
        before += is_cutting
        last = end - EDGE_S - WINDOW_S
        starts = np.arange(start + EDGE_S, last + 1e-9, HOP_S)
        count = round(WINDOW_S * per_second)
        clips = [frames[round(s * per_second) :][:count] for s in starts]
        sounds = [sound[round(s * RATE_HZ) :][: round(WINDOW_S * RATE_HZ)] for s in starts]
        whole = [i for i, clip in enumerate(clips) if len(clip) == count]
        if whole:
            found.append(
                Span(
                    is_cutting, end - start > LONG_S and not is_cutting, fold,
                    np.stack([clips[i] for i in whole]),
                    np.stack([sounds[i] for i in whole])[:, None].astype(np.float32),
                )
            )  # fmt: skip
    return found


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
    fused = evidence.fused(list(calm.values()))
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
    logits = torch.cat([network(one)[0] for one in inputs.split(8)])
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


def _frames(path: Path) -> tuple[NDArray[np.uint8], float]:
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise ConfigError(f"{path}: no video; give the sets by --data")
    frames = []
    while True:
        is_read, picture = video.read()
        if not is_read:
            break
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        frames.append(cv2.resize(grey, SIZE, interpolation=cv2.INTER_AREA))
    return np.stack(frames), float(video.get(cv2.CAP_PROP_FPS))


def _sound(path: Path) -> Real:
    sound, rate_hz = soundfile.read(path)
    ratio = np.gcd(int(RATE_HZ), int(rate_hz))
    return np.asarray(
        signal.resample_poly(sound.mean(axis=1), int(RATE_HZ) // ratio, int(rate_hz) // ratio)
    )
