"""What commissioning found, for people and as data."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from edge.baseline import Baseline, Baselines, network_sha256
from edge.bundle import Bundle
from edge.commission.learn import Change, shift
from edge.judge import Judged

DECISIONS = ("ok", "uncertain", "defect")
FAR = 4.0  # shift; at stations like those of the workshop it is below 3


def show(
    station: str, new: Baselines, changed: Sequence[Change], one: Bundle, console: Console
) -> None:
    """Sensor by sensor, then the verdicts."""
    title = f"{station}: {len(changed)} good parts, judged by {one.label}"
    table = Table("sensor", box=SIMPLE, title=title, title_justify="left")
    for column in ("parts", "P(good) before", "after", "doubted before", "after", "shift"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in new.baselines:
        moved = f"{_shift(row, one):.1f}"
        table.add_row(row.sensor, str(row.parts), *_cells(row, changed, one), moved)
    console.print(table)
    for row in new.baselines:
        console.print(f"  {row.sensor}: {_moved(row, one)}", markup=False)
    for row in new.baselines:
        if row.limit is not None:
            console.print(_limited(row))
        if _shift(row, one) > FAR:
            console.print(
                f"{row.sensor}: this station is unlike all that the network was taught on. A "
                "baseline lets good parts pass, but not all defects are seen as before: measure "
                "escapes with edge accept, or teach the network with recordings of this station"
            )
    verdicts = Table("verdicts", box=SIMPLE)
    for column in ("without a baseline", "with it"):
        verdicts.add_column(column, justify="right")
    before, after = counts(changed)
    for decision in DECISIONS:
        verdicts.add_row(decision, str(before[decision]), str(after[decision]))
    console.print(verdicts)
    for one_part in stopped(changed):
        console.print(f"  {one_part}", markup=False)
    console.print(
        "This shows what good parts look like here. It shows nothing of defects: a network may be "
        "blind to them at any shift, small ones too. Show the station some: edge accept"
    )


def stopped(changed: Sequence[Change]) -> Iterator[str]:
    """Good parts that do not pass even so, and why."""
    for one in changed:
        decided = one.after.decided
        if decided.decision != "ok":
            said = f"{decided.decision} {decided.defect}".strip()
            yield f"{one.part}: {said}: {decided.reason}"


def counts(changed: Sequence[Change]) -> tuple[Counter[str], Counter[str]]:
    """Decisions before and after."""
    before = Counter[str](one.before.decided.decision for one in changed)
    after = Counter[str](one.after.decided.decision for one in changed)
    return before, after


def show_kept(known: Baselines, file: Path, console: Console) -> None:
    """What a station is judged by."""
    if not known.baselines:
        console.print(f"{known.station}: no baseline; {file} is not there")
        return
    table = Table("sensor", "bundle", "parts", "made", "network", box=SIMPLE)
    for one in known.baselines:
        network = one.network_sha256[:12]
        table.add_row(one.sensor, one.bundle, str(one.parts), one.created, network)
    console.print(table)
    console.print(str(file))


def as_data(new: Baselines, changed: Sequence[Change], one: Bundle) -> dict[str, Any]:
    """For JSON."""
    before, after = counts(changed)
    return {
        "station": new.station,
        "bundle": one.label,
        "bundle_sha256": one.sha256,
        "parts": len(changed),
        "verdicts_before": dict(before),
        "verdicts_after": dict(after),
        "shift": {row.sensor: _shift(row, one) for row in new.baselines},
        "stopped": list(stopped(changed)),
        "baselines": [row.model_dump(mode="json") for row in new.baselines],
    }


def _cells(row: Baseline, changed: Sequence[Change], one: Bundle) -> list[str]:
    before, after = [c.before for c in changed], [c.after for c in changed]
    return [
        f"{_good(before, row.sensor, one):.3f}",
        f"{_good(after, row.sensor, one):.3f}",
        str(_doubted(before, row.sensor)),
        str(_doubted(after, row.sensor)),
    ]


def _good(judged: Sequence[Judged], sensor: str, one: Bundle) -> float:
    """The median probability of the classes that a good part may have."""
    shares = []
    for each in judged:
        report = each.reports[sensor]
        classes = one.manifest.detectors[report.detector].classes
        allowed = [c.name for c in classes if one.manifest.good in c.hypotheses]
        if report.probabilities:
            shares.append(sum(report.probabilities[name] for name in allowed))
    return float(np.median(shares)) if shares else float("nan")


def _doubted(judged: Sequence[Judged], sensor: str) -> int:
    return sum(each.reports[sensor].reliability < 1.0 for each in judged)


def _detector(row: Baseline, one: Bundle) -> str:
    return next(
        name for name in one.manifest.detectors if network_sha256(one, name) == row.network_sha256
    )


def _limited(row: Baseline) -> str:
    """How far a limit is from where the workshop drew the line, and what that means."""
    assert row.limit is not None
    way = (
        "looser: passes what would be called defective elsewhere"
        if row.limit > 0.0
        else ("stricter: calls defective what would pass elsewhere")
    )
    return (
        f"{row.sensor}: judged by a limit, the highest of its good parts and a margin; it lies "
        f"{abs(row.limit):.2f} natural units {'above' if row.limit > 0.0 else 'below'} the "
        f"workshop's ({way})"
    )


def _shift(row: Baseline, one: Bundle) -> float:
    if row.limit is not None:
        return row.limit
    name = _detector(row, one)
    classes = one.manifest.detectors[name].classes
    is_passing = [one.manifest.good in each.hypotheses for each in classes]
    return shift(row.logits, one.typical[name], is_passing)


def _moved(row: Baseline, one: Bundle) -> str:
    """What the station's windows measure, and what the workshop's did."""
    workshop = one.typical[_detector(row, one)]
    return ", ".join(
        f"{name} {value:.3g} (workshop {workshop.measured[name]:.3g})"
        for name, value in row.measured.items()
        if name in workshop.measured
    )
