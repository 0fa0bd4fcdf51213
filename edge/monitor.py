"""What healthy windows of a detector measure, learnt in the workshop; the bundle carries it."""

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


def read(file: Path, detectors: Iterable[str]) -> Mapping[str, Familiar]:
    """The statistics of a bundle: npz with `<detector>.centres`, `.radii` and `.whitening`.

    Raises:
        BundleError: they are not there, or of shapes that do not fit each other.
    """
    try:
        with np.load(file, allow_pickle=False) as data:
            return {name: _familiar(data, name) for name in detectors}
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BundleError(f"{file}: no statistics to know the unfamiliar by: {error}") from error


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
