"""Bundles of the small networks; their golden data come from onnx's reference."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import bundle
from edge.bundle import Bundle
from inference.networks import clips, reference, series, write_camera, write_vibration

MANIFEST = """
format = 1
name = "motor"
version = "1.2.3"
hypotheses = ["ok", "scratch", "imbalance"]
golden = "golden.npz"

[detectors.camera]
sense = "camera"
file = "camera.onnx"
activation = "activation"
embedding = "embedding"
classes = [
    {{name = "good", hypotheses = ["ok", "imbalance"], prior = 0.5}},
    {{name = "scratch", hypotheses = ["scratch"], prior = 0.3}},
    {{name = "dirt", hypotheses = ["ok", "scratch", "imbalance"], prior = 0.2}},
]

[detectors.camera.input]
kind = "clip"
name = "clip"
rate_hz = 30.0
frames = 4
stride = 2
height = 16
width = 16

[detectors.vibration]
sense = "vibration"
file = "vibration.onnx"
classes = [
    {{name = "good", hypotheses = ["ok", "scratch"], prior = 0.5}},
    {{name = "imbalance", hypotheses = ["imbalance"], prior = 0.3}},
    {{name = "other", hypotheses = ["ok", "scratch", "imbalance"], prior = 0.2}},
]

[detectors.vibration.input]
kind = "series"
name = "acceleration"
unit = "m/s2"
channels = 3
rate_hz = 1000.0
length = 64

[[thresholds]]
ok_belief = 0.9
defect_belief = 0.8
conflict = 0.3

[files]
{files}

[origin]
command = "conftest.py"
data = "random weights"
created = "2026-11-21"
"""

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """Writes a bundle of both networks; golden logits are wrong by `golden_error`."""

    def make(name: str = "motor", *, seed: int = 7, golden_error: float = 0.0) -> Bundle:
        folder = tmp_path / name
        folder.mkdir()
        write_camera(folder / "camera.onnx", seed=seed)
        write_vibration(folder / "vibration.onnx", seed=seed + 1)
        golden: dict[str, NDArray[np.generic]] = {}
        for detector, inputs in (("camera", clips(3)), ("vibration", series(3))):
            file = folder / f"{detector}.onnx"
            answers = np.stack([reference(file, one)["logits"] for one in inputs])
            golden[f"{detector}.input"] = inputs
            golden[f"{detector}.logits"] = answers + golden_error * np.ptp(answers)
        np.savez(folder / "golden.npz", allow_pickle=False, **golden)
        files = "\n".join(
            f'"{file.name}" = "{hashlib.sha256(file.read_bytes()).hexdigest()}"'
            for file in sorted(folder.iterdir())
        )
        (folder / bundle.MANIFEST).write_text(MANIFEST.format(files=files))
        return bundle.load(folder)

    return make
