"""Examples for a configuration, whatever the layout of its folder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.errors import ConfigError
from models import train
from models.datasets import examples, recorded
from models.datasets.examples import Examples
from models.datasets.source import SPLITS, Source
from models.detectors import Design


def read(
    folder: Path, source: Source, design: Design, splits: Sequence[str] = SPLITS
) -> dict[str, Examples]:
    """The wanted splits, small defects weighted as the design says.

    Raises:
        ConfigError: what the folder holds cannot be taught; names the file and the cure.
    """
    if source.layout == "simulated":
        try:
            return train.simulated(folder, design, splits)
        except FileNotFoundError as error:
            raise ConfigError(f"{error} (`python -m models simulate`)") from error
    if source.layout == "labelled":
        found = recorded.read(folder, source, design)
    else:
        found = examples.read(folder, source, design.input, list(design.classes))
    return {
        split: replace(one, weights=train.taught(one.severity, one.labels, design))
        for split, one in found.items()
        if split in splits
    }
