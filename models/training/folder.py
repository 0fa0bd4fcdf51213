"""The folder of a run: what it was told, how it went, and all that is needed to take it up again.

configuration.toml   as it was run, every default written out
metrics.json         history, versions, seeds, examples, the figures of the best epoch
curves.png           the history as a picture
weights.pt           of the best epoch
last.pt              of the last epoch, with the optimiser: `--resume` goes on from there
"""

import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edge.errors import ConfigError
from models import toml
from models.datasets.examples import Examples
from models.training.configuration import Configuration
from models.training.configuration import read as read_configuration

CONFIGURATION, METRICS, CURVES = "configuration.toml", "metrics.json", "curves.png"
WEIGHTS, LAST = "weights.pt", "last.pt"
LIBRARIES = ("torch", "numpy", "opencv-python-headless", "scipy")


@dataclass
class History:
    """How a run went, an entry an epoch."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best: int = -1  # epoch of the lowest validation loss

    @property
    def since_best(self) -> int:
        return len(self.rows) - 1 - self.best

    def add(self, row: dict[str, float]) -> bool:
        """Whether it is the best so far."""
        self.rows.append(row)
        is_best = self.best < 0 or row["validation_loss"] < self.rows[self.best]["validation_loss"]
        if is_best:
            self.best = len(self.rows) - 1
        return is_best


def start(folder: Path, configuration: Configuration, *, resume: bool) -> dict[str, Any] | None:
    """Make the folder of a new run, or give the state that an interrupted one left.

    Raises:
        ConfigError: there is a run already, or it was told something else.
    """
    written, last = folder / CONFIGURATION, folder / LAST
    if resume and last.exists():
        if (earlier := read_configuration(written)) != configuration:
            key = _differing(earlier, configuration)
            raise ConfigError(
                f"{written}: {key} is not what is asked for now; go on with the same configuration "
                "(or copy that file), or begin another run with --into"
            )
        state: dict[str, Any] = torch.load(last, weights_only=True)
        return state
    if last.exists():
        raise ConfigError(
            f"{folder}: holds a run; go on with --resume, or begin another one with --into FOLDER"
        )
    folder.mkdir(parents=True, exist_ok=True)
    said = configuration.model_dump(mode="json", exclude_none=True)
    written.write_text(toml.dumps(said))
    return None


def save(path: Path, state: dict[str, Any]) -> None:
    """Whole or not at all: a run may be cut short while it writes."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A copy that any machine reads."""
    return {key: value.detach().cpu().clone() for key, value in state.items()}


def write_metrics(folder: Path, facts: dict[str, Any], history: History) -> None:
    """`metrics.json`; history last, for it is long."""
    whole = facts | {"best_epoch": history.best, "history": history.rows}
    partial = folder / f"{METRICS}.partial"
    partial.write_text(json.dumps(whole, indent=1) + "\n")
    partial.replace(folder / METRICS)


def described(examples: dict[str, Examples], classes: list[str]) -> dict[str, Any]:
    """Of each split: examples, independent groups, examples a class, hash."""
    return {
        split: {
            "examples": len(one),
            "groups": one.independent,
            "classes": {
                name: int((one.labels == index).sum()) for index, name in enumerate(classes)
            },
            "sha256": one.sha256,
        }
        for split, one in examples.items()
    }


def versions() -> dict[str, str]:
    """Of everything that may change a figure."""
    found = {name: version(name) for name in LIBRARIES}
    return found | {"python": platform.python_version(), "machine": platform.machine()}


def _differing(one: Configuration, other: Configuration) -> str:
    """The first key that is not the same in both."""
    left, right = _flat(one.model_dump()), _flat(other.model_dump())
    return next(k for k in sorted(left | right) if left.get(k) != right.get(k))


def _flat(table: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return found
