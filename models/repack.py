"""A finished bundle in files as small as `quantize` makes them today: the same networks.

What was promised was tested on the files before: the certificate is void until `calibrate`.
"""

import hashlib

import numpy as np
import onnx

from edge.bundle import Bundle
from edge.manifest import Manifest
from models import golden
from models.compact import compact
from models.detectors import DESIGNS


def repack(bundle: Bundle, version: str) -> dict[str, float]:
    """Write networks, golden answers and manifest in place of the bundle's own, under `version`.

    Returns bytes before and after, and by how much golden logits differ, as a share of their span.

    Raises:
        BundleError: no golden data.
        onnx.checker.ValidationError: a network that is no longer one.
    """
    folder, manifest = bundle.folder, bundle.manifest
    with np.load(folder / golden.FILE) as kept:
        before = dict(kept)
    files, said = dict(manifest.files), dict[str, float]()
    for name, one in manifest.detectors.items():
        file = folder / one.file
        said[f"{name}_bytes_before"] = float(file.stat().st_size)
        onnx.save(compact(onnx.load(file), DESIGNS[name].float_parts), file)
        onnx.checker.check_model(str(file), full_check=True)
        said[f"{name}_bytes"] = float(file.stat().st_size)
        files[one.file] = hashlib.sha256(file.read_bytes()).hexdigest()
    changed = manifest.model_copy(update={"files": files, "version": version})
    renewed = Manifest.model_validate(changed.model_dump())
    count = len(next(iter(before.values())))
    parts = [{n: before[f"{n}.input"][row] for n in manifest.detectors} for row in range(count)]
    golden.keep(renewed, folder, parts)
    with np.load(folder / golden.FILE) as kept:
        for name in manifest.detectors:
            old = before[f"{name}.logits"]
            away = np.abs(kept[f"{name}.logits"] - old).max() / np.ptp(old)
            said[f"{name}_golden_moved"] = round(float(away), 6)
    return said
