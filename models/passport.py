"""A bundle from quantised networks: calibrated, tried on unseen parts, hashed and signed off."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from edge.certificate import Costs
from edge.manifest import Detector, DetectorClass, Manifest, Origin
from models import evaluate, golden, temperature, train
from models.answers import Findings, Real
from models.calibration.candidates import by_costs_alone
from models.calibration.step import write
from models.detectors import DESIGNS, Design
from sensors.simulator.cause import HYPOTHESES

VERSION = "0.5.0"
RULE = "yager"
DISCOUNT = 0.99
LIMITS = (
    "Taught on simulated motors alone, one type of motor, 1400 to 2200 rpm, one defect a part. "
    "Never shown: real plants, two defects at once, another part, an empty fixture."
)


def assemble(found: Findings, out: Path, command: str) -> dict[str, float]:
    """Complete the bundle in `out`, where its `*.onnx` files lie; returns the networks' worth.

    Its thresholds are by costs alone until `models.calibration` sets them.
    """
    detectors = {name: _detector(design, found) for name, design in DESIGNS.items()}
    golden.write(out, golden.plain())
    manifest = Manifest(
        format=1,
        name="motor",
        version=VERSION,
        hypotheses=HYPOTHESES,
        rule=RULE,
        detectors=detectors,
        thresholds=(by_costs_alone(Costs()),),
        golden=golden.FILE,
        files={
            name: _sha256(out / name) for name in (*(f"{n}.onnx" for n in DESIGNS), golden.FILE)
        },
        origin=_origin(found, command),
        limits=LIMITS,
    )
    metrics = evaluate.networks_metrics(manifest, found)
    origin = manifest.origin.model_copy(update={"metrics": metrics})
    write(manifest.model_copy(update={"origin": origin}), out)
    return metrics


def _detector(design: Design, found: Findings) -> Detector:
    """Its prior is that of the parts it was taught, under which its softmax means something."""
    return Detector(
        sense=design.sense,
        file=f"{design.name}.onnx",
        input=design.input,
        activation="activation",
        embedding="embedding",
        classes=tuple(
            DetectorClass(name=name, hypotheses=meant, prior=round(float(share), 5))
            for (name, meant), share in zip(
                design.classes.items(), _shares(design, found), strict=True
            )
        ),
        temperature=fitted(design, found, found.calibration.int8),
        discount=DISCOUNT,
    )


def float_temperatures(found: Findings) -> dict[str, float]:
    """Of each detector before it was quantised."""
    exact = found.calibration.exact
    return {name: fitted(design, found, exact) for name, design in DESIGNS.items()}


def fitted(design: Design, found: Findings, logits: Mapping[str, Real]) -> float:
    """The temperature of a detector's answers to the calibration parts, as if they were taught."""
    held_back = found.calibration.truth
    labels, weights = train.labels(held_back, design), train.weights(held_back, design)
    here = temperature.priors(labels, weights, len(design.classes))
    as_taught = weights * (_shares(design, found) / here)[labels]
    return round(temperature.temperature(logits[design.name], labels, as_taught), 4)


def _shares(design: Design, found: Findings) -> Real:
    taught = found.taught
    return temperature.priors(
        train.labels(taught, design), train.weights(taught, design), len(design.classes)
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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
