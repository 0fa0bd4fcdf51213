"""A bundle from quantised networks: calibrated, tried on unseen parts, hashed and signed off."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Detector, DetectorClass, Manifest, Origin
from edge.certificate import Costs
from models import dataset, evaluate, temperature, train
from models.answers import Findings, answers
from models.calibration.candidates import by_costs_alone
from models.calibration.step import write
from models.detectors import DESIGNS, Design
from sensors.simulator.cause import HYPOTHESES

VERSION = "0.3.0"
RULE = "yager"
DISCOUNT = 0.99
GOLDEN = "golden.npz"
GOLDEN_HYPOTHESES = ("ok", "scratch", "bearing_outer", "rub")
LIMITS = (
    "Taught on simulated motors alone, one type of motor, 1400 to 2200 rpm, one defect a part. "
    "Never shown: real plants, two defects at once, another part, an empty fixture."
)


def assemble(found: Findings, out: Path, command: str) -> dict[str, float]:
    """Complete the bundle in `out`, where its `*.onnx` files lie; returns the networks' worth.

    Its thresholds are by costs alone until `models.calibration` sets them.
    """
    detectors = {name: _detector(design, found) for name, design in DESIGNS.items()}
    _write_golden(out)
    manifest = Manifest(
        format=1,
        name="motor",
        version=VERSION,
        hypotheses=HYPOTHESES,
        rule=RULE,
        detectors=detectors,
        thresholds=(by_costs_alone(Costs()),),
        golden=GOLDEN,
        files={name: _sha256(out / name) for name in (*(f"{n}.onnx" for n in DESIGNS), GOLDEN)},
        origin=_origin(found, command),
        limits=LIMITS,
    )
    metrics = evaluate.networks_metrics(manifest, found)
    origin = manifest.origin.model_copy(update={"metrics": metrics})
    write(manifest.model_copy(update={"origin": origin}), out)
    return metrics


def _detector(design: Design, found: Findings) -> Detector:
    """Its prior is that of the parts it was taught, under which its softmax means something."""
    count = len(design.classes)
    shares = temperature.priors(
        train.labels(found.taught, design), train.weights(found.taught, design), count
    )
    held_back = found.calibration.truth
    labels, weights = train.labels(held_back, design), train.weights(held_back, design)
    here = temperature.priors(labels, weights, count)
    as_taught = weights * (shares / here)[labels]
    fitted = temperature.temperature(found.calibration.int8[design.name], labels, as_taught)
    return Detector(
        sense=design.sense,
        file=f"{design.name}.onnx",
        input=design.input,
        activation="activation",
        embedding="embedding",
        classes=tuple(
            DetectorClass(name=name, hypotheses=meant, prior=round(float(share), 5))
            for (name, meant), share in zip(design.classes.items(), shares, strict=True)
        ),
        temperature=round(fitted, 4),
        discount=DISCOUNT,
    )


def _origin(found: Findings, command: str) -> Origin:
    counts = {
        "train": len(found.taught),
        "calibration": len(found.calibration.truth),
        "test": len(found.test.truth),
    }
    said = ", ".join(f"{count} parts for {split}" for split, count in counts.items())
    return Origin(
        command=command,
        data=f"sensors.simulator at difficulty 1: {said}; no seed or station is shared",
        data_sha256=found.data_sha256,
        created=datetime.now(UTC).date().isoformat(),
    )


def _write_golden(out: Path) -> None:
    """A few unseen parts and what the INT8 networks answer to them on the CPU."""
    wanted = list(GOLDEN_HYPOTHESES)
    chosen = []
    for part in dataset.parts(dataset.GOLDEN, 0, 500):
        if part.cause.hypothesis in wanted:
            wanted.remove(part.cause.hypothesis)
            chosen.append(dataset.network_inputs(part))
        if not wanted:
            break
    columns: dict[str, NDArray[np.generic]] = {}
    for name in DESIGNS:
        inputs = np.stack([one[name] for one in chosen])
        columns[f"{name}.input"] = inputs
        logits = answers(out / f"{name}.onnx", inputs, f"golden, {name}")
        columns[f"{name}.logits"] = logits.astype(np.float32)
    np.savez_compressed(out / GOLDEN, allow_pickle=False, **columns)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
