"""Reasons to believe a sensor less: its window or its network's answer is unlike healthy ones.

A picture may be dark since a lamp is out, or since the part in it is; a network may be far from
what it knows since a cable broke, or since the part did, in a way that nobody taught it. Nothing
tells the two apart. So what is unfamiliar is believed less, as from any sick sensor, and beyond
that the part may not pass: see `Doubt.may_be_part`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.monitor import Band, Familiar, Measure
from sensors.signal import Quality

LEAST = 0.25  # of a window's worth, to be believed at all


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason, and how far the sensor is still believed for it: from 1 down to 0, sick."""

    kept: float
    words: str
    may_be_part: bool  # the part itself, broken as none before it, could look like this


@dataclass(frozen=True, slots=True)
class _Words:
    low: str
    high: str


_WORDS: Mapping[Measure, _Words] = {
    "sharpness": _Words("blurred", "grainy"),
    "brightness": _Words("dark", "glaring"),
    "level": _Words("faint", "loud"),
    "floor": _Words("too little noise", "too much noise"),
    "whiteness": _Words("humming", "hissing"),
    "energy": _Words("out of distribution", "out of distribution"),
    "distance": _Words("out of distribution", "out of distribution"),
}


def measures(
    quality: Quality,
    logits: NDArray[np.floating],
    embedding: NDArray[np.floating] | None,
    temperature: float,
    familiar: Familiar | None,
) -> dict[str, float]:
    """Everything that limits learnt from healthy windows are held against, by name.

    Not the levels of a waveform with a gap in it: the line that bridges a gap has no noise.
    """
    found: dict[str, float] = {}
    if (seen := quality.appearance) is not None:
        found |= {"sharpness": seen.sharpness, "brightness": seen.brightness}
    if (wave := quality.waveform) is not None and quality.coverage == 1.0:
        found |= {"level": wave.level, "floor": wave.floor, "whiteness": wave.whiteness}
    found["energy"] = energy(logits, temperature)
    if familiar is not None and embedding is not None:
        found["distance"] = familiar.distance(embedding, int(logits.argmax()))
    return found


def energy(logits: NDArray[np.floating], temperature: float) -> float:
    """-T log sum exp(logits / T): the higher, the less any class explains the input.

    Liu, Wang, Owens & Li 2020, NeurIPS, eq. 4.
    """
    scaled = [float(one) / temperature for one in logits]
    highest = max(scaled)
    return -temperature * (highest + math.log(math.fsum(math.exp(x - highest) for x in scaled)))


def unlike(monitor: Mapping[Measure, Band], found: Mapping[str, float]) -> list[Doubt]:
    """Which measures lie outside what healthy windows measure."""
    doubts = []
    for name, band in monitor.items():
        if name not in found:
            continue
        value, words = found[name], _WORDS[name]
        if math.isnan(value):
            doubts.append(Doubt(0.0, f"{words.high}: {name} is no number", may_be_part=True))
        if band.low is not None and band.low_sick is not None and value < band.low:
            kept = max(0.0, (value - band.low_sick) / (band.low - band.low_sick))
            said = f"{words.low}: {name} {value:.4g} < {band.low:.4g}"
            doubts.append(Doubt(kept, said, may_be_part=True))
        if band.high is not None and band.high_sick is not None and value > band.high:
            kept = max(0.0, (band.high_sick - value) / (band.high_sick - band.high))
            said = f"{words.high}: {name} {value:.4g} > {band.high:.4g}"
            doubts.append(Doubt(kept, said, may_be_part=True))
    return doubts


def believed(doubts: Iterable[Doubt]) -> tuple[float, str]:
    """How far to believe the sensor, and why when below 1, the worst first.

    The worst decides: several are often one fault seen twice (a gap also lowers the coverage), so
    they are not multiplied. Below `LEAST` a window is not believed at all: nobody could pass a part
    on so weak a word, nor would the sensor count as absent.
    """
    worst = sorted(doubts, key=lambda one: one.kept)
    kept = worst[0].kept if worst else 1.0
    return (kept if kept >= LEAST else 0.0), "; ".join(one.words for one in worst)


def barring(doubts: Iterable[Doubt]) -> str:
    """Why the part may not pass, whatever else is said of it; "" when nothing forbids it.

    Where a window is worth nothing for what is no part's doing (it is stuck, has holes, shows
    another moment), that explains whatever looks foreign in it: nothing was seen of the part.
    """
    found = list(doubts)
    if any(one.kept < LEAST and not one.may_be_part for one in found):
        return ""
    return ", ".join(one.words for one in found if one.may_be_part)
