"""A video of end milling with its sound, cut at the labels: passes, and the pauses between them.

Each span gives windows of both senses, 0.4 s of the same moment. Spans stand in five blocks of
time, four passes each with the pauses before them.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from edge.errors import ConfigError
from models.audio import RATE_HZ
from models.study.recordings.figures import Real

VIDEO, SOUND = "Exp0-1_video.mp4", "Exp0-1_audio.flac"
FOLDS = 5
SIZE = (160, 88)  # pixels across and down
WINDOW_S, HOP_S, EDGE_S = 0.4, 0.2, 0.06  # the labels' edges are known to 0.05 s
LONG_S = 2.6  # pauses beyond are not between passes: setting up, walking away


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
