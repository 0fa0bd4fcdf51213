"""`python -m models evaluate`: a run, a bundle on a labelled set, or on simulated parts."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from edge.bundle import load
from models.answers import answers
from models.datasets import reading
from models.integers.step import FLOAT, INTEGER
from models.measuring import bundles, drawn, figures, maps
from models.measuring.bundles import Measured
from models.measuring.seen import of_run
from models.training.command import data_folder
from models.training.configuration import read
from models.training.folder import CONFIGURATION

PLAIN_WIDTH = 160  # of a table that goes into a file
HEADLINES = (
    "escape_rate", "false_reject_rate", "uncertain_good", "good_not_passed", "uncertain_defective",
    "right_names", "balanced_accuracy", "auroc_good_or_defective", "auroc_by_belief_in_ok",
    "brier_score",
)  # fmt: skip


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", nargs="?", type=Path, metavar="RUN",
                         help="of a training: its detector on the test examples")  # fmt: skip
    group = command.add_argument_group("figures with intervals")
    group.add_argument("--data", type=Path, metavar="FOLDER", help="of a run: other recordings")
    group.add_argument("--set", type=Path, metavar="SET", help="the bundle on a labelled set")
    group.add_argument("--simulated", type=int, metavar="PARTS", help="the bundle on such parts")
    group.add_argument("--pictures", type=Path, metavar="FOLDER", help="draws there, as PNG")


def is_asked(arguments: argparse.Namespace) -> bool:
    """Whether figures with intervals are wanted, not the answers kept of `make`."""
    wanted = (getattr(arguments, key, None) for key in ("run", "set", "simulated"))
    return any(one is not None for one in wanted)


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure, print, write and draw.

    Raises:
        ConfigError, BundleError: no such run, set or bundle.
    """
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    if arguments.run is not None:
        found = _run(arguments)
    else:
        bundle = load(arguments.out)
        measured = (
            bundles.on_set(bundle, arguments.set)
            if arguments.set is not None
            else bundles.on_simulator(bundle, arguments.simulated)
        )
        found = _bundle(measured, arguments) | {"bundle": bundle.label, "sha256": bundle.sha256}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    console = Console()
    show(found, console if console.is_terminal else Console(width=PLAIN_WIDTH))


def show(found: Mapping[str, Any], console: Console) -> None:
    """Every figure with its interval; what it rests on."""
    console.print(found["data"])
    table = Table("of", "figure", "value", "95 %", "examples", "groups", "interval by")
    of = {"fused": found["verdicts"]} if "verdicts" in found else {}
    for name, one in (of | found["detectors"]).items():
        for key in HEADLINES:
            if one.get(key):
                _row(table, name, key, one[key], one.get("at_false_reject_rate"))
        for kind, figure in one.get("escape_rate_by_defect", {}).items():
            _row(table, name, f"escape_rate {kind}", figure, None)
        for kind, both in one.get("classes", {}).items():
            if both["named_right"]:
                _row(table, name, f"{kind} named right", both["named_right"], None)
    console.print(table)


def _row(table: Table, of: str, key: str, figure: Mapping[str, Any], at: float | None) -> None:
    said = f"{key} (limit for {100 * at:g} %)" if at and "escape" in key else key
    bounds = f"{figure['low']:.4f} to {figure['high']:.4f}"
    table.add_row(of, said, f"{figure['value']:.4f}", bounds, str(figure["examples"]),
                  str(figure["groups"]), figure["method"])  # fmt: skip


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    configuration = read(arguments.run / CONFIGURATION)
    design = configuration.design
    folder = data_folder(configuration, arguments.data, arguments.work)
    examples = reading.read(folder, configuration.data, design, ("validation", "test"))
    detectors = {}
    for name, file in ((design.name, INTEGER), (f"{design.name} float", FLOAT)):
        said = [
            (answers(arguments.run / file, one.inputs, f"{split}, {name}"), one)
            for split, one in ((key, examples[key]) for key in ("validation", "test"))
        ]
        seen = of_run(name.replace(" ", "-"), list(design.classes), said[0], said[1])
        detectors[name] = figures.detector(seen, arguments.false_rejects)
        if arguments.pictures and file == INTEGER:
            drawn.detector(seen, arguments.pictures)
    if arguments.pictures:
        maps.draw(arguments.run / INTEGER, design, examples["test"], arguments.pictures)
    test = examples["test"]
    data = f"{len(test)} test examples of {test.independent} groups in {folder}"
    return {"data": data, "run": str(arguments.run), "detectors": detectors}


def _bundle(measured: Measured, arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.pictures:
        for one in measured.alone:
            drawn.detector(one, arguments.pictures)
        drawn.verdicts(measured.fused, measured.alone, arguments.pictures)
    alone = {
        one.name: figures.detector(one, arguments.false_rejects)
        for one in measured.alone
        if len(one)
    }
    said = {"verdicts": figures.verdicts(measured.fused), "detectors": alone}
    return {"data": measured.described, **said}
