"""What healthy windows of a detector measure, learnt in the workshop; the bundle carries it.

The file of statistics is an npz with, for each detector, `<detector>.centres`, `.radii` and
`.whitening` (`Familiar`) and, where a station may be commissioned, `<detector>.typical.logits`,
`.typical.embedding` and one `.typical.<measure>` each (`Typical`).
"""

import math
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from edge.errors import BundleError

Measure = Literal[
    "sharpness", "brightness", "level", "floor", "whiteness", "energy", "distance"
]  # fmt: skip
OF_ANSWERS: frozenset[str] = frozenset({"energy", "distance"})  # the others are of the window


class Band(BaseModel):
    """Values of one measure: believed wholly from `low` to `high`, not at all from the sick ones.

    Either side may be open, and then has neither limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low_sick: float | None = None
    low: float | None = None
    high: float | None = None
    high_sick: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Band":
        if (self.low is None) != (self.low_sick is None):
            raise ValueError("low and low_sick belong together: give both, or neither")
        if (self.high is None) != (self.high_sick is None):
            raise ValueError("high and high_sick belong together: give both, or neither")
        given = [
            limit
            for limit in (self.low_sick, self.low, self.high, self.high_sick)
            if limit is not None
        ]
        if any(one >= other for one, other in pairwise(given)):
            raise ValueError(f"limits must rise: low_sick < low < high < high_sick, got {given}")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """The embeddings a detector was shown: a mean of each class, one covariance for all.

    Lee, Lee, Lee & Shin 2018, NeurIPS, eq. 1 and 2. The covariance is kept as a whitening:
    distances are Euclidean behind it. They ask for the nearest class; here it is the class that the
    network answers, and in units of how far windows of that answer lie: good windows lie close
    together, those of a defect of any size do not, and what is taken for good shall look so.
    """

    centres: NDArray[np.float32]  # (class, feature), whitened
    radii: NDArray[np.float32]  # (class,): the farthest window of each answer
    whitening: NDArray[np.float32]  # (feature, feature)

    def distance(self, embedding: NDArray[np.floating], answer: int) -> float:
        """Mahalanobis distance of an embedding (feature,) from its class, over the radius."""
        away = self.centres[answer] - self.whitening @ embedding
        return math.sqrt(float(away @ away)) / float(self.radii[answer])


@dataclass(frozen=True, slots=True, eq=False)
class Typical:
    """The middle of what a detector makes of good parts, over many stations or at one.

    By the median, each number by itself: a part that should not have been among them moves it
    little.
    """

    logits: NDArray[np.float32]  # (class,)
    embedding: NDArray[np.float32]  # (feature,)
    measured: Mapping[str, float]  # of the window: all measures but `OF_ANSWERS`

    def __post_init__(self) -> None:
        numbers = [*self.logits, *self.embedding, *self.measured.values()]
        if not all(math.isfinite(one) for one in numbers):
            raise ValueError("a typical part is not all numbers")


def typical(
    logits: NDArray[np.floating],
    embeddings: NDArray[np.floating],
    measured: Mapping[str, NDArray[np.floating]],
) -> Typical:
    """Of good parts: logits (part, class), embeddings (part, feature), measures (part,)."""
    return Typical(
        np.median(logits, axis=0).astype(np.float32),
        np.median(embeddings, axis=0).astype(np.float32),
        {
            name: float(np.median(values))
            for name, values in measured.items()
            if name not in OF_ANSWERS
        },
    )


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Of a whole bundle, by detector."""

    familiar: Mapping[str, Familiar]
    typical: Mapping[str, Typical]  # empty in bundles that were made before there were baselines


def read(file: Path, detectors: Iterable[str]) -> Statistics:
    """The statistics of a bundle; `detectors` are those that need to know the unfamiliar.

    Raises:
        BundleError: they are not there, or of shapes that do not fit each other.
    """
    try:
        with np.load(file, allow_pickle=False) as data:
            known = {key.split(".", 1)[0] for key in data if ".typical." in key}
            return Statistics(
                {name: _familiar(data, name) for name in detectors},
                {name: _typical(data, name) for name in sorted(known)},
            )
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BundleError(f"{file}: no statistics to know the unfamiliar by: {error}") from error


def _typical(data: Mapping[str, NDArray[np.generic]], name: str) -> Typical:
    head = f"{name}.typical."
    columns = {
        key.removeprefix(head): data[key].astype(np.float32, casting="same_kind")
        for key in data
        if key.startswith(head)
    }
    logits, embedding = columns.pop("logits"), columns.pop("embedding")
    if logits.ndim != 1 or embedding.ndim != 1 or any(one.shape for one in columns.values()):
        raise ValueError(f"{name}: a typical part of shapes {logits.shape} and {embedding.shape}")
    return Typical(logits, embedding, {key: float(value) for key, value in columns.items()})


def _familiar(data: Mapping[str, NDArray[np.generic]], name: str) -> Familiar:
    centres, radii, whitening = (
        data[f"{name}.{column}"].astype(np.float32, casting="same_kind")
        for column in ("centres", "radii", "whitening")
    )
    classes, features = centres.shape
    if radii.shape != (classes,) or whitening.shape != (features, features):
        raise ValueError(f"{name}: {centres.shape}, {radii.shape} and {whitening.shape} do not fit")
    if not all(np.isfinite(one).all() for one in (centres, radii, whitening)) or radii.min() <= 0.0:
        raise ValueError(
            f"{name}: not all of its statistics are numbers, or a radius is not above 0"
        )
    return Familiar(centres, radii, whitening)
