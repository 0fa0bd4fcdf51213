"""A bundle of three tiny networks for a test cell; what it says is of no interest."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge.manifest import ClipInput, SeriesInput
from edge.trial import toml

CLIP = ClipInput(kind="clip", name="clip", rate_hz=30.0, frames=8, stride=2, height=60, width=80)
ACCELERATION = SeriesInput(
    kind="series", name="a", unit="m/s2", channels=3, rate_hz=25_600.0, length=12_800
)
PRESSURE = SeriesInput(
    kind="series", name="p", unit="Pa", channels=1, rate_hz=16_000.0, length=8_000
)
HYPOTHESES = ("ok", "seen", "felt", "heard")
INPUTS: dict[str, ClipInput | SeriesInput] = {
    "camera": CLIP,
    "vibration": ACCELERATION,
    "audio": PRESSURE,
}


def network(given: ClipInput | SeriesInput, seed: int) -> onnx.ModelProto:
    """Mean magnitude of each channel or frame, times a matrix."""
    weights = np.random.default_rng(seed).normal(scale=0.05, size=(given.shape[0], 2))
    nodes = [
        helper.make_node("Cast", [given.name], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Abs", ["x"], ["size"]),
        helper.make_node(
            "ReduceMean", ["size"], ["mean"], axes=list(range(2, len(given.shape) + 1)), keepdims=0
        ),
        helper.make_node("MatMul", ["mean", "w"], ["logits"]),
    ]
    element = TensorProto.UINT8 if given.kind == "clip" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(given.name, element, [1, *given.shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(weights.astype(np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_bundle(folder: Path) -> Path:
    """The bundle, golden data by onnx's own reference."""
    folder.mkdir(parents=True)
    golden: dict[str, NDArray[Any]] = {}
    detectors = {}
    for seed, ((name, given), defect) in enumerate(
        zip(INPUTS.items(), HYPOTHESES[1:], strict=True)
    ):
        model = network(given, seed)
        onnx.save(model, folder / f"{name}.onnx")
        random = np.random.default_rng(seed)
        data: NDArray[Any] = random.integers(0, 255, (1, *given.shape)).astype(np.uint8)
        if given.kind == "series":
            data = random.normal(size=(1, *given.shape)).astype(np.float32)
        golden[f"{name}.input"] = data
        golden[f"{name}.logits"] = ReferenceEvaluator(model).run(None, {given.name: data})[0]
        others = [h for h in HYPOTHESES if h != defect]
        detectors[name] = {
            "sense": name,
            "file": f"{name}.onnx",
            "input": given.model_dump(),
            "classes": [
                {"name": "good", "hypotheses": others, "prior": 0.5},
                {"name": defect, "hypotheses": [defect], "prior": 0.5},
            ],
        }
    np.savez(folder / "golden.npz", **golden)  # type: ignore[arg-type]
    files = [*folder.glob("*.onnx"), folder / "golden.npz"]
    manifest = {
        "format": 1,
        "name": "tiny",
        "version": "0.0.1",
        "hypotheses": HYPOTHESES,
        "golden": "golden.npz",
        "detectors": detectors,
        "thresholds": [{"ok_belief": 0.5, "defect_belief": 0.5, "conflict": 0.5}],
        "files": {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files},
        "origin": {"command": "tests", "data": "none", "created": "2026-01-01"},
    }
    (folder / "manifest.toml").write_text(toml.dump(manifest))
    return folder
