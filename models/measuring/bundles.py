"""A bundle asked about parts: the simulator's, or a labelled set of a plant's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from edge.bundle import Bundle, Detector
from edge.fusion.evidence import statement
from edge.fusion.frame import Frame
from edge.judge import hear, weigh
from models.calibration import recorded
from models.calibration.parts import Answered, Simulated, Source, asked
from models.dataset import SPLITS
from models.measuring.seen import Decided, Seen

ENGINE = "openvino"


@dataclass(frozen=True, slots=True)
class Measured:
    """All that a bundle said of some parts."""

    alone: tuple[Seen, ...]  # of parts that its sensor answered to
    fused: Decided
    described: str


def on_set(bundle: Bundle, folder: Path) -> Measured:
    """Of a labelled set, each physical part once. Raises ConfigError: no such set."""
    source = recorded.read(folder, bundle)
    return _measured(bundle, source, len(source), [f"part {i}" for i in range(len(source))])


def on_simulator(bundle: Bundle, parts: int) -> Measured:
    """Of the simulator's test parts, which neither taught nor calibrated; groups are stations."""
    split = next(one for one in SPLITS if one.name == "test")
    stations = [f"station {split.place(i)[0]}" for i in range(parts)]
    return _measured(bundle, Simulated(split), parts, stations)


def _measured(bundle: Bundle, source: Source, parts: int, groups: Sequence[str]) -> Measured:
    networks = asked(bundle, ENGINE)
    rows = list(track(source.answered(0, parts, networks), "judging", total=parts))
    judged = [weigh([hear(one, bundle) for one in row.answers], bundle) for row in rows]
    frame = Frame(bundle.manifest.hypotheses)
    ok = frame.mask((bundle.manifest.good,))
    fused = Decided(
        tuple(row.truth.hypothesis for row in rows),
        np.array([row.truth.severity for row in rows], np.float32),
        np.array([one.decided.decision for one in judged]),
        tuple(one.decided.defect for one in judged),
        np.array([one.combination.mass.belief(ok) for one in judged]),
        tuple(groups),
        bundle.manifest.good,
    )
    alone = tuple(_alone(name, bundle, rows, groups) for name in bundle.manifest.detectors)
    return Measured(alone, fused, source.describe(parts))


def _alone(name: str, bundle: Bundle, rows: Sequence[Answered], groups: Sequence[str]) -> Seen:
    detector, frame = bundle.manifest.detectors[name], Frame(bundle.manifest.hypotheses)
    order = _good_first(detector, bundle.manifest.good)
    names = [detector.classes[one].name for one in order]
    shares, labels, severity, own = [], [], [], []
    for row, group in zip(rows, groups, strict=True):
        for answer in _answers(row, name):
            said = statement(answer, detector, frame, 1.0).probabilities
            shares.append([said[one] for one in names])
            labels.append(names.index(_label(detector, row.truth.hypothesis)))
            severity.append(row.truth.severity)
            own.append(group)
    return Seen(
        name, tuple(names), np.array(labels, np.int64), np.array(shares).reshape(-1, len(names)),
        tuple(own), np.array(severity, np.float32), "parts never taught",
    )  # fmt: skip


def _answers(row: Answered, name: str) -> Iterator[np.ndarray]:
    for answer in row.answers:
        if answer.sensor.input == name and answer.score is not None:
            yield answer.score.logits


def _good_first(detector: Detector, good: str) -> list[int]:
    order = range(len(detector.classes))
    return sorted(order, key=lambda one: good not in detector.classes[one].hypotheses)


def _label(detector: Detector, hypothesis: str) -> str:
    """A class of its own goes before the good one, which only allows it."""
    return [one.name for one in detector.classes if hypothesis in one.hypotheses][-1]
