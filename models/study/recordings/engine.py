"""An engine at idle, one ignition coil missing or not, each car unseen in turn.

Cars differ by as much as a missing coil changes one: what counts is the change against the car's
own normal. A recording is judged against the highest of the reference's, times a margin; the margin
is the smallest that judges the other two cars best. State and recording session coincide in this
set, which nothing can undo: level and rate are judged in the same way, to show what they give away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.progress import track

from models.study.recordings import folder as recordings
from models.study.recordings.figures import Figure, Real, two_rates
from models.study.recordings.irregularity import Idle, idle

STUDY = "engine"
MARGINS = tuple(1.0 + 0.02 * step for step in range(51))
REFERENCES = (3, 2, 1)


@dataclass(frozen=True, slots=True)
class Engine:
    """One recording."""

    car: str
    is_faulty: bool
    heard: Idle
    sound: NDArray[np.float32]  # (sample,)
    rate_hz: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """One number of a recording; a larger one is worse."""

    car: str
    is_faulty: bool
    windows: Real

    @property
    def value(self) -> float:
        return float(self.windows.mean())


@dataclass
class _Count:
    """Right and judged."""

    faulty: list[bool]
    normal: list[bool]

    @property
    def balance(self) -> float:
        return float(np.mean(self.faulty) + np.mean(self.normal)) / 2.0


def read(folder: Path) -> list[Engine]:
    """Every recording of the set."""
    found = []
    rows = recordings.rows(folder, "label", "machine", "sampling_rate_hz")
    for row in track(rows, "engine cycles"):
        sound, rate_hz = soundfile.read(folder / row["file"])
        heard, is_faulty = idle(sound, float(rate_hz)), row["label"] == "faulty"
        sound = sound.astype(np.float32)
        found.append(Engine(row["machine"], is_faulty, heard, sound, float(rate_hz)))
    return found


def study(engines: list[Engine]) -> list[Figure]:
    """With three, two and one normal recordings of the unseen car, and with none."""
    views = {
        "irregularity": ("detector", [e.heard.irregularity for e in engines]),
        "level alone": ("shortcut", [e.heard.level for e in engines]),
        "quietness alone": ("shortcut", [1.0 / e.heard.level for e in engines]),
        "speed alone": ("shortcut", [e.heard.cycle_hz for e in engines]),
        "slowness alone": ("shortcut", [1.0 / e.heard.cycle_hz for e in engines]),
    }
    found = []
    for what, (role, windows) in views.items():
        readings = [_Reading(e.car, e.is_faulty, w) for e, w in zip(engines, windows, strict=True)]
        for count in REFERENCES:
            found.append(_with_reference(readings, what, role, count))
        found.append(_without(readings, what, role))
    readings = [_Reading(e.car, e.is_faulty, e.heard.irregularity) for e in engines]
    found += [_at_margin(readings, margin) for margin in (1.0, 1.1, 1.2, 1.3, 1.5)]
    found += [_less_median(readings, count) for count in REFERENCES]
    found.append(_by_window(readings))
    return found


def limit(reference: Sequence[float], margin: float) -> float:
    """What a station's own good parts set: the highest of them, times a margin."""
    return max(reference) * margin


def _with_reference(readings: list[_Reading], what: str, role: str, count: int) -> Figure:
    found, margins = _Count([], []), []
    for car, others in _unseen(readings):
        margin = _best_margin(others, count)
        margins.append(margin)
        _judge(car, count, margin, found)
    chosen = ", ".join(f"{margin:.2f}" for margin in margins)
    return _figure(
        readings, found, f"{what}, {count} normal recordings as reference", role,
        f"margins chosen on the other cars: {chosen}",
    )  # fmt: skip


def _at_margin(readings: list[_Reading], margin: float) -> Figure:
    found = _Count([], [])
    for car, _ in _unseen(readings):
        _judge(car, REFERENCES[0], margin, found)
    what = f"irregularity, 3 normal recordings as reference, margin {margin:.1f} for all"
    return _figure(readings, found, what, "detector", "")


def _less_median(readings: list[_Reading], count: int) -> Figure:
    """The change against the median of the reference, over a limit that is not the car's own.

    A recording's change is its logarithm less that of the median; the limit lies midway between the
    other cars' mean changes of normal and faulty ones.
    """
    found = _Count([], [])
    for car, others in _unseen(readings):
        changes: dict[bool, list[float]] = {True: [], False: []}
        for other, _ in _unseen(others):
            for one, reference in _asked(other, count):
                changes[one.is_faulty].append(_change(one, reference))
        middle = float(np.mean([np.mean(each) for each in changes.values()]))
        votes: dict[int, list[float]] = {}
        by_id = {id(one): one for one in car}
        for one, reference in _asked(car, count):
            votes.setdefault(id(one), []).append(_change(one, reference) - middle)
        for key, over in votes.items():
            one = by_id[key]
            is_right = (float(np.mean(np.array(over) > 0.0)) > 0.5) == one.is_faulty
            (found.faulty if one.is_faulty else found.normal).append(is_right)
    what = f"irregularity less the median of {count} normal recordings"
    return _figure(readings, found, what, "detector", "limit from the other cars")


def _change(one: _Reading, reference: Sequence[_Reading]) -> float:
    return float(np.log(one.value / np.median([r.value for r in reference])))


def _by_window(readings: list[_Reading]) -> Figure:
    """One window of 8 s is judged: what a station that does not wait two minutes sees."""
    found = _Count([], [])
    for car, others in _unseen(readings):
        margin = _best_margin(others, REFERENCES[0])
        for one, reference in _asked(car, REFERENCES[0]):
            said = one.windows > limit([r.value for r in reference], margin)
            (found.faulty if one.is_faulty else found.normal).extend(
                (said if one.is_faulty else ~said).tolist()
            )
    note = "windows of a recording are alike: the interval is too narrow"
    return _figure(readings, found, "irregularity, each window of 8 s alone", "detector", note)


def _without(readings: list[_Reading], what: str, role: str) -> Figure:
    """The limit lies midway between the other cars' normal and faulty means (logarithms)."""
    found = _Count([], [])
    for car, others in _unseen(readings):
        logs = {
            state: np.mean([np.log(one.value) for one in others if one.is_faulty == state])
            for state in (True, False)
        }
        middle = float(np.exp((logs[True] + logs[False]) / 2.0))
        for one in car:
            is_right = (one.value > middle) == one.is_faulty
            (found.faulty if one.is_faulty else found.normal).append(is_right)
    return _figure(readings, found, f"{what}, no reference", role, "")


def _best_margin(readings: list[_Reading], count: int) -> float:
    def gained(margin: float) -> float:
        found = _Count([], [])
        for car, _ in _unseen(readings):
            _judge(car, count, margin, found)
        return found.balance

    return max(MARGINS, key=lambda margin: (round(gained(margin), 9), -margin))


def _judge(car: list[_Reading], count: int, margin: float, found: _Count) -> None:
    """Each recording is right if it is with more than half of the references that leave it out."""
    votes: dict[int, list[bool]] = {}
    by_id = {id(one): one for one in car}
    for one, reference in _asked(car, count):
        said = one.value > limit([r.value for r in reference], margin)
        votes.setdefault(id(one), []).append(said == one.is_faulty)
    for key, right in votes.items():
        one = by_id[key]
        (found.faulty if one.is_faulty else found.normal).append(float(np.mean(right)) > 0.5)


def _asked(car: list[_Reading], count: int) -> Iterator[tuple[_Reading, tuple[_Reading, ...]]]:
    """Every recording with every reference of so many normal ones that leaves it out."""
    normal = [one for one in car if not one.is_faulty]
    for reference in combinations(normal, count):
        for one in car:
            if all(one is not r for r in reference):
                yield one, reference


def _unseen(readings: list[_Reading]) -> Iterator[tuple[list[_Reading], list[_Reading]]]:
    for name in sorted({one.car for one in readings}):
        yield [r for r in readings if r.car == name], [r for r in readings if r.car != name]


def _figure(readings: list[_Reading], found: _Count, what: str, role: str, note: str) -> Figure:
    return two_rates(
        STUDY, what, (sum(found.faulty), len(found.faulty)),
        (sum(found.normal), len(found.normal)), len({one.car for one in readings}),
        "each car unseen in turn", role=role, note=note,
    )  # fmt: skip
