"""Teaching one detector: seeded, on a GPU where there is one."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.dataset import SPLITS, Parts, load
from models.datasets.examples import Examples
from models.detectors import Design
from models.training.configuration import shipped
from models.training.folder import LAST, WEIGHTS
from models.training.run import run
from models.training.team import team
from sensors.simulator.cause import HYPOTHESES

# A defect too small to be clear is neither good nor bad: below this share of the severity from
# which its class is clear (for most the reject limit) it teaches nothing, in between the more the
# nearer it is.
IGNORED_BELOW = 0.6


@dataclass(frozen=True)
class Lesson:
    """How to teach: the same numbers and the same machine give the same network."""

    epochs: int | None = None  # None: as many as the detector's configuration says
    batch: int = 128
    rate: float = 2e-3
    decay: float = 1e-2
    seed: int = 7
    recurrence: str = "parallel"


def train(folder: Path, name: str, lesson: Lesson, path: Path) -> dict[str, float]:
    """Teach the detector `name` on the parts in `folder`; keep the best epoch's weights in `path`.

    By the shipped configuration; the run's own folder lies beside the weights.
    """
    taught = {key: value for key, value in asdict(lesson).items() if value is not None}
    recurrence = taught.pop("recurrence")
    wanted = shipped(name).built(recurrence=recurrence).taught(**taught)
    parts = simulated(folder, wanted.design, ("train", "validation"))
    own = path.with_suffix("")
    (own / LAST).unlink(missing_ok=True)  # of an earlier run
    with team() as members:
        best = run(wanted, parts, own, members)
        if members.is_first:
            shutil.copyfile(own / WEIGHTS, path)
    return {
        "validation_loss": best["validation_loss"],
        "validation_accuracy": best["validation_right"],
    }


def simulated(folder: Path, design: Design, splits: Sequence[str]) -> dict[str, Examples]:
    """Parts that `simulate` rendered as examples; the groups are the stations that made them.

    Raises:
        FileNotFoundError: a split that was not simulated.
    """
    return {split: _examples(folder, design, split) for split in splits}


def restore(design: Design, path: Path) -> nn.Module:
    """A taught network, ready to answer."""
    network = design.build(len(design.classes))
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def labels(parts: Parts, design: Design) -> NDArray[np.int64]:
    """Class index of every part."""
    table = np.array([design.label(hypothesis) for hypothesis in HYPOTHESES])
    return np.asarray(table[parts.hypothesis])


def weights(parts: Parts, design: Design) -> NDArray[np.float32]:
    """How much every part teaches; a small defect of a kind this detector cannot see is good."""
    return taught(parts.severity, labels(parts, design), design)


def taught(
    severity: NDArray[np.float32], label: NDArray[np.int64], design: Design
) -> NDArray[np.float32]:
    """How much an example of that class teaches, by the size of its defect."""
    clear = np.array([design.clear_from.get(name, 1.0) for name in design.classes])[label]
    ramp = (severity / clear - IGNORED_BELOW) / (1.0 - IGNORED_BELOW)
    return np.where(label == 0, 1.0, np.clip(ramp, 0.0, 1.0)).astype(np.float32)


def _examples(folder: Path, design: Design, split: str) -> Examples:
    parts = load(folder, split, design.name)
    made = next(one for one in SPLITS if one.name == split)
    return Examples(
        parts.inputs,
        labels(parts, design),
        weights(parts, design),
        tuple(f"station {made.place(index)[0]}" for index in range(len(parts))),
        tuple(f"{split}/{index}" for index in range(len(parts))),
        parts.severity,
    )
