"""Judge recorded parts again, without a plant, a broker or a PLC, as fast as this box can.

Reads a folder that `edge run` recorded (`record` in LINE.toml, one folder a station) or that
`python -m sensors.simulator record` rendered. Every payload goes through the codec, the clock, the
windower, the networks and the fusion that the daemon uses, with its recorded arrival time. Opens
nothing but the folder and the bundle; writes nothing but --json.

Where the recording holds verdicts, each is compared: the same bundle must give the same decision
and the same masses. A sensor that the daemon had to do without (silent, late, failed) is left out
here too, with the same reason: how long an engine took is not in the data. Where there is a
truth.jsonl, verdicts are counted against it.

  edge replay recordings/cell1
  edge replay recordings/cell1 --bundle ./motor-0.2.0      what would another bundle have said?

Exit status 1 when a verdict of the same bundle came out differently.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from edge import bundle, config
from edge.baseline import kept
from edge.bundle import Bundle
from edge.errors import ConfigError
from edge.rejudge import Judge, Replayed
from edge.trial.score import Score, said_label, score
from edge.trial.summary import make_console, show_score
from edge.trial.table import said_by, truth_words
from sensors.errors import BadReading
from sensors.recording import read_header, read_parts, read_truth


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="a recording")
    parser.add_argument(
        "--bundle", type=Path, default=config.SHIPPED / "motor", metavar="DIR",
        help="networks to judge with (default: the shipped ones)",
    )  # fmt: skip
    parser.add_argument("--engine", default="openvino", help="(default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome as data")


def run(options: argparse.Namespace) -> int:
    console, one = make_console(), bundle.load(options.bundle)
    try:
        sensors = read_header(options.folder)["sensors"]
        judge = Judge(sensors, one, options.engine, baselines=kept(options.folder))
        truths = read_truth(options.folder)
        parts = list((options.folder / "parts").glob("[0-9]*"))
        done: list[Replayed] = []
        quiet = Console(stderr=True)
        for part in track(
            read_parts(options.folder), "judging", len(parts), console=quiet,
            disable=not quiet.is_terminal, transient=True,
        ):  # fmt: skip
            done.append(judge.again(part, truths.get(part.index)))
            console.print(line(done[-1]), markup=False)
    except BadReading as error:
        raise ConfigError(f"{options.folder}: {error}") from error
    show(done, judge, console)
    if options.json:
        options.json.write_text(json.dumps(as_data(done, judge), indent=1) + "\n")
    return 1 if any(differs(replayed, one) for replayed in done) else 0


def differs(replayed: Replayed, one: Bundle) -> bool:
    """Whether a verdict of this very bundle came out differently."""
    return _is_same_bundle(replayed, one) and bool(replayed.differences)


def line(replayed: Replayed) -> str:
    """One part for people."""
    part, judged, decided = replayed.part, replayed.judged, replayed.judged.decided
    said = "  ".join(
        f"{d}: {said_by(judged.reports, d)}"
        for d in dict.fromkeys(r.detector for r in judged.reports.values())
    )
    same = "" if replayed.recorded is None else "  same as recorded"
    if replayed.differences:
        same = f"  DIFFERS: {'; '.join(replayed.differences[:3])}"
    name, verdict = (
        part.trigger.part or str(part.index),
        said_label(decided.decision, decided.defect),
    )
    return (
        f"{name:<14} {verdict:<14} "
        f"K {judged.combination.conflict:.2f}  {said}{same}  [truth: {truth_words(replayed.truth)}]"
    )


def show(done: Sequence[Replayed], judge: Judge, console: Console) -> None:
    """The summary for people."""
    console.print(f"\n{len(done)} parts by {judge.bundle.label}", markup=False)
    if any(replayed.truth for replayed in done):
        show_score(_score(done), console)
    compared = [replayed for replayed in done if replayed.recorded]
    if compared:
        strange = sum(not _is_same_bundle(replayed, judge.bundle) for replayed in compared)
        different = sum(bool(replayed.differences) for replayed in compared)
        console.print(
            f"recorded verdicts {len(compared)}, different {different}"
            + (f", judged by another bundle then {strange}" if strange else "")
        )
    if judge.refused:
        causes = ", ".join(f"{cause} {count}" for cause, count in judge.refused.items())
        console.print(f"blocks: {causes}")


def as_data(done: Sequence[Replayed], judge: Judge) -> dict[str, Any]:
    """For JSON."""
    counted = asdict(_score(done)) if any(replayed.truth for replayed in done) else {}
    return {
        "bundle": judge.bundle.label,
        "bundle_sha256": judge.bundle.sha256,
        "parts": len(done),
        "compared": sum(replayed.recorded is not None for replayed in done),
        "different": sum(differs(replayed, judge.bundle) for replayed in done),
        "blocks": judge.refused,
        **counted,
        "verdicts": [_row(replayed) for replayed in done],
    }


def _row(replayed: Replayed) -> dict[str, Any]:
    judged = replayed.judged
    return {
        "index": replayed.part.index,
        "part": replayed.part.trigger.part,
        "decision": judged.decided.decision,
        "defect": judged.decided.defect,
        "reason": judged.decided.reason,
        "conflict": round(judged.combination.conflict, 6),
        "mass": {name: report.mass for name, report in judged.reports.items()},
        "differences": list(replayed.differences),
        "truth": asdict(replayed.truth) if replayed.truth else None,
    }


def _score(done: Sequence[Replayed]) -> Score:
    return score((r.truth, r.judged.decided.decision, r.judged.decided.defect) for r in done)


def _is_same_bundle(replayed: Replayed, one: Bundle) -> bool:
    return replayed.recorded is not None and replayed.recorded.bundle_sha256 == one.sha256
