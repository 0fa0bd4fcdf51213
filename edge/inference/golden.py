"""The golden data of a bundle: windows that its networks were given, and what they answered."""

import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BundleError
from edge.inference.runner import element_type


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Of one detector. Row i of every detector belongs to the same part."""

    inputs: NDArray[np.generic]  # (part, *window)
    logits: NDArray[np.float32]  # (part, class)


def read(bundle: Bundle, detector: str) -> Golden | None:
    """What the bundle travels with; None when it has no golden data.

    Raises:
        BundleError: it has some, and none that fits this detector.
    """
    manifest = bundle.manifest
    if manifest.golden is None:
        return None
    file, passport = bundle.folder / manifest.golden, manifest.detectors[detector]
    try:
        with np.load(file, allow_pickle=False) as data:
            element = element_type(passport.input)
            inputs = data[f"{detector}.input"].astype(element, casting="safe")
            logits = data[f"{detector}.logits"].astype(np.float32)
        inputs = inputs.reshape(-1, *passport.input.shape)
        return Golden(inputs, logits.reshape(len(inputs), len(passport.classes)))
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BundleError(f"{file}: no golden data of {detector}: {error}") from error
