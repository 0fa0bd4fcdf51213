"""`python -m models`: the workshop's commands, and `make`, which does them all."""

import argparse
import json
import os
import sys
from pathlib import Path

import torch
from rich.console import Console

from edge.bundle import load
from edge.errors import BundleError, ConfigError
from models import answers, bundling, dataset, evaluate, golden, passport, repack, train
from models.calibration import command as calibration
from models.detectors import DESIGNS, designs
from models.integers import beside, beside_report, fused, twin
from models.integers import command as integers
from models.measuring import command as measuring
from models.recurrent import RECURRENCES
from models.study import command as study
from models.study.recordings import command as recordings
from models.training import command as taught_by

OUT = Path("edge/bundles/motor")
EXACT = Path("models/exact")  # float networks, in a folder of the bundle's name
COUNTS = {"train": 18_000, "validation": 1_500, "calibration": 4_500, "test": 4_500}
WATCHED = 5_000  # parts that the limits of the health monitors are learnt on
PLAIN_WIDTH = 160  # of a table that goes into a file
CALIBRATING = 300  # parts whose activations set the INT8 scales


def main() -> int:
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    steps = STEPS[arguments.step]
    try:
        for step in steps:
            step(arguments)
    except (ConfigError, BundleError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the answer to the user
        return 2
    return 0


def simulate(arguments: argparse.Namespace) -> None:
    """render parts as the networks will see them"""
    counts = {name: round(count * arguments.share) for name, count in COUNTS.items()}
    dataset.simulate(arguments.work / "parts", counts, arguments.jobs)


def teach(arguments: argparse.Namespace) -> None:
    """train the shipped detectors, or one from a configuration, on one GPU, several, or none"""
    if taught_by.is_asked(arguments):
        taught_by.train(arguments)
        return
    lesson = train.Lesson(epochs=arguments.epochs, recurrence=arguments.recurrence)
    for name in arguments.detectors:
        found = train.train(arguments.work / "parts", name, lesson, _weights(arguments, name))
        _say({f"{name}_{key}": value for key, value in found.items()})


def shrink(arguments: argparse.Namespace) -> None:
    """export to ONNX and quantise to INT8 with explicit Q/DQ; of one run, with a report"""
    if integers.is_asked(arguments):
        integers.quantize(arguments)
        return
    from models.export import export  # noqa: PLC0415 - onnx, which no other step needs
    from models.quantize import quantize  # noqa: PLC0415 - onnxruntime, the same

    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.work / "onnx").mkdir(parents=True, exist_ok=True)
    for name in arguments.detectors:
        design = designs(arguments.recurrence)[name]
        float_file = arguments.work / "onnx" / f"{name}.onnx"
        export(train.restore(design, _weights(arguments, name)), design, float_file)
        typical = dataset.load(arguments.work / "parts", "calibration", name).inputs[:CALIBRATING]
        quantize(float_file, arguments.out / f"{name}.onnx", design, list(typical))


def ask(arguments: argparse.Namespace) -> None:
    """run the networks over the parts held back for calibration and test"""
    work = arguments.work
    answers.collect(work / "parts", work / "onnx", arguments.out, work / "answers")


def pack(arguments: argparse.Namespace) -> None:
    """fit temperatures, measure the networks on unseen parts, write the manifest"""
    command = f"python -m models make --share {arguments.share:g}"
    if arguments.epochs:
        command += f" --epochs {arguments.epochs}"
    found = answers.read(arguments.work / "answers")
    _say(passport.assemble(found, arguments.out, command))
    exact, temperatures = EXACT / arguments.out.name, passport.float_temperatures(found)
    twin.keep(arguments.work / "onnx", load(arguments.out), exact, temperatures)


def settle(arguments: argparse.Namespace) -> None:
    """set the thresholds by costs, test them on parts held back, write the certificate"""
    calibration.run(arguments)


def judge(arguments: argparse.Namespace) -> None:
    """measure a finished bundle again on the answers kept, compare ways to fuse (--fusion), hold
    its verdicts against those of its float networks (--integers), or prove what they are worth when
    a sensor goes wrong (--faults); of a run, a labelled set
    or simulated parts, every figure with its interval"""
    if measuring.is_asked(arguments):
        measuring.evaluate(arguments)
        return
    if arguments.integers:
        fused.compare(arguments)
        return
    if arguments.fusion:
        study.compare(arguments)
        return
    if arguments.faults:
        study.prove(arguments)
        return
    found = answers.read(arguments.work / "answers")
    _say(evaluate.measure(load(arguments.out).manifest, found))


def watch(arguments: argparse.Namespace) -> None:
    """learn what healthy windows measure, for the health monitors; or try them (--faults)"""
    from models.monitor import learn, observed, recognised  # noqa: PLC0415 - scipy

    bundle = load(arguments.out)
    if getattr(arguments, "faults", 0):
        rows = recognised.recognise(bundle, arguments.faults, arguments.jobs)
        console = Console()
        recognised.show(rows, console if console.is_terminal else Console(width=PLAIN_WIDTH))
        if arguments.json:
            text = json.dumps(recognised.as_data(rows, bundle), indent=1)
            arguments.json.write_text(text + "\n")
        return
    parts = round(arguments.share * (getattr(arguments, "parts", 0) or WATCHED))
    found = observed.collect(bundle, parts, arguments.jobs, arguments.work / "monitor")
    learnt = learn.learn(found, bundle)
    learn.write(learnt, bundle, passport.VERSION)
    _say(learn.metrics(learnt))


def bundled(arguments: argparse.Namespace) -> None:
    """make one bundle of the quantised runs of one or several senses"""
    bundling.export(arguments)


def renew(arguments: argparse.Namespace) -> None:
    """choose golden parts near the thresholds, which engines are proved on"""

    _say(golden.renew(load(arguments.out), arguments.jobs))


def pack_again(arguments: argparse.Namespace) -> None:
    """make a bundle's files as small as quantize makes them now; voids its certificate"""
    _say(repack.repack(load(arguments.out), arguments.bundle_version or passport.VERSION))


def hurry(arguments: argparse.Namespace) -> None:
    """time a bundle in integers against itself in float: hot, and one part every 100 ms"""
    beside_report.report(load(arguments.out), arguments)


STEPS = {
    "simulate": (simulate,),
    "train": (teach,),
    "quantize": (shrink,),
    "answer": (ask,),
    "bundle": (pack,),
    "monitor": (watch,),
    "calibrate": (settle,),
    "golden": (renew,),
    "repack": (pack_again,),
    "latency": (hurry,),
    "evaluate": (judge,),
    "export": (bundled,),
    "study": (recordings.run,),
    "make": (simulate, teach, shrink, ask, pack, watch, settle, renew),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__)
    commands = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, steps in STEPS.items():
        text = "; ".join(step.__doc__ or "" for step in steps)
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--work", type=Path, default=Path("runs/motor"), help="%(default)s")
        command.add_argument("--out", type=Path, default=OUT, help="the bundle; %(default)s")
        command.add_argument(
            "--share", type=float, default=1.0, help="of the parts to simulate; %(default)s"
        )
        command.add_argument("--epochs", type=int, help="else those of models/configs")
        command.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
        command.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch")
        command.add_argument(
            "--detectors", nargs="+", choices=list(DESIGNS), default=list(DESIGNS), help="which"
        )
        if name == "train":
            taught_by.add_arguments(command)
        if name == "quantize":
            integers.add_arguments(command)
        if name == "export":
            bundling.add_arguments(command)
        if teach in steps or shrink in steps:
            command.add_argument(
                "--recurrence", choices=list(RECURRENCES), default=train.Lesson.recurrence,
                help="of vibration and audio; %(default)s",
            )  # fmt: skip
        if name == "monitor":
            _add_monitor(command)
        if settle in steps:
            calibration.add_arguments(command)
        if name == "evaluate":
            study.add_arguments(command)
            fused.add_arguments(command)
            measuring.add_arguments(command)
        if name == "repack":
            command.add_argument("--bundle-version", metavar="X.Y.Z", help="else the workshop's")
        if name == "latency":
            beside.add_arguments(command)
        if name == "study":
            recordings.add_arguments(command)
    return parser


def _add_monitor(command: argparse.ArgumentParser) -> None:
    command.add_argument("--parts", type=int, default=WATCHED, help="to simulate; %(default)s")
    command.add_argument(
        "--faults", type=int, default=0, metavar="PARTS",
        help="learn nothing; do every fault to so many good parts and count what is recognised",
    )  # fmt: skip
    command.add_argument("--json", type=Path, help="write what --faults found there")


def _weights(arguments: argparse.Namespace, name: str) -> Path:
    return Path(arguments.work) / "weights" / f"{name}.pt"


def _say(found: dict[str, float]) -> None:
    print(json.dumps(found, indent=2))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
