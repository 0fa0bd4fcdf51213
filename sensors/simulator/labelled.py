"""A labelled set of simulated parts: recordings of some stations, and truth.csv beside them.

Two kinds of parts, as an acceptance wants them (docs/acceptance.md). The *sample*: each part once,
causes as `draw_cause` has them, stations in turn. The *study*: each part shown several times on
every station. A part that is clamped again keeps its cause and severity; all else (speed,
temperature, noise, light, place in the picture, and also its finish and where the mark is) is drawn
again, so that a repeat here varies more than a real one.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sensors import recording
from sensors.errors import BadReading
from sensors.recording import Recorder
from sensors.signal import Trigger
from sensors.simulator.cause import HYPOTHESES, OK, Cause, draw_cause
from sensors.simulator.part import SimulatedPart, simulate_part
from sensors.simulator.pool import DURATION_S, LEAD_S, part_count
from sensors.simulator.record import blocks, described_sensors, physics_sha256
from sensors.simulator.workers import in_order

TRUTH = "truth.csv"
COLUMNS = ("recording", "index", "hypothesis", "severity", "group", "appraiser", "trial")
BORDERLINE = (0.7, 1.4)  # severities of the four study parts in ten that are hard to judge
CLEAR = (1.5, 3.0)  # of three in ten; the other three are good
_MAKER = "simulated labelled set"
_STUDY_KEY = 1 << 20  # a station index that no sample has: the study's own stream of causes


@dataclass(frozen=True, slots=True)
class SetOrder:
    """Everything that decides what a set holds; equal orders give equal bytes."""

    sample: int  # parts shown once
    study: int = 0  # parts shown `trials` times on every station
    trials: int = 3
    stations: int = 3
    first_station: int = 120_000
    seed: int = 710
    difficulty: float = 1.0
    defect_share: float = 0.5

    @property
    def origin(self) -> str:
        facts = {"maker": _MAKER, **asdict(self), "lead_s": LEAD_S, "duration_s": DURATION_S}
        return json.dumps(facts | {"physics_sha256": physics_sha256()})


@dataclass(frozen=True, slots=True)
class Showing:
    """One part, clamped once on one station."""

    station: int  # from 0, within the set
    index: int  # in its station's recording, from 1
    group: str  # the physical part
    cause: Cause
    appraiser: str = ""  # of a study part
    trial: str = ""


def showings(order: SetOrder) -> list[Showing]:
    """Every showing of a set, station by station in the order of recording."""
    counts = [0] * order.stations
    shown: list[Showing] = []

    def show(station: int, group: str, cause: Cause, appraiser: str = "", trial: str = "") -> None:
        counts[station] += 1
        shown.append(Showing(station, counts[station], group, cause, appraiser, trial))

    rng = np.random.default_rng(np.random.SeedSequence(order.seed, spawn_key=(_STUDY_KEY, 0)))
    for part in range(order.sample):
        cause = draw_cause(rng, defect_share=order.defect_share)
        show(part % order.stations, f"P{part + 1:05d}", cause)
    rng = np.random.default_rng(np.random.SeedSequence(order.seed, spawn_key=(_STUDY_KEY, 1)))
    causes = [study_cause(part, rng) for part in range(order.study)]
    for trial in range(1, order.trials + 1):
        for station in range(order.stations):
            for part, cause in enumerate(causes):
                show(station, f"M{part + 1:03d}", cause, _name(order, station), str(trial))
    return sorted(shown, key=lambda one: (one.station, one.index))


def study_cause(part: int, rng: np.random.Generator) -> Cause:
    """Of ten parts three are good, four near their limit and three clear defects; kinds in turn."""
    drawn = rng.uniform(size=2)
    place = part % 10
    if place < 3:
        return OK
    low, high = BORDERLINE if place < 7 else CLEAR
    defects = HYPOTHESES[1:]
    severity = float(np.exp(np.log(low) + drawn[0] * np.log(high / low)))
    return Cause(defects[int(drawn[1] * len(defects))], severity)


def make(folder: Path, order: SetOrder, jobs: int = 2) -> bool:
    """Fill `folder` with the set; False when it already holds exactly this one.

    An interrupted run is taken up. truth.csv is written last: without it a set is not finished.

    Raises:
        BadReading: the folder holds something else: it is left alone.
    """
    wanted = showings(order)
    if (folder / TRUTH).exists():
        _expect_ours(folder, order)
        return False
    for station in range(order.stations):
        own = [one for one in wanted if one.station == station]
        _record(folder / _name(order, station), order, own, jobs)
    _write_truth(folder, order, wanted)
    return True


def _record(folder: Path, order: SetOrder, wanted: list[Showing], jobs: int) -> None:
    done = 0
    if (folder / "recording.json").exists():
        _expect(folder, order)
        done = part_count(folder)
    sensors = described_sensors()
    tasks = [(order, one) for one in wanted[done:]]
    with Recorder(folder, origin=order.origin, sensors=sensors, limit=len(wanted)) as recorder:
        rendered = in_order(_render, tasks, jobs, f"rendering {folder.name}")
        for (_, one), part in zip(tasks, rendered, strict=True):
            recorder.append(_trigger(order, one), blocks(part, LEAD_S))


def _render(task: tuple[SetOrder, Showing]) -> SimulatedPart:
    order, one = task
    return simulate_part(
        order.seed,
        order.first_station + one.station,
        one.index,
        difficulty=order.difficulty,
        duration_s=DURATION_S,
        cause=one.cause,
    )


def _trigger(order: SetOrder, one: Showing) -> Trigger:
    """Edge at 0: the blocks' times count from it."""
    return Trigger(_name(order, one.station), one.index, one.group, "motor", 0, 0, 0)


def _name(order: SetOrder, station: int) -> str:
    return f"cell{order.first_station + station}"


def _write_truth(folder: Path, order: SetOrder, wanted: list[Showing]) -> None:
    partial = folder / f"{TRUTH}.partial"
    with partial.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(_rows(order, wanted))
    partial.rename(folder / TRUTH)


def _rows(order: SetOrder, wanted: list[Showing]) -> Iterator[tuple[str | int, ...]]:
    for one in wanted:
        severity = f"{one.cause.severity:.4f}" if one.cause.severity else ""
        yield (
            _name(order, one.station), one.index, one.cause.hypothesis, severity, one.group,
            one.appraiser, one.trial,
        )  # fmt: skip


def _expect_ours(folder: Path, order: SetOrder) -> None:
    for station in range(order.stations):
        _expect(folder / _name(order, station), order)


def _expect(folder: Path, order: SetOrder) -> None:
    if recording.read_header(folder).get("origin") != order.origin:
        raise BadReading(
            "malformed", f"{folder}: holds other parts than these: choose another folder"
        )
