"""Judge one frozen set of labelled parts, and report in the plant's terms what that proves.

SET is a folder with recorded parts (`record` in LINE.toml leaves them, one folder a station) and
truth.csv, one row a part: recording, index, hypothesis, severity as a multiple of the reject limit
(or size and limit), and for parts shown again: group, appraiser, trial. docs/acceptance.md walks
through it. Each part goes through the daemon's own steps, with the bundle and engine of LINE.toml.

  edge accept LINE.toml SET                             acceptance.html, one page to print
  edge accept LINE.toml SET --bench bench.json          with the latency of `edge bench --json`
  edge accept LINE.toml SET --out a.html --json a.json  the same as data
  python -m sensors.simulator labelled SET --sample 900 --study 50    a simulated set, to try

The report has: the escape bound (Clopper-Pearson), the attribute measurement-system analysis
(AIAG), probability of detection against severity with a90/95 (MIL-HDBK-1823A), the comparison with
the best single sensor (McNemar), what the certificate covers, and the latency bound.

Acceptance parts are used once a bundle: every attempt is written down, before the first part is
judged, in acceptance.jsonl in the line's storage.folder. A set, or part of one, that this bundle
was judged on before is said so in red; one that calibrated the bundle is refused.

Exit status 0 accepted, 1 not accepted, 2 it cannot be done: nothing was judged.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from edge import bundle, config
from edge.accept import attempts, labelled, latency
from edge.accept.attempts import Attempt
from edge.accept.labelled import LabelledSet
from edge.accept.page import page, warnings
from edge.accept.passport import calibration_hashes
from edge.accept.report import Report, Wanted, measured_latency, report
from edge.accept.showing import bundle_folder, judge
from edge.bundle import Bundle
from edge.errors import ConfigError
from edge.trial.summary import make_console

COLOURS = {"met": "green", "not met": "red", "not measured": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", type=Path, metavar="LINE.toml", help="the line's configuration")
    parser.add_argument("set", type=Path, metavar="SET", help="recordings and truth.csv")
    parser.add_argument(
        "--out", type=Path, default=Path("acceptance.html"), metavar="FILE",
        help="the report (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="the report as data")
    parser.add_argument(
        "--log", type=Path, metavar="FILE",
        help=f"attempts (default: {attempts.NAME} in the line's storage.folder)",
    )  # fmt: skip
    parser.add_argument(
        "--bench", type=Path, metavar="FILE",
        help="latency from what `edge bench --json FILE` wrote, where the recordings have none",
    )  # fmt: skip
    parser.add_argument("--station", metavar="ID", help="the parts are of this station of the line")
    parser.add_argument(
        "--escape-rate", type=_share, default=Wanted().escape_rate, metavar="P",
        help="share of defective parts that may pass (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--confidence", type=_share, default=Wanted().confidence, metavar="P",
        help="of every bound and interval (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--below-limit", choices=("either", "pass"), default="either",
        help="a defect below its reject limit may go either way, or has to pass: stopping it is "
        "then a false alarm, as AIAG counts (default %(default)s; the report shows both)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    line = config.read(options.line)
    for path in filter(None, (options.out, options.json)):
        _check_writable(path)
    bench = latency.of_bench(options.bench) if options.bench else None
    one, parts = _read(line, options)
    refuse_calibration(one, parts)
    log = options.log or line.storage.folder / attempts.NAME
    attempt = Attempt(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        bundle=one.label,
        bundle_sha256=one.sha256,
        set_folder=str(options.set.resolve()),
        set_sha256=parts.sha256,
        engine=line.engine.name,
        parts=tuple(sorted(parts.part_hashes)),
    )
    history = attempts.recall(log, attempt)
    attempts.note(log, attempt)
    console = make_console()
    judged = judge(parts, one, line.engine.name, Console(stderr=True))
    wanted = Wanted(
        options.escape_rate,
        options.confidence,
        options.below_limit == "pass",
        line.budget.deadline_ms,
    )
    measured = measured_latency(judged, one, bench, wanted)
    made = report(parts, judged, one, attempt, history, wanted, str(options.line), measured)
    attempts.append(log, _outcome(made))
    options.out.write_text(page(made), "utf-8")
    if options.json:
        data = json.dumps(made.as_data(), indent=1, ensure_ascii=False)
        options.json.write_text(data + "\n", "utf-8")
    show(made, console, options.out, log)
    return 0 if made.is_accepted else 1


def show(made: Report, console: Console, out: Path, log: Path) -> None:
    """The summary for people."""
    for warning in warnings(made.history):
        console.print(warning, style="bold red", markup=False)
    console.print(f"{made.attempt.bundle} on {made.groups} parts, {made.labelled_parts} showings")
    table = Table("", "wanted", "found", "", box=SIMPLE)
    for one in made.criteria:
        table.add_row(one.name, one.wanted, one.found, f"[{COLOURS[one.state]}]{one.state}")
    console.print(table)
    said, colour = ("ACCEPTED", "green") if made.is_accepted else ("NOT ACCEPTED", "red")
    console.print(said, style=f"bold {colour}")
    console.print(f"report {out}, attempt in {log}", markup=False)


def _read(line: config.Line, options: argparse.Namespace) -> tuple[Bundle, LabelledSet]:
    """The bundle that the line judges these parts by, and the parts."""
    recordings = labelled.recordings(options.set)
    one = bundle.load(bundle_folder(line, recordings, options.station, options.set))
    manifest = one.manifest
    return one, labelled.label(options.set, recordings, manifest.hypotheses, manifest.good)


def refuse_calibration(one: Bundle, parts: LabelledSet) -> None:
    """A bundle is not judged on what set its thresholds.

    Raises:
        ConfigError: its certificate names the set, a recording or a part of it.
    """
    known = calibration_hashes(one.manifest)
    used = {parts.sha256, *(recording.sha256 for recording in parts.recordings)} & known
    if used or parts.part_hashes & known:
        raise ConfigError(
            f"{parts.folder}: these parts calibrated {one.label} (its certificate names them): a "
            "bundle is not judged on the parts that set its thresholds; record others"
        )


def _outcome(made: Report) -> dict[str, object]:
    return {
        "event": "outcome",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "attempt": made.attempt.time,
        "accepted": made.is_accepted,
        "criteria": {one.name: one.state for one in made.criteria},
    }


def _check_writable(path: Path) -> None:
    """Before parts are used up."""
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: no folder {path.parent}; make it, or name another file")


def _share(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"{text}: expected a share between 0 and 1")
    return value
