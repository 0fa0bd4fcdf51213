"""`python -m models train SENSE --config FILE [--data FOLDER]`."""

import argparse
import json
import sys
from pathlib import Path

from edge.errors import ConfigError
from models.datasets import reading
from models.training import configuration, run
from models.training.configuration import Configuration
from models.training.team import team


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("sense", nargs="?", choices=("camera", "vibration", "audio"),
                         help="which detector; without it the three shipped ones")  # fmt: skip
    command.add_argument("--config", type=Path, metavar="TOML", help="models/configs has examples")
    command.add_argument("--data", type=Path, metavar="FOLDER", help="recordings; else data.folder")
    command.add_argument("--into", type=Path, metavar="FOLDER", help="of the run; runs/SENSE")
    command.add_argument("--resume", action="store_true", help="go on with an interrupted run")


def is_asked(arguments: argparse.Namespace) -> bool:
    """Whether one detector is to be taught from a configuration, not the shipped three."""
    return bool(getattr(arguments, "sense", None) or getattr(arguments, "config", None))


def train(arguments: argparse.Namespace) -> None:
    """Teach one detector.

    Raises:
        ConfigError: the configuration, the data or the run's folder is wrong; says how to mend it.
    """
    wanted = of(arguments.sense, arguments.config)
    if arguments.epochs:
        wanted = wanted.taught(epochs=arguments.epochs)
    folder = data_folder(wanted, arguments.data, arguments.work)
    to = arguments.into or Path("runs") / wanted.sense
    found = reading.read(folder, wanted.data, wanted.design, ("train", "validation"))
    with team() as members:
        best = run.run(wanted, found, to, members, resume=arguments.resume)
        if members.is_first:
            json.dump({"run": str(to), **best}, sys.stdout, indent=1)
            print()  # noqa: T201 - the answer to the user


def of(sense: str | None, path: Path | None) -> Configuration:
    """The configuration of a file, else that of the shipped detector."""
    if path is None:
        return configuration.shipped(sense or "")
    found = configuration.read(path)
    if sense and found.sense != sense:
        raise ConfigError(f"{path}: is for {found.sense}, not {sense}; take another file")
    return found


def data_folder(wanted: Configuration, given: Path | None, work: Path) -> Path:
    """Where the recordings are."""
    if given or wanted.data.folder:
        return Path(given or wanted.data.folder or "")
    if wanted.data.layout == "simulated":
        return work / "parts"
    raise ConfigError("no recordings named: say where they are by --data FOLDER, or data.folder")
