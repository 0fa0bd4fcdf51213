"""`python -m models calibrate`: simulates what it needs, chooses, tests, writes, reports."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from edge.bundle import Bundle, load
from edge.certificate import Costs
from edge.errors import ConfigError
from edge.inference.runner import ENGINES
from edge.manifest import Manifest
from models import dataset, evaluate
from models.calibration import recorded, report
from models.calibration.evidence import Evidence, collect
from models.calibration.parts import Simulated, Source
from models.calibration.standings import decided
from models.calibration.step import Calibration, Wanted, calibrate, write

TEST = next(split for split in dataset.SPLITS if split.name == "test")
PLAIN_WIDTH = 200  # of a table in a file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    costs, wanted = Costs(), Wanted()
    group = parser.add_argument_group("calibrating")
    rows: tuple[tuple[str, float, str], ...] = (
        ("--escape-rate", wanted.escape_rate, "of defects, at most, that may be judged ok"),
        ("--confidence", wanted.confidence, "that it is so"),
        ("--cost-escape", costs.escape, "of a defect that passes"),
        ("--cost-false-reject", costs.false_reject, "of a good part that is rejected"),
        ("--cost-inspection", costs.inspection, "of a part that is looked at by hand"),
        ("--defect-share", costs.defect_share, "of the line's parts"),
    )
    for name, default, text in rows:
        group.add_argument(name, type=float, default=default, help=f"{text}; %(default)s")
    group.add_argument(
        "--parts", type=int, default=5_000, help="to test thresholds on; %(default)s"
    )
    group.add_argument(
        "--tuning-parts", type=int, default=2_000, help="to choose candidates by; %(default)s"
    )
    group.add_argument(
        "--test-parts", type=int, default=2_000, help="to measure the outcome on; %(default)s"
    )
    for name, purpose in (("--tuning-set", "choose by"), ("--certifying-set", "test on")):
        text = f"labelled recordings to {purpose}, not simulated parts: docs/acceptance.md"
        group.add_argument(name, type=Path, metavar="SET", help=text)
    group.add_argument(
        "--engine", choices=[one.name for one in ENGINES], default="openvino", help="%(default)s"
    )
    group.add_argument("--bundle-version", metavar="X.Y.Z", help="give the bundle this version")
    group.add_argument("--report", type=Path, metavar="JSON", help="default: in --work")


def run(arguments: argparse.Namespace) -> None:
    """Every step; parts that were asked about before, on this engine, are not simulated again."""
    bundle, asked_for = load(arguments.out), wanted(arguments)

    def evidence(source: Source, parts: int) -> Evidence:
        kept, jobs = arguments.work / "heard", arguments.jobs
        return collect(bundle, arguments.engine, source, parts, kept=kept, jobs=jobs)

    (tune_by, tuned), (certify_by, certified) = sources(arguments, bundle)
    tuning, certifying = evidence(tune_by, tuned), evidence(certify_by, certified)
    is_simulated = isinstance(certify_by, Simulated)
    tested = round(arguments.test_parts * arguments.share) if is_simulated else 0
    test = evidence(Simulated(TEST), tested) if tested else None
    described = tune_by.describe(len(tuning)), certify_by.describe(len(certifying))
    found = calibrate(bundle, tuning, certifying, asked_for, described=described)
    write(_measured(replace(bundle, manifest=found.manifest), test, arguments), arguments.out)
    _tell(found, arguments.report or arguments.work / "calibration.json")


def sources(
    arguments: argparse.Namespace, bundle: Bundle
) -> tuple[tuple[Source, int], tuple[Source, int]]:
    """Whose parts to tune by and to certify on, and how many.

    Raises:
        ConfigError: one set without the other, a set that does not fit, or parts in both.
    """
    folders = arguments.tuning_set, arguments.certifying_set
    if not any(folders):
        share = arguments.share
        return (
            (Simulated(dataset.TUNING), round(arguments.tuning_parts * share)),
            (Simulated(dataset.CERTIFYING), round(arguments.parts * share)),
        )
    if not all(folders):
        raise ConfigError("--tuning-set and --certifying-set: give both, with no part in common")
    tuning, certifying = (recorded.read(folder, bundle) for folder in folders)
    recorded.check_disjoint(tuning, certifying)
    return (tuning, len(tuning)), (certifying, len(certifying))


def wanted(arguments: argparse.Namespace) -> Wanted:
    """What the options ask for."""
    costs = Costs(
        escape=arguments.cost_escape,
        false_reject=arguments.cost_false_reject,
        inspection=arguments.cost_inspection,
        defect_share=arguments.defect_share,
    )
    return Wanted(arguments.escape_rate, arguments.confidence, costs)


def _measured(bundle: Bundle, test: Evidence | None, arguments: argparse.Namespace) -> Manifest:
    """The manifest, with what its thresholds are worth on test parts, in place of older figures."""
    manifest = bundle.manifest
    metrics = {k: v for k, v in manifest.origin.metrics.items() if k not in evaluate.FUSED}
    if test is not None:
        parts = dataset.Parts(test.hypothesis, test.severity.astype(np.float32), np.empty(0))
        metrics = evaluate.fused_metrics(decided(test, bundle), parts) | metrics
    origin = manifest.origin.model_copy(update={"metrics": metrics})
    version = arguments.bundle_version or manifest.version
    return manifest.model_copy(update={"origin": origin, "version": version})


def _tell(found: Calibration, path: Path) -> None:
    console = Console()
    report.show(found, console if console.is_terminal else Console(width=PLAIN_WIDTH))
    report.save(found, path)
    console.print(f"all figures: {path}")
