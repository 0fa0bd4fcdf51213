"""`python -m models study NAME --data DIR`: its figures as table, JSON and picture."""

import argparse
import os
from pathlib import Path

from edge.errors import ConfigError

STUDIES = ("tiles", "adi", "speed", "engine", "fan", "cnc", "composed")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `study`."""
    command.add_argument("study", choices=STUDIES)
    command.add_argument(
        "--data", type=Path, default=os.environ.get("EDGE_RECORDINGS"), metavar="DIR",
        help="holds a folder for each set; otherwise from EDGE_RECORDINGS",
    )  # fmt: skip
    command.add_argument("--seeds", type=int, help="networks to average; each study has its own")
    command.add_argument(
        "--answers", type=Path, metavar="NPZ",
        help="of tiles: teach and keep the answers there; of composed: take them from there",
    )  # fmt: skip
    command.add_argument("--json", type=Path, help="write the figures there")
    command.add_argument("--picture", type=Path, metavar="PNG", help="draw them with intervals")


def run(arguments: argparse.Namespace) -> None:
    """measure what detectors reach on real recordings, beside shortcuts"""
    from models.study.recordings import studies, tables  # noqa: PLC0415 - scipy, soundfile

    if arguments.data is None:
        raise ConfigError(
            "no recordings: give the folder of the sets by --data, or name it by EDGE_RECORDINGS"
        )
    found = studies.STUDIES[arguments.study](arguments)
    tables.show(found)
    if arguments.json:
        tables.save(found, arguments.json)
    if arguments.picture:
        tables.draw(found, arguments.picture)
