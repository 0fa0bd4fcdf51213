"""What healthy windows of a detector measure, learnt in the workshop; the bundle carries it."""

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

    Lee, Lee, Lee & Shin 2018, NeurIPS, eq. 2. The covariance is kept as a whitening: distances are
    Euclidean behind it.
    """

    centres: NDArray[np.float32]  # (class, feature), whitened
    whitening: NDArray[np.float32]  # (feature, feature)

    def distance(self, embedding: NDArray[np.floating]) -> float:
        """Mahalanobis distance of an embedding (feature,) from the nearest class."""
        away = self.centres - self.whitening @ embedding
        return float(np.sqrt(np.einsum("cf,cf->c", away, away).min()))


def read(file: Path, detectors: Iterable[str]) -> Mapping[str, Familiar]:
    """The statistics of a bundle: npz with `<detector>.centres` and `<detector>.whitening`.

    Raises:
        BundleError: they are not there, or of shapes that do not fit each other.
    """
    try:
        with np.load(file, allow_pickle=False) as data:
            return {name: _familiar(data, name) for name in detectors}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{file}: no statistics to know the unfamiliar by: {error}") from error


def _familiar(data: Mapping[str, NDArray[np.generic]], name: str) -> Familiar:
    centres, whitening = data[f"{name}.centres"], data[f"{name}.whitening"]
    features = centres.shape[-1]
    if centres.ndim != 2 or whitening.shape != (features, features):
        raise ValueError(f"{name}: centres {centres.shape}, whitening {whitening.shape}")
    if not (np.isfinite(centres).all() and np.isfinite(whitening).all()):
        raise ValueError(f"{name}: not all of its statistics are numbers")
    return Familiar(centres.astype(np.float32), whitening.astype(np.float32))
