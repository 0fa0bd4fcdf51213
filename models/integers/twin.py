"""The float twin of a bundle: its networks before they were quantised, everything else the same.

Passport, thresholds and statistics are those of the bundle, so that what its verdicts differ by is
what the integers cost. Each form has the temperature that was fitted on it, on the same parts: it
is part of what a network answers, and integers that flatten all logits alike cost nothing. The
float networks lie beside the workshop, not in the bundle: nobody runs them, but without them the
cost could never be shown again.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle, load
from edge.errors import BundleError
from edge.manifest import Manifest
from models import golden

SHIPPED = Path(__file__).parents[1] / "exact" / "motor"  # of the bundle that lies in the repository
OF = "of.json"  # which integer networks the float ones were made into, and their temperatures


def keep(
    float_folder: Path, bundle: Bundle, exact: Path, temperatures: Mapping[str, float]
) -> None:
    """Copy a bundle's float networks out of `float_folder` into the folder `exact`."""
    exact.mkdir(parents=True, exist_ok=True)
    for one in bundle.manifest.detectors.values():
        shutil.copyfile(float_folder / one.file, exact / one.file)
    found = {"files": _networks(bundle), "temperatures": dict(temperatures)}
    (exact / OF).write_text(json.dumps(found, indent=1) + "\n")


def make(bundle: Bundle, exact: Path, folder: Path) -> Bundle:
    """A bundle in `folder` as this one is, with the float networks out of `exact`.

    Its golden answers are its own: an engine is proved on them as ever.

    Raises:
        BundleError: `exact` holds no float networks, or those of another bundle.
    """
    manifest, temperatures = bundle.manifest, _of(bundle, exact)["temperatures"]
    shutil.copytree(bundle.folder, folder, dirs_exist_ok=True)
    files = dict(manifest.files)
    for one in manifest.detectors.values():
        shutil.copyfile(exact / one.file, folder / one.file)
        files[one.file] = hashlib.sha256((folder / one.file).read_bytes()).hexdigest()
    with np.load(bundle.folder / golden.FILE) as kept:
        count = len(kept[f"{next(iter(manifest.detectors))}.input"])
        parts = [{n: kept[f"{n}.input"][row] for n in manifest.detectors} for row in range(count)]
    detectors = {
        name: one.model_copy(update={"temperature": temperatures[name]})
        for name, one in manifest.detectors.items()
    }
    changed = manifest.model_copy(
        update={"files": files, "detectors": detectors, "certificate": None}
    )
    golden.keep(Manifest.model_validate(changed.model_dump()), folder, parts)
    return load(folder)


def _networks(bundle: Bundle) -> dict[str, str]:
    manifest = bundle.manifest
    return {one.file: manifest.files[one.file] for one in manifest.detectors.values()}


def _of(bundle: Bundle, exact: Path) -> dict[str, Any]:
    try:
        of: dict[str, Any] = json.loads((exact / OF).read_text())
    except OSError as error:
        raise BundleError(
            f"{exact}: no float networks ({error.strerror}): make the bundle again, or name the "
            "folder of its own by --exact"
        ) from error
    if of["files"] != _networks(bundle):
        raise BundleError(
            f"{exact}: the float networks of another bundle than {bundle.label}; name the folder "
            "of its own by --exact"
        )
    return of
