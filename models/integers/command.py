"""`python -m models quantize RUN`: the INT8 file of a training's run, and what it costs."""

import argparse
import json
from pathlib import Path

import onnx
from rich.console import Console

from models import train
from models.answers import answers
from models.datasets import reading
from models.integers import form, latency, report, step
from models.integers.step import FLOAT, HALF, INTEGER, Wanted
from models.training.command import data_folder
from models.training.configuration import read
from models.training.folder import CONFIGURATION, WEIGHTS

REPORT, PICTURE = "quantize.json", "quantize.png"
PLAIN_WIDTH = 160  # of a table that goes into a file


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", nargs="?", type=Path, metavar="RUN",
                         help="of a training; without it the three shipped detectors")  # fmt: skip
    group = command.add_argument_group("of one run")
    group.add_argument("--data", type=Path, metavar="FOLDER", help="recordings; else data.folder")
    group.add_argument("--limit", type=float, default=Wanted.limit,
                       help="points that integers may cost; %(default)s")  # fmt: skip
    group.add_argument("--calibrating", type=int, default=Wanted.calibrating,
                       help="examples that set the scales; %(default)s")  # fmt: skip
    group.add_argument("--aware", choices=("auto", "never", "always"), default=Wanted.aware,
                       help="training with every rounding felt; auto: over the limit")  # fmt: skip
    group.add_argument("--aware-epochs", type=int, default=Wanted.epochs, help="%(default)s")
    group.add_argument("--rounds", type=int, default=100, help="of timing; %(default)s")


def is_asked(arguments: argparse.Namespace) -> bool:
    """Whether one run is meant, not the shipped three."""
    return getattr(arguments, "run", None) is not None


def quantize(arguments: argparse.Namespace) -> None:
    """Make the INT8 file, measure both forms on the test examples, write the report.

    Raises:
        ConfigError: no run there, or no recordings.
    """
    run: Path = arguments.run
    configuration = read(run / CONFIGURATION)
    design = configuration.design
    folder = data_folder(configuration, arguments.data, arguments.work)
    examples = reading.read(folder, configuration.data, design)
    wanted = Wanted(
        limit=arguments.limit, calibrating=arguments.calibrating, aware=arguments.aware,
        epochs=arguments.aware_epochs,
    )  # fmt: skip
    network = train.restore(design, run / WEIGHTS)
    made = step.make(network, configuration, examples, run, wanted)
    onnx.save(form.halved(made.exact), run / HALF)
    files = {"FP32": run / FLOAT, "FP16": run / HALF, "INT8": run / INTEGER}
    test = examples["test"]
    said = {
        name: answers(files[key], test.inputs, f"test, {name}")
        for name, key in (("float", "FP32"), ("int8", "INT8"))
    }
    times = latency.measured(
        files, design.input, test.inputs, rounds=arguments.rounds, threads=arguments.threads
    )
    found = report.assembled(made.data, said, test, list(design.classes), files, times)
    (run / REPORT).write_text(json.dumps(found, indent=1) + "\n")
    report.draw(found, run / PICTURE)
    console = Console()
    report.show(found, console if console.is_terminal else Console(width=PLAIN_WIDTH))
