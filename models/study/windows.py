"""What several windows of one sensor on one part are worth, and what it costs to think them apart.

`python -m models.study.windows --parts 400 --keep windows.npz` simulates parts and asks the
bundle's INT8 networks about each window (`watched.py`); `--answers windows.npz` asks again of what
was kept.

Three pairs of windows: that overlap by half, that share no sample, and where a defect shows in the
second only. Every way to fuse them is decided on by the bundle's own thresholds, which were set for
one window, and by a limit of its own on belief in ok, with which as many good parts fail to pass as
with one window.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge.bundle import load
from edge.config import SHIPPED
from edge.fusion.cautious import cautious
from edge.fusion.combination import combine
from edge.fusion.decision import Criteria, Standing
from edge.fusion.evidence import statement
from edge.fusion.mass import Mass
from edge.fusion.products import conjunction, dempster, yager
from edge.fusion.sightings import together
from edge.manifest import Manifest
from models.statistics import clopper_pearson, mcnemar
from models.study.believed import held_against
from models.study.watched import BEFORE, Kept, collect, read, save
from sensors.simulator.cause import HYPOTHESES

Truths = NDArray[np.bool_]
Join = Callable[[Sequence[Mass], int], Mass]  # masses of the windows, set of the good hypothesis

PAIRS = {"overlap by half": (0, 1), "share no sample": (0, 2), "defect in one": (BEFORE, 2)}
LIMIT = 1.0  # severity from which a defect must not pass


@dataclass(frozen=True, slots=True)
class Row:
    """One way to fuse, on one pair of windows."""

    windows: str
    way: str
    escapes: int
    rejects: int  # defects at or above their limit: what escapes are counted of
    uncertain_defective: int
    false_rejects: int
    uncertain_good: int
    good: int
    escapes_at_equal_cost: int  # with a limit that fails as many good parts as one window does
    log_loss: float  # mean -ln of the pignistic probability of what is true, natural units
    against_one: tuple[int, int, float]  # defects that pass only so, only by one window; McNemar


def plain_cautious(last: Callable[[dict[int, float], Sequence[Mass]], dict[int, float]]) -> Join:
    """Whole masses by the cautious rule, and its conflict by another rule's last step."""

    def join(masses: Sequence[Mass], _good: int) -> Mass:
        return Mass(masses[0].frame, last(cautious({}, masses), masses))

    return join


WAYS: Mapping[str, Join] = {
    "one window": lambda masses, _: masses[0],
    "sightings, cautious": together,
    "cautious, conflict divided out": plain_cautious(dempster),
    "cautious, conflict to ignorance": plain_cautious(yager),
    "dempster, as if independent": lambda m, _: Mass(m[0].frame, dempster(conjunction(m), m)),
    "mean": lambda m, _: Mass(m[0].frame, mean(m)),
}


def mean(masses: Sequence[Mass]) -> dict[int, float]:
    """The mean mass, not combined with itself."""
    sets = {at for mass in masses for at in mass.focal}
    return {at: sum(mass[at] for mass in masses) / len(masses) for at in sets}


def compare(kept: Kept, manifest: Manifest) -> list[Row]:
    """Every way on every pair of windows."""
    held = held_against({name: rows[:, 0] for name, rows in kept.logits.items()}, manifest)
    is_good = kept.hypothesis == manifest.hypotheses.index(manifest.good)
    is_reject = ~is_good & (kept.severity >= LIMIT)
    rows: list[Row] = []
    for pair, numbers in PAIRS.items():
        masses = _masses(kept, manifest, held, numbers)
        passed_by_one: Truths | None = None
        failing = 0
        for way, join in WAYS.items():
            stands, loss = _judged(masses, join, kept.hypothesis, held, manifest)
            said = np.array([held.outcome(one) for one in stands])
            passed = said == "ok"
            if passed_by_one is None:
                passed_by_one, failing = passed, int(np.sum(~passed & is_good))
            only = int(np.sum(passed & ~passed_by_one & is_reject))
            other = int(np.sum(~passed & passed_by_one & is_reject))
            rows.append(
                Row(
                    pair,
                    way,
                    escapes=int(np.sum(passed & is_reject)),
                    rejects=int(is_reject.sum()),
                    uncertain_defective=int(np.sum((said == "uncertain") & is_reject)),
                    false_rejects=int(np.sum((said == "defect") & is_good)),
                    uncertain_good=int(np.sum((said == "uncertain") & is_good)),
                    good=int(is_good.sum()),
                    escapes_at_equal_cost=_escapes(stands, is_good, is_reject, failing),
                    log_loss=round(loss, 4),
                    against_one=(only, other, mcnemar(only, other)),
                )
            )
    return rows


def agreement(kept: Kept, manifest: Manifest) -> dict[str, dict[str, float]]:
    """Correlation of two windows' log-odds of a defect, over good parts alone, by detector.

    Over parts that are all alike the odds differ by noise alone: 0 if windows were independent.
    """
    is_good = kept.hypothesis == manifest.hypotheses.index(manifest.good)
    found: dict[str, dict[str, float]] = {}
    for name, detector in manifest.detectors.items():
        good = [manifest.good in one.hypotheses for one in detector.classes]
        scores = kept.logits[name][is_good] / detector.temperature
        scores = scores - np.log([one.prior for one in detector.classes])
        odds = np.logaddexp.reduce(scores[..., ~np.array(good)], axis=-1) - np.logaddexp.reduce(
            scores[..., np.array(good)], axis=-1
        )
        found[name] = {
            pair: round(float(np.corrcoef(odds[:, i], odds[:, j])[0, 1]), 3)
            for pair, (i, j) in PAIRS.items()
            if BEFORE not in (i, j)
        }
    return found


def _masses(
    kept: Kept, manifest: Manifest, held: Criteria, numbers: tuple[int, ...]
) -> list[list[list[Mass]]]:
    """(part, detector, window)"""
    return [
        [
            [
                statement(kept.logits[name][part, number], detector, held.frame, 1.0).mass
                for number in numbers
            ]
            for name, detector in manifest.detectors.items()
        ]
        for part in range(kept.hypothesis.size)
    ]


def _judged(
    parts: list[list[list[Mass]]],
    join: Join,
    hypothesis: NDArray[np.int64],
    held: Criteria,
    manifest: Manifest,
) -> tuple[list[Standing], float]:
    good = held.frame.mask([held.good])
    stands, losses = [], []
    for sensors, truth in zip(parts, hypothesis, strict=True):
        combination = combine(manifest.rule, [join(windows, good) for windows in sensors])
        stands.append(held.standing(combination))
        losses.append(-np.log(combination.mass.pignistic()[HYPOTHESES[truth]]))
    return stands, float(np.mean(losses))


def _escapes(
    stands: list[Standing],
    is_good: Truths,
    is_reject: Truths,
    failing: int,
) -> int:
    """Defects with more belief in ok than the best of the `failing` worst good parts."""
    passing = np.array([one.passing for one in stands])
    limits = np.append(np.sort(passing[is_good]), np.inf)
    return int(np.sum(passing[is_reject] >= limits[failing]))


def show(rows: Sequence[Row], apart: Mapping[str, Mapping[str, float]], console: Console) -> None:
    """For people."""
    table = Table(
        "windows", "way", "escapes", "uncertain", "good rejected", "good uncertain",
        "escapes at equal cost", "log loss", "p",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.windows,
            row.way,
            f"{row.escapes} of {row.rejects}",
            str(row.uncertain_defective),
            f"{row.false_rejects} of {row.good}",
            str(row.uncertain_good),
            str(row.escapes_at_equal_cost),
            f"{row.log_loss:.4f}",
            f"{row.against_one[2]:.3f}",
        )
    console.print(table)
    low, high = clopper_pearson(rows[0].escapes, rows[0].rejects)
    console.print(f"escapes of one window: 95 % interval {100 * low:.2f} to {100 * high:.2f} %")
    for name, pairs in apart.items():
        said = ", ".join(f"{pair} {value:.3f}" for pair, value in pairs.items())
        console.print(f"{name}: correlation of two windows' log-odds over good parts: {said}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.study.windows", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=SHIPPED / "motor")
    parser.add_argument("--parts", type=int, default=400, help="to simulate; %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--keep", type=Path, metavar="NPZ", help="what the networks answered")
    parser.add_argument("--answers", type=Path, metavar="NPZ", help="compare on what was kept")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    bundle = load(options.bundle)
    if options.answers:
        kept = read(options.answers)
    else:
        kept = collect(bundle, options.parts, options.jobs)
    if options.keep:
        save(kept, options.keep)
    rows, apart = compare(kept, bundle.manifest), agreement(kept, bundle.manifest)
    show(rows, apart, Console(width=None if os.isatty(1) else 140))
    if options.json:
        data = {"rows": [asdict(row) for row in rows], "agreement": apart}
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
