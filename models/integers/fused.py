"""`python -m models evaluate --integers`: what the integers cost the fused verdict.

The same parts go through the appliance's own path twice, with the bundle's networks and with their
float twins (`twin`), and every verdict is held against the other. The loss is paired, part by part;
parts of one station are alike, so its interval draws stations anew.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge.bundle import load
from edge.fusion.decision import Decided
from models import dataset, intervals
from models.calibration.evidence import Evidence, collect
from models.calibration.parts import Simulated
from models.calibration.standings import decided
from models.integers import twin
from models.intervals import Figure
from models.statistics import mcnemar

ENGINE = "openvino"
TEST = next(split for split in dataset.SPLITS if split.name == "test")
PARTS = 4_500
LIMIT = 0.5  # points of fused accuracy that integers may cost
Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Paired:
    """One way to be right: how often each form is, and by how much integers are less often."""

    what: str
    parts: int
    float_right: int
    int8_right: int
    only_float: int  # right in float alone
    only_int8: int
    p_alike: float  # exact McNemar
    loss_points: Figure  # percentage points; negative: integers are better

    @property
    def holds(self) -> bool:
        """Not inferior by `LIMIT` points: the upper end of the interval lies below."""
        return self.loss_points.high < LIMIT


def paired(
    exact: Sequence[Decided],
    integer: Sequence[Decided],
    hypotheses: Sequence[str],
    severity: NDArray[np.float64],
    groups: Sequence[str],
    good: str,
) -> list[Paired]:
    """Of the same parts in the same order; those below their limit have no right verdict."""
    truth = np.array(hypotheses)
    is_good = truth == good
    is_reject = ~is_good & (severity >= 1.0)
    rows = (
        ("right: good passed, defects called so", is_good | is_reject, _right),
        ("good parts passed", is_good, _right),
        ("defects called so", is_reject, _right),
        ("defects not passed", is_reject, _stopped),
    )
    found = []
    for what, among, judge in rows:
        chosen = np.flatnonzero(among).tolist()
        first, second = (
            np.array([judge(said[row], bool(is_good[row])) for row in chosen])
            for said in (exact, integer)
        )
        found.append(_paired(what, first, second, [groups[row] for row in chosen]))
    return found


def compare(arguments: argparse.Namespace) -> None:
    """Simulate, ask both, compare, print, write.

    Raises:
        BundleError: no float networks of this bundle.
    """
    bundle = load(arguments.out)
    parts, kept = arguments.parts or PARTS, arguments.work / "heard"
    with TemporaryDirectory(prefix="edge-twin-") as folder:
        other = twin.make(bundle, arguments.exact, Path(folder))
        each = [
            (collect(one, ENGINE, Simulated(TEST), parts, kept=kept, jobs=arguments.jobs), one)
            for one in (other, bundle)
        ]
    (exact, _), (integer, _) = each
    if exact.sha256 != integer.sha256:
        raise ValueError(f"{kept}: the forms were given different windows; remove it, ask again")
    truth = [bundle.manifest.hypotheses[i] for i in integer.hypothesis]
    groups = [f"station {TEST.place(index)[0]}" for index in range(len(truth))]
    verdicts = [decided(evidence, one) for evidence, one in each]
    rows = paired(
        verdicts[0], verdicts[1], truth, integer.severity, groups, bundle.manifest.good
    )  # fmt: skip
    found = _data(rows, verdicts, integer, arguments)
    show(rows, found, Console())
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


def show(rows: Sequence[Paired], found: dict[str, Any], console: Console) -> None:
    """As a table, and in a sentence."""
    console = console if console.is_terminal else Console(width=160)
    table = Table("verdict", "parts", "float right", "INT8 right", "only float", "only INT8",
                  "p alike", "points lost, 95 %")  # fmt: skip
    for one in rows:
        loss = one.loss_points
        table.add_row(
            one.what, str(one.parts), str(one.float_right), str(one.int8_right),
            str(one.only_float), str(one.only_int8), f"{one.p_alike:.3f}",
            f"{loss.value:.2f} ({loss.low:.2f} to {loss.high:.2f})",
        )  # fmt: skip
    console.print(table)
    said = "holds" if rows[0].holds else "is not shown"
    console.print(
        f"{found['data']}; the same verdict on {found['same']} of {found['parts']}. "
        f"At most {LIMIT:g} points lost: {said}."
    )


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `evaluate`."""
    group = command.add_argument_group("what the integers cost the fused verdict")
    group.add_argument("--integers", action="store_true", help="the bundle beside its float twin")
    group.add_argument("--exact", type=Path, default=twin.SHIPPED, metavar="FOLDER",
                       help="its float networks; %(default)s")  # fmt: skip


def _right(said: Decided, is_good: bool) -> bool:
    return said.decision == ("ok" if is_good else "defect")


def _stopped(said: Decided, is_good: bool) -> bool:
    return (said.decision == "ok") == is_good


def _paired(what: str, exact: Truths, integer: Truths, groups: list[str]) -> Paired:
    lost = 100.0 * (exact.astype(np.float64) - integer)
    loss = intervals.bootstrap(lambda rows: float(lost[rows].mean()), groups)
    if loss is None:
        raise ValueError(f"{what}: no such part; simulate more")
    only = int((exact & ~integer).sum()), int((integer & ~exact).sum())
    return Paired(
        what, len(exact), int(exact.sum()), int(integer.sum()), *only, mcnemar(*only), loss
    )


def _data(
    rows: Sequence[Paired],
    verdicts: Sequence[Sequence[Decided]],
    heard: Evidence,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    each = zip(*verdicts, strict=True)
    same = sum((a.decision, a.defect) == (b.decision, b.defect) for a, b in each)
    return {
        "bundle": load(arguments.out).label,
        "data": Simulated(TEST).describe(len(heard)),
        "windows_sha256": heard.sha256,
        "parts": len(heard),
        "same": same,
        "limit_points": LIMIT,
        "paired": [
            asdict(one) | {"loss_points": one.loss_points.data, "holds": one.holds} for one in rows
        ],
    }
