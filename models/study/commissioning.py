"""What a station's own baseline is worth: stations unlike those that the networks were taught on.

`python -m models.study.commissioning --stations 12 --json c.json` simulates stations whose
mounting, room and light differ from each other once, one and a half times, twice and three times as
much as those of the training data. At each, some good parts make a baseline, as `edge commission`
does; other parts, half of them good and half at or above their reject limit, are then judged
without and with it. Parts are those of a test cell: none of their own traits changes. With
`--limit MARGIN` every sensor is judged by its highest good part and that margin instead.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from edge.baseline import offsets
from edge.bundle import Bundle, load
from edge.commission.learn import Answers, GoodPart, baselines, judge
from edge.config import SHIPPED, Sensor
from edge.inference import proved
from edge.inference.detector import Detector
from edge.inference.runner import opener
from edge.judge import Answer
from models.monitor.windows import windows
from models.statistics import clopper_pearson, mcnemar
from models.study.kept import one_thread
from models.study.witnessed import ENGINE, sensors_of
from sensors.simulator.cause import OK, Cause
from sensors.simulator.part import SimulatedPart, drawn_cause, simulate_part

SEED, FIRST_STATION = 712, 130_000  # of no other split
STRANGENESS = (1.0, 1.5, 2.0, 3.0)
GOOD_PARTS = (10, 20, 40)  # that a baseline is made of
NEW, DEFECTIVE_FROM = 1_000, 2_000  # part indices: good ones that no baseline knows, and defects
PLAIN = 0  # good parts of no baseline


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of one station: the decision on each part, by how many good parts made the baseline."""

    strangeness: float
    good: Mapping[int, tuple[str, ...]]
    defective: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """Stations of one strangeness, with or without a baseline; rates with exact 95 % intervals."""

    strangeness: float
    parts: int  # of the baseline; 0: without
    good: int
    passed: int
    rejected: int
    defective: int
    named: int  # defects judged defective
    escaped: int
    escaped_interval: tuple[float, float]
    failed_interval: tuple[float, float]  # good parts that did not pass
    escaped_only: tuple[int, int]  # of defects: with it alone, without it alone
    escape_p: float  # exact McNemar


def watch(
    folder: Path, margin: float | None, strangeness: float, station: int, parts: int
) -> Verdicts:
    """One station: `parts` good and `parts` defective ones, after the good ones of its baseline."""
    bundle, asked = _loaded(folder, margin)
    sensors = sensors_of(bundle)
    shown = partial(_shown, asked, sensors, strangeness, station)
    known = [GoodPart(str(i), shown(i, OK)) for i in range(max(GOOD_PARTS))]
    good = [GoodPart(str(i), shown(NEW + i, OK)) for i in range(parts)]
    defects = [
        GoodPart(str(i), shown(*defect)) for i, defect in enumerate(_defects(station, parts))
    ]
    found: dict[str, dict[int, tuple[str, ...]]] = {"good": {}, "defective": {}}
    for count in (PLAIN, *GOOD_PARTS):
        taken_off = {}
        if count != PLAIN:
            own = baselines(known[:count], sensors.values(), bundle, str(station), "2026-01-01")
            taken_off = offsets(own, sensors, bundle)
        for kind, each in (("good", good), ("defective", defects)):
            found[kind][count] = tuple(
                judge(one, taken_off, bundle).decided.decision for one in each
            )
    return Verdicts(strangeness, found["good"], found["defective"])


def _defects(station: int, parts: int) -> Iterator[tuple[int, Cause]]:
    """Parts at or above their reject limit, as they come."""
    index, count = DEFECTIVE_FROM, 0
    while count < parts:
        cause = drawn_cause(SEED, station, index, defect_share=1.0)
        if cause.is_reject:
            count += 1
            yield index, cause
        index += 1


def _shown(
    asked: Mapping[str, Detector],
    sensors: Mapping[str, Sensor],
    strangeness: float,
    station: int,
    index: int,
    cause: Cause,
) -> Answers:
    part: SimulatedPart = simulate_part(
        SEED, station, index, cause=cause, strangeness=strangeness, duration_s=0.6
    )
    cut = windows(part)
    return [
        [Answer(sensor, "ok", window=cut[name], score=asked[name].infer(cut[name]))]
        for name, sensor in sensors.items()
    ]


@cache
def _loaded(folder: Path, margin: float | None) -> tuple[Bundle, dict[str, Detector]]:
    bundle = load(folder)
    passports = bundle.manifest.detectors
    asked = {n: proved.load(bundle, n, opener(ENGINE), threads=1) for n in passports}
    limited = {n: d.model_copy(update={"limit_margin": margin}) for n, d in passports.items()}
    manifest = bundle.manifest.model_copy(update={"detectors": limited})
    return replace(bundle, manifest=manifest), asked


def rows(found: Sequence[Verdicts]) -> list[Row]:
    """Counted over all stations of one strangeness."""
    return [
        _row([one for one in found if one.strangeness == strange], count)
        for strange in sorted({one.strangeness for one in found})
        for count in found[0].good
    ]


def _row(found: Sequence[Verdicts], count: int) -> Row:
    good = [said for one in found for said in one.good[count]]
    defective = [said for one in found for said in one.defective[count]]
    before = [said for one in found for said in one.defective[PLAIN]]
    pairs = list(zip(defective, before, strict=True))
    here = sum(now == "ok" != then for now, then in pairs)
    there = sum(then == "ok" != now for now, then in pairs)
    escaped, passed = defective.count("ok"), good.count("ok")
    return Row(
        found[0].strangeness,
        count,
        len(good),
        passed,
        good.count("defect"),
        len(defective),
        defective.count("defect"),
        escaped,
        clopper_pearson(escaped, len(defective)),
        clopper_pearson(len(good) - passed, len(good)),
        (here, there),
        mcnemar(here, there),
    )


def table(found: Sequence[Row]) -> Table:
    """For people."""
    shown = Table("unlike", "good parts of the baseline", "good pass", "good rejected")
    for column in ("defects named", "defects pass", "95 %", "only with / only without, p"):
        shown.add_column(column, justify="right")
    for row in found:
        low, high = row.escaped_interval
        with_it, without = row.escaped_only
        shown.add_row(
            f"{row.strangeness:g} x",
            str(row.parts) if row.parts else "none",
            f"{row.passed} of {row.good}",
            str(row.rejected),
            f"{row.named} of {row.defective}",
            str(row.escaped),
            f"{100 * low:.2f} to {100 * high:.2f} %",
            f"{with_it} / {without}, {row.escape_p:.2g}" if row.parts else "",
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=SHIPPED / "motor", metavar="DIR")
    parser.add_argument("--stations", type=int, default=12, metavar="N", help="of each strangeness")
    parser.add_argument("--parts", type=int, default=30, metavar="N", help="good, and as many bad")
    parser.add_argument("--limit", type=float, metavar="MARGIN", help="natural units of log-odds")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    tasks = [
        (options.bundle, options.limit, strange, FIRST_STATION + station, options.parts)
        for strange in STRANGENESS
        for station in range(options.stations)
    ]
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    spawn = get_context("spawn")  # not forked: an engine's threads may run here
    with ProcessPoolExecutor(options.jobs, mp_context=spawn, initializer=one_thread) as pool:
        done = pool.map(_watch, tasks)
        found = rows(list(track(done, "stations", total=len(tasks))))
    Console(width=120).print(table(found))
    if options.json:
        said = [asdict(row) for row in found]
        options.json.write_text(json.dumps({"bundle": str(options.bundle), "rows": said}, indent=1))


def _watch(task: tuple[Path, float | None, float, int, int]) -> Verdicts:
    return watch(*task)


if __name__ == "__main__":
    main()
