"""`python -m models evaluate --fusion` and `--faults`: ways to fuse, and sensors that go wrong."""

import argparse
from pathlib import Path

from rich.console import Console

from edge.bundle import load
from models import dataset
from models.evaluate import FALSE_REJECTS
from models.study import kept

PLAIN_WIDTH = 180  # of a table that goes into a file
FUSION_PARTS, FAULT_PARTS = 9_000, 2_000


def compare(arguments: argparse.Namespace) -> None:
    """every rule of combination and the plain baselines, on the same parts"""
    bundle = load(arguments.out)
    path = arguments.answers or arguments.save or arguments.work / "fusion.npz"
    if arguments.save or not (arguments.answers or path.exists()):
        parts = arguments.parts or FUSION_PARTS
        kept.save(kept.collect(bundle, parts, arguments.jobs), path)
    if arguments.save:
        print(f"{path}: compare by `python -m models evaluate --fusion --answers {path}`")  # noqa: T201
        return
    from models.study import comparison, report  # noqa: PLC0415 - scipy: who simulates needs none

    found = comparison.compare(
        kept.read(path, bundle),
        bundle.manifest,
        rate=arguments.false_rejects,
        seed=arguments.seed,
        jobs=arguments.jobs,
    )
    console = Console()
    report.show(found, console if console.is_terminal else Console(width=report.PLAIN_WIDTH))
    if arguments.json:
        report.save(found, arguments.json)
    if arguments.picture:
        report.draw(found, arguments.picture)


def prove(arguments: argparse.Namespace) -> None:
    """one sensor after the other goes wrong, on the appliance's own path"""
    from models.study import mishaps, proof, proof_report, witnessed  # noqa: PLC0415 - scipy

    bundle = load(arguments.out)
    folder = arguments.heard or arguments.work / "faults"
    parts = arguments.parts or FAULT_PARTS
    witnessed.collect(bundle, folder, dataset.PROOF, parts, arguments.jobs)
    heard = witnessed.read(bundle, folder, dataset.PROOF, parts)
    found = proof.prove(heard, bundle, mishaps.mishaps(), tuple(proof.POLICIES))
    console = Console()
    proof_report.show(found, console if console.is_terminal else Console(width=PLAIN_WIDTH))
    if arguments.json:
        proof_report.save(found, arguments.json)
    if arguments.picture:
        proof_report.draw(found, arguments.picture)


def add_arguments(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("comparing ways to fuse, or sensors that go wrong")
    group.add_argument("--fusion", action="store_true", help="every rule, and the baselines")
    group.add_argument("--faults", action="store_true", help="stuck, silent, clipped, mis-timed")
    group.add_argument(
        "--heard", type=Path, metavar="FOLDER", help="with --faults: what was heard is kept there"
    )
    group.add_argument("--save", type=Path, metavar="NPZ", help="only simulate, ask and keep")
    group.add_argument("--answers", type=Path, metavar="NPZ", help="compare on what was kept")
    group.add_argument(
        "--parts",
        type=int,
        help=f"in each split; {FUSION_PARTS}, with --faults {FAULT_PARTS} in all",
    )
    group.add_argument("--seed", type=int, default=1, help="of the disturbances; %(default)s")
    group.add_argument("--false-rejects", type=float, default=FALSE_REJECTS, help="%(default)s")
    group.add_argument("--json", type=Path, help="write all figures there")
    group.add_argument("--picture", type=Path, metavar="PNG", help="draw rates and intervals")
