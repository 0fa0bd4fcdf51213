"""`python -m models export RUN...`: one bundle out of the runs of one or several senses.

Each run brings its INT8 network (`quantize`), its validation examples set the temperature. The
thresholds follow from costs alone and promise nothing: `python -m models calibrate` with labelled
parts sets them, and writes the certificate.
"""

import argparse
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Detector, DetectorClass, Manifest, Origin
from edge.certificate import Costs
from edge.errors import ConfigError
from models import temperature
from models.answers import answers
from models.calibration.candidates import by_costs_alone
from models.calibration.step import write
from models.datasets import reading
from models.datasets.examples import Examples
from models.detectors import Design
from models.integers.step import INTEGER
from models.passport import DISCOUNT, RULE
from models.training.command import data_folder
from models.training.configuration import Configuration, read
from models.training.folder import CONFIGURATION

GOLDEN = "golden.npz"
GOLDEN_PARTS = 8  # of each detector


@dataclass(frozen=True, slots=True)
class _Run:
    """One sense: its INT8 file and what it is worth."""

    file: Path
    configuration: Configuration
    examples: Mapping[str, Examples]

    @property
    def design(self) -> Design:
        return self.configuration.design


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="one a sense")
    command.add_argument("--data", type=Path, metavar="FOLDER", help="recordings of all runs")
    command.add_argument("--name", default="own", help="of the bundle; %(default)s")
    command.add_argument("--bundle-version", default="0.1.0", metavar="X.Y.Z", help="%(default)s")
    command.add_argument("--limits", default="", help="what it was never shown, in words")


def export(arguments: argparse.Namespace) -> None:
    """Write the bundle into `arguments.out`.

    Raises:
        ConfigError: a run that is not quantised, two of one sense, or classes that leave a
            hypothesis of another run open.
    """
    out: Path = arguments.out
    runs = [_run(folder, arguments) for folder in arguments.runs]
    hypotheses = _hypotheses(runs)
    out.mkdir(parents=True, exist_ok=True)
    golden: dict[str, NDArray[np.generic]] = {}
    detectors = {}
    for run in runs:
        shutil.copyfile(run.file, out / f"{run.design.name}.onnx")
        detectors[run.design.name] = _detector(run)
        golden |= _golden(run)
    np.savez_compressed(out / GOLDEN, allow_pickle=False, **golden)
    files = [one.file for one in detectors.values()]
    manifest = Manifest(
        format=1,
        name=arguments.name,
        version=arguments.bundle_version,
        hypotheses=hypotheses,
        rule=RULE,
        detectors=detectors,
        thresholds=(by_costs_alone(Costs()),),
        golden=GOLDEN,
        files={name: _sha256(out / name) for name in (*files, GOLDEN)},
        origin=_origin(runs, arguments),
        limits=arguments.limits,
    )
    write(manifest, out)
    print(f"{out}: {manifest.name} {manifest.version}, {', '.join(detectors)}")  # noqa: T201


def _run(folder: Path, arguments: argparse.Namespace) -> _Run:
    configuration = read(folder / CONFIGURATION)
    file = folder / INTEGER
    if not file.exists():
        raise ConfigError(f"{file}: is not there; python -m models quantize {folder}")
    data = data_folder(configuration, arguments.data, arguments.work)
    found = reading.read(data, configuration.data, configuration.design, ("train", "validation"))
    return _Run(file, configuration, found)


def _hypotheses(runs: Sequence[_Run]) -> tuple[str, ...]:
    """All that any run knows; every run has to say what it makes of each.

    Raises:
        ConfigError: one that does not.
    """
    names = [run.design.name for run in runs]
    if len(set(names)) < len(names):
        raise ConfigError(f"two runs of one sense ({', '.join(names)}); a bundle takes one of each")
    found = dict.fromkeys(
        one for run in runs for meant in run.design.classes.values() for one in meant
    )
    for run in runs:
        own = {one for meant in run.design.classes.values() for one in meant}
        if missing := [one for one in found if one not in own]:
            raise ConfigError(
                f"{run.file.parent / CONFIGURATION}: no class allows {missing[0]!r}, which another "
                "detector knows; name it under classes.unseen if it leaves no trace in this sense, "
                "or teach it"
            )
    return tuple(found)


def _detector(run: _Run) -> Detector:
    """Its prior is that under which it was taught, its temperature that of the INT8 network."""
    design, balance = run.design, run.configuration.teaching.balance
    count = len(design.classes)
    train, held = run.examples["train"], run.examples["validation"]
    shares = temperature.priors(train.labels, train.weights, count)
    if balance != "none":
        shares = np.full(count, 1.0 / count)
    logits = answers(run.file, held.inputs, f"validation, {design.name}")
    here = temperature.priors(held.labels, held.weights, count)
    as_taught = held.weights * (shares / here)[held.labels]
    fitted = temperature.temperature(logits, held.labels, as_taught)
    return Detector(
        sense=design.sense,
        file=f"{design.name}.onnx",
        input=design.input,
        activation="activation",
        embedding="embedding",
        classes=tuple(
            DetectorClass(name=name, hypotheses=meant, prior=round(float(share), 5))
            for (name, meant), share in zip(design.classes.items(), shares, strict=True)
        ),
        temperature=round(fitted, 4),
        discount=DISCOUNT,
    )


def _golden(run: _Run) -> dict[str, NDArray[np.generic]]:
    """Validation examples of every class, and what the INT8 network answers to them on the CPU."""
    name, held = run.design.name, run.examples["validation"]
    first = [int(np.flatnonzero(held.labels == one)[0]) for one in np.unique(held.labels)]
    others = [row for row in range(len(held)) if row not in first]
    inputs = held.inputs[sorted([*first, *others][:GOLDEN_PARTS])]
    logits = answers(run.file, inputs, f"golden, {name}").astype(np.float32)
    return {f"{name}.input": inputs, f"{name}.logits": logits}


def _origin(runs: Sequence[_Run], arguments: argparse.Namespace) -> Origin:
    said = [
        f"{run.design.name}: {split} {len(one)} examples of {one.independent} groups, "
        f"sha256 {one.sha256}"
        for run in runs
        for split, one in run.examples.items()
    ]
    whole = hashlib.sha256("\n".join(said).encode()).hexdigest()
    return Origin(
        command=f"python -m models export {' '.join(folder.name for folder in arguments.runs)}",
        data="; ".join(said),
        data_sha256=whole,
        created=datetime.now(UTC).date().isoformat(),
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
