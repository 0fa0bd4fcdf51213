"""A ceiling fan with a coin taped to a blade or not, one of its three speeds left out.

Six sessions, one for each speed and state, and taping the coin moved the fan: where gravity points
tells the state without any vibration. The mean is taken off, and what it alone gives away stands
beside every figure. So few sessions prove nothing of a seventh.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.study.recordings import folder as recordings
from models.study.recordings.figures import Figure, Labels, Real, accuracy
from models.study.recordings.plain import discriminant

STUDY = "fan"
SPLIT = "each speed left out in turn"
SPEEDS = ("low", "med", "high")
OWN = 0.6  # of a normal session, its beginning, is the reference; the rest is judged
GAP = 10  # windows between the two
TOGETHER = 10  # windows of a second that are judged as one
SHRINKAGE = 0.3


@dataclass(frozen=True, slots=True)
class Session:
    """Seconds of one speed and state."""

    speed: str
    has_weight: bool
    windows: Real  # (second, sample, axis) g


def read(folder: Path) -> list[Session]:
    """The sessions in which the fan turns."""
    found = []
    for row in recordings.rows(folder, "speed", "weight"):
        if row["speed"] in SPEEDS:
            with np.load(folder / row["file"], allow_pickle=False) as data:
                windows = data["x"].astype(np.float64)
            found.append(Session(row["speed"], row["weight"] == "1", windows))
    return found


def study(folder: Path) -> list[Figure]:
    """Plain numbers of the vibration as they are, and against the normal fan at the same speed."""
    sessions = read(folder)
    views: tuple[tuple[str, str, Callable[[Real], Real]], ...] = (
        ("level and kurtosis", "detector", _few),
        ("spectrum", "detector", _spectrum),
        ("mean of the axes alone", "shortcut", lambda windows: windows.mean(axis=1)),
        ("level alone", "shortcut", _level),
    )
    found = []
    for what, role, view in views:
        for is_relative in (False, True):
            found.append(_left_out(sessions, what, role, view, is_relative=is_relative))
    return found


def _left_out(
    sessions: list[Session], what: str, role: str, view: Callable[[Real], Real], *,
    is_relative: bool,
) -> Figure:  # fmt: skip
    """Relative: less the mean of the beginning of the normal session at the same speed."""
    rows, labels, speeds = [], [], []
    for session in sessions:
        normal = next(s for s in sessions if s.speed == session.speed and not s.has_weight)
        own = round(OWN * len(normal.windows))
        seen = view(session.windows)
        if is_relative:
            seen = seen - view(normal.windows[:own]).mean(axis=0)
            if not session.has_weight:
                seen = seen[own + GAP :]
        count = len(seen) // TOGETHER
        rows.append(seen[: count * TOGETHER].reshape(count, TOGETHER, -1).mean(axis=1))
        labels += ["weight" if session.has_weight else "none"] * count
        speeds += [session.speed] * count
    inputs, truth, speed = np.concatenate(rows), np.array(labels), np.array(speeds)
    said: Labels = np.empty_like(truth)
    for one in SPEEDS:
        known = speed != one
        said[~known] = discriminant(inputs[known], truth[known], SHRINKAGE)(inputs[~known])
    sessions_of = np.char.add(truth, speed)
    against = "against its own normal at that speed" if is_relative else "as it is"
    return accuracy(
        STUDY, f"{what}, {against}", truth, said, sessions_of, SPLIT, role=role,
        note=f"judged {TOGETHER} s at a time",
    )  # fmt: skip


def _level(windows: Real) -> Real:
    return np.asarray(np.log(windows.std(axis=1)))


def _few(windows: Real) -> Real:
    still = windows - windows.mean(axis=1, keepdims=True)
    kurtosis = (still**4).mean(axis=1) / (still**2).mean(axis=1) ** 2
    return np.concatenate([_level(windows), np.log(kurtosis)], axis=1)


def _spectrum(windows: Real) -> Real:
    """To 40 Hz, of each axis, over its own mean level."""
    still = windows - windows.mean(axis=1, keepdims=True)
    shape = np.hanning(windows.shape[1])[None, :, None]
    power = np.log(np.abs(np.fft.rfft(still * shape, axis=1))[:, 1:] ** 2 + 1e-9)
    return np.asarray((power - power.mean(axis=1, keepdims=True))[:, :40].reshape(len(power), -1))
