"""How many faulty windows the limits of a bundle recognise, and how many healthy ones they doubt.

Each fault is done to good parts that no limit was learnt on. The other two sensors see the part as
it is; every sensor's absence is accepted by the plant, which is where a fault could do most harm.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from edge.bundle import Bundle, load
from edge.config import Sensor
from edge.inference.detector import Score
from edge.inference.runner import Runner
from edge.judge import Answer, Heard, hear, weigh
from edge.manifest import Detector
from models.dataset import MONITOR
from models.monitor.faults import FAULTS, Others
from models.monitor.windows import windows
from models.statistics import clopper_pearson
from models.study.kept import runners
from sensors.signal import Window
from sensors.simulator.cause import OK
from sensors.simulator.part import simulate_idle, simulate_part

Real = NDArray[np.float64]
FIRST = 19_000  # station of the split from which on nothing is learnt
SHARD = 5  # parts a task


@dataclass(frozen=True, slots=True)
class Asked:
    """Answers about one part."""

    own: Mapping[str, Answer]  # of every sensor, healthy
    faulty: Sequence[Answer]  # of the one sensor, for each of `FAULTS`


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: shares of its windows, and how well each score by itself tells them apart."""

    sense: str
    fault: str
    is_defect: bool  # of the part, of a kind never taught
    windows: int
    sick: int  # not believed at all
    doubted: int  # believed less than wholly, the sick among them
    passed: int  # parts that passed
    energy_auroc: float
    distance_auroc: float


def recognise(bundle: Bundle, parts: int, jobs: int) -> list[Row]:
    """Every fault on `parts` good parts; the first row of each sense is of healthy windows."""
    return judge(ask(bundle.folder, parts, jobs), bundle)


def ask(folder: Path, parts: int, jobs: int) -> list[Asked]:
    """What the networks answer to every fault of every part."""
    tasks = [(folder, at, min(SHARD, parts - at)) for at in range(0, parts, SHARD)]
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_one_thread
    ) as pool:
        done = pool.map(_ask, tasks)
        label = f"{len(FAULTS)} faults, {SHARD} parts a step"
        return [one for shard in track(done, label, total=len(tasks)) for one in shard]


def judge(asked: Sequence[Asked], bundle: Bundle) -> list[Row]:
    """Hear every answer as the daemon would, one faulty sensor at a time."""
    healthy: dict[str, list[list[float]]] = {name: [] for name in asked[0].own}
    faulty: list[list[list[float]]] = [[] for _ in FAULTS]
    for one in asked:
        own = {name: hear(answer, bundle) for name, answer in one.own.items()}
        for name, heard in own.items():
            healthy[name].append(_columns(heard, own, bundle))
        for rows, answer in zip(faulty, one.faulty, strict=True):
            rows.append(_columns(hear(answer, bundle), own, bundle))
    here = {name: np.array(rows) for name, rows in healthy.items()}
    found = [_row(name, "none", False, rows, rows) for name, rows in here.items()]
    for fault, rows in zip(FAULTS, faulty, strict=True):
        found.append(
            _row(fault.sense, fault.name, fault.is_defect, np.array(rows), here[fault.sense])
        )
    return sorted(found, key=lambda row: list(here).index(row.sense))


def auroc(healthy: Real, faulty: Real) -> float:
    """Chance that a faulty window scores higher than a healthy one (Mann & Whitney 1947)."""
    ranks = stats.rankdata(np.concatenate([healthy, faulty]))
    above = ranks[healthy.size :].sum() - faulty.size * (faulty.size + 1) / 2.0
    return float(above / (healthy.size * faulty.size))


def show(rows: list[Row], console: Console) -> None:
    """For people."""
    table = Table("sensor", "fault", "sick", "doubted", "95 % interval", "passed", "AUROC energy",
                  "distance", box=None)  # fmt: skip
    for row in rows:
        low, high = clopper_pearson(row.doubted, row.windows)
        table.add_row(
            row.sense,
            row.fault,
            f"{row.sick / row.windows:.0%}",
            f"{row.doubted / row.windows:.0%}",
            f"{low:.0%} to {high:.0%}",
            f"{row.passed / row.windows:.0%}",
            f"{row.energy_auroc:.2f}",
            f"{row.distance_auroc:.2f}",
        )
    console.print(table)


def as_data(rows: list[Row], bundle: Bundle) -> dict[str, object]:
    """For JSON."""
    return {"bundle": bundle.label, "bundle_sha256": bundle.sha256, "rows": [*map(asdict, rows)]}


def _row(sense: str, name: str, is_defect: bool, found: Real, healthy: Real) -> Row:
    kept, energy, distance, passed = found.T
    return Row(
        sense,
        name,
        is_defect,
        windows=kept.size,
        sick=int(np.count_nonzero(kept == 0.0)),
        doubted=int(np.count_nonzero(kept < 1.0)),
        passed=int(passed.sum()),
        energy_auroc=round(auroc(healthy[:, 1], energy), 4),
        distance_auroc=round(auroc(healthy[:, 2], distance), 4),
    )


def _ask(task: tuple[Path, int, int]) -> list[Asked]:
    folder, start, count = task
    detectors, answer = load(folder).manifest.detectors, runners(folder)
    asked = []
    for station in range(count):
        at = MONITOR.first_station + FIRST + start + station
        part = simulate_part(MONITOR.seed, at, 1, cause=OK)
        others = Others(
            before=simulate_part(MONITOR.seed, at, 0, cause=OK),
            idle=simulate_idle(MONITOR.seed, at),
        )
        rng = np.random.default_rng((MONITOR.seed, at))
        own = {
            name: _answer(window, answer[name], detectors[name])
            for name, window in windows(part).items()
        }
        faulty = []
        for fault in FAULTS:
            name = fault.sense
            window = windows(fault.change(part, others, rng), [name])[name]
            faulty.append(_answer(window, answer[name], detectors[name]))
        asked.append(Asked(own, faulty))
    return asked


def _answer(window: Window, runner: Runner, passport: Detector) -> Answer:
    """As the daemon would have it; its samples are forgotten, as fusion does not look at them."""
    said, name = runner.run(window.data), window.sensor
    embedding = said[passport.embedding] if passport.embedding else None
    score = Score(
        name, name, said[passport.logits], None, embedding, 0, 0, runner.name, runner.precision
    )
    sensor = Sensor(id=name, link="none", topic=name, input=name, on_missing="accept")
    without = replace(window, data=np.empty(0, np.float32))
    return Answer(sensor, "ok", window=without, score=score)


def _columns(heard: Heard, own: Mapping[str, Heard], bundle: Bundle) -> list[float]:
    together = {**own, heard.answer.sensor.input: heard}
    judged = weigh(list(together.values()), bundle)
    report = heard.report
    has_passed = judged.decided.decision == "ok"
    measured = report.measured
    return [report.reliability, measured["energy"], measured["distance"], float(has_passed)]


def _one_thread() -> None:
    """Processes share the cores already; threads inside them only get in each other's way."""
    cv2.setNumThreads(1)
