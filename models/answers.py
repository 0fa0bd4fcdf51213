"""What the finished networks answer to whole splits, by the appliance's CPU engine, kept on disk.

Everything that follows (temperatures, thresholds, metrics) reads these few numbers a part, not the
recordings.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from rich.progress import track

from models import dataset
from models.dataset import Parts
from models.detectors import DESIGNS

Real = NDArray[np.float64]

ANSWERED = ("calibration", "test")
# Some processors would run the float parts in bfloat16, whose logits differ from box to box.
SETTINGS = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}


@dataclass(frozen=True, slots=True)
class Answered:
    """One split: what was true of each part, and what every network answered, in both forms."""

    truth: Parts
    int8: Mapping[str, Real]  # detector -> (part, class)
    exact: Mapping[str, Real]  # the same networks in float


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a bundle is calibrated and judged on."""

    taught: Parts
    calibration: Answered
    test: Answered
    data_sha256: str


def collect(parts: Path, float_folder: Path, int8_folder: Path, kept: Path) -> None:
    """Ask every network about every part of the held-back splits; write what they say in `kept`."""
    kept.mkdir(parents=True, exist_ok=True)
    taught = dataset.load_truth(parts, "train")
    _write(kept / "train.npz", taught, {})
    for split in ANSWERED:
        columns: dict[str, Real] = {}
        for name in DESIGNS:
            inputs = dataset.load(parts, split, name).inputs
            for form, folder in (("int8", int8_folder), ("exact", float_folder)):
                said = answers(folder / f"{name}.onnx", inputs, f"{split}, {form} {name}")
                columns[f"{form}.{name}"] = said
        _write(kept / f"{split}.npz", dataset.load_truth(parts, split), columns)
    (kept / "data.sha256").write_text(folder_sha256(parts))


def read(kept: Path) -> Findings:
    """What `collect` wrote."""
    with np.load(kept / "train.npz") as data:
        taught = _truth(data)
    calibration, test = (_read_split(kept / f"{split}.npz") for split in ANSWERED)
    return Findings(taught, calibration, test, (kept / "data.sha256").read_text().strip())


def answers(file: Path, inputs: NDArray[np.generic], label: str) -> Real:
    """Logits of every input: (part, class)."""
    core = ov.Core()
    network = core.read_model(file)
    network.reshape({0: [1, *inputs.shape[1:]]})  # one at a time: requests go in parallel
    model = core.compile_model(network, "CPU", SETTINGS)
    wanted = model.input(0).element_type.to_dtype()
    logits = np.empty((len(inputs), model.output("logits").partial_shape[1].get_length()))
    queue = ov.AsyncInferQueue(model)

    def keep(request: ov.InferRequest, row: int) -> None:
        logits[row] = request.get_tensor("logits").data[0]

    queue.set_callback(keep)
    for row in track(range(len(inputs)), f"answering {label}"):
        queue.start_async({0: inputs[row][None].astype(wanted)}, row)
    queue.wait_all()
    return logits


def folder_sha256(folder: Path) -> str:
    """Of all shards in the order of their names."""
    total = hashlib.sha256()
    for path in track(sorted(folder.glob("*.npz")), "hashing"):
        total.update(path.read_bytes())
    return total.hexdigest()


def _read_split(path: Path) -> Answered:
    with np.load(path) as data:
        forms = {
            form: {name: np.asarray(data[f"{form}.{name}"]) for name in DESIGNS}
            for form in ("int8", "exact")
        }
        return Answered(_truth(data), forms["int8"], forms["exact"])


def _write(path: Path, truth: Parts, columns: Mapping[str, Real]) -> None:
    np.savez(
        path,
        allow_pickle=False,
        hypothesis=truth.hypothesis,
        severity=truth.severity,
        **columns,
    )


def _truth(data: Mapping[str, NDArray[np.generic]]) -> Parts:
    hypothesis, severity = data["hypothesis"], data["severity"]
    return Parts(hypothesis.astype(np.int64), severity.astype(np.float32), np.empty(0))
