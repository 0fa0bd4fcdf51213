"""A bundle from quantised networks: calibrated, tried on unseen parts, hashed and signed off."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.bundle import MANIFEST, Certificate, Detector, DetectorClass, Manifest, Origin, load
from edge.fusion.frame import Frame
from models import calibrate, dataset, evaluate, toml, train
from models.answers import answers
from models.dataset import Parts
from models.detectors import DESIGNS, Design
from sensors.simulator.cause import HYPOTHESES

Real = NDArray[np.float64]

VERSION = "0.1.0"
RULE = "yager"
DISCOUNT = 0.99
CONFIDENCE = 0.95
GOLDEN = "golden.npz"
GOLDEN_HYPOTHESES = ("ok", "scratch", "bearing_outer", "rub")
LIMITS = (
    "Taught on simulated motors alone, one type of motor, 1400 to 2200 rpm, one defect a part. "
    "Never shown: real plants, two defects at once, another part, an empty fixture."
)


@dataclass(frozen=True, slots=True)
class Answered:
    """One split: what was true of each part, and what every INT8 network answered."""

    parts: Mapping[str, Parts]
    logits: Mapping[str, Real]

    @property
    def truth(self) -> Parts:
        return next(iter(self.parts.values()))


def assemble(work: Path, out: Path, command: str) -> dict[str, float]:
    """Write the bundle in `out` from its `*.onnx` files there; returns what it is worth."""
    calibration, test = (_answered(work, out, split) for split in ("calibration", "test"))
    detectors = {n: _detector(d, work, calibration) for n, d in DESIGNS.items()}
    limits = calibrate.thresholds(
        calibration.logits,
        calibration.truth.hypothesis == HYPOTHESES.index("ok"),
        detectors,
        Frame(HYPOTHESES),
        rule=RULE,
        good="ok",
    )
    _write_golden(out / GOLDEN, out)
    manifest = Manifest(
        format=1,
        name="motor",
        version=VERSION,
        hypotheses=HYPOTHESES,
        rule=RULE,
        detectors=detectors,
        thresholds=tuple(limits),
        golden=GOLDEN,
        files={name: _sha256(out / name) for name in _files()},
        origin=Origin(
            command=command,
            data="sensors.simulator, splits of models/dataset.py: "
            + ", ".join(f"{n} {_count(work, n)}" for n in ("train", "calibration", "test")),
            data_sha256=_data_sha256(work / "parts"),
            created=datetime.now(UTC).date().isoformat(),
        ),
        limits=LIMITS,
    )
    metrics = measure(manifest, calibration, test) | _agreement(work, out, calibration)
    signed = manifest.model_copy(
        update={
            "origin": manifest.origin.model_copy(update={"metrics": metrics}),
            "certificate": _certificate(metrics),
        }
    )
    text = toml.dumps(signed.model_dump(exclude_none=True))
    (out / MANIFEST).write_text(text, encoding="utf-8")
    if load(out).manifest != signed:
        raise ValueError(f"{out / MANIFEST} does not say what was meant")
    return metrics


def measure(manifest: Manifest, calibration: Answered, test: Answered) -> dict[str, float]:
    """All metrics on the test parts."""
    decided = evaluate.verdicts(test.logits, manifest)
    metrics = evaluate.fused_metrics(decided, test.truth)
    failing = metrics["false_reject_rate"] + metrics["uncertain_good"]
    for name in DESIGNS:
        metrics |= evaluate.alone_metrics(
            name,
            (calibration.logits[name], calibration.parts[name]),
            (test.logits[name], test.parts[name]),
            manifest,
            failing,
        )
    return metrics


def _answered(work: Path, out: Path, split: str) -> Answered:
    parts = {name: dataset.load(work / "parts", split, name) for name in DESIGNS}
    logits = {
        name: answers(out / f"{name}.onnx", one.inputs, f"{split}, {name}")
        for name, one in parts.items()
    }
    return Answered(parts, logits)


def _detector(design: Design, work: Path, calibration: Answered) -> Detector:
    taught = dataset.load_truth(work / "parts", "train")
    shares = calibrate.priors(
        train.labels(taught, design), train.weights(taught, design), len(design.classes)
    )
    parts = calibration.parts[design.name]
    # Its shares of classes are not those of the training parts, under which softmax was taught.
    labels, weights = train.labels(parts, design), train.weights(parts, design)
    here = calibrate.priors(labels, weights, len(design.classes))
    fitted = calibrate.temperature(
        calibration.logits[design.name], labels, weights * (shares / here)[labels]
    )
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


def _agreement(work: Path, out: Path, calibration: Answered) -> dict[str, float]:
    """How often the float network and its INT8 form choose the same class."""
    found = {}
    for name, parts in calibration.parts.items():
        exact = answers(work / "onnx" / f"{name}.onnx", list(parts.inputs), f"float, {name}")
        same = exact.argmax(axis=1) == calibration.logits[name].argmax(axis=1)
        found[f"{name}_int8_agreement"] = round(float(same.mean()), 5)
    return found


def _certificate(metrics: Mapping[str, float]) -> Certificate:
    def bound(rate: str, parts: str) -> float:
        events = round(metrics[rate] * metrics[parts])
        return round(evaluate.upper_bound(events, round(metrics[parts]), CONFIDENCE), 5)

    return Certificate(
        escape_rate=bound("escape_rate", "defective_parts"),
        false_reject_rate=bound("false_reject_rate", "good_parts"),
        confidence=CONFIDENCE,
        parts=round(metrics["good_parts"] + metrics["defective_parts"]),
        data="simulated test split, stations and parts never seen",
        engine="OpenVINO CPU",
        precision="INT8",
        assumption="parts exchangeable with the simulator's at difficulty 1, defects log-uniform "
        "from the reject limit to three times it, all sensors working",
    )


def _write_golden(path: Path, out: Path) -> None:
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
        logits = answers(out / f"{name}.onnx", list(inputs), f"golden, {name}")
        columns[f"{name}.logits"] = logits.astype(np.float32)
    np.savez_compressed(path, allow_pickle=False, **columns)


def _files() -> list[str]:
    return [*(f"{name}.onnx" for name in DESIGNS), GOLDEN]


def _count(work: Path, split: str) -> str:
    return f"{len(dataset.load_truth(work / 'parts', split))} parts"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _data_sha256(folder: Path) -> str:
    """Of all shards in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.npz")):
        total.update(path.read_bytes())
    return total.hexdigest()
