"""Parts that the appliance recorded and somebody labelled, as examples of one detector.

A set is what `edge accept` reads, too: recordings of the daemon and a truth.csv beside them. Its
hypotheses become classes by the design; the physical part (`group`) is what splits keep apart.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.accept import labelled
from edge.accept.labelled import LabelledSet, Recording
from edge.accept.labels import Label
from edge.bundle import Bundle, load
from edge.config import SHIPPED
from edge.errors import ConfigError
from edge.rejudge import Judge
from models.datasets import splits
from models.datasets.examples import Cut, Examples, gathered
from models.datasets.manifest import Row
from models.datasets.source import Source
from models.detectors import Design


def read(folder: Path, source: Source, design: Design) -> dict[str, Examples]:
    """Every split of a labelled set, windows cut as the daemon cut them.

    Raises:
        ConfigError: no such set, a label without a class, a group in two splits, a part without a
            whole window of this sense. Names it and the cure.
    """
    hypotheses = sorted({h for meant in design.classes.values() for h in meant})
    found = labelled.read(folder, hypotheses, good(design))
    names = list(design.classes)
    rows = {
        one.key: Row(
            where=f"{folder}: part {one.recording}/{one.index}",
            file=folder,
            label=names[design.label(one.hypothesis)],
            group=one.group,
            split="",
            rate_hz=None,
            unit="",
            part="",
            order=0.0,
            start_s=0.0,
            end_s=None,
            severity=one.severity,
        )
        for one in found.labels
    }
    drawn = dict(zip(rows, splits.drawn(list(rows.values()), source), strict=True))
    splits.check_classes([(r.label, r.split) for r in drawn.values()], names, str(folder))
    cuts = [
        Cut(data, drawn[one.key].label, one.group, drawn[one.key].split,
            f"{one.recording}/{one.index:06d}", one.severity)
        for one, data in _windows(found, source, design)
    ]  # fmt: skip
    return gathered(cuts, names)


def good(design: Design) -> str:
    """The hypothesis of a good part: the one that the first class of the design stands for."""
    return next(iter(design.classes.values()))[0]


def _windows(
    found: LabelledSet, source: Source, design: Design
) -> Iterator[tuple[Label, NDArray[np.generic]]]:
    passport = _passport(design)
    judges: dict[str, Judge] = {}
    for recording, label, part in found.parts():
        if recording.name not in judges:
            judges[recording.name] = Judge(_sensors(recording, source, design), passport, "", {})
        whole = judges[recording.name].windows(part)
        if whole:
            yield label, next(iter(whole.values())).data
        elif source.on_incomplete == "refuse":
            raise ConfigError(
                f"{recording.folder}: part {part.index} has no whole window for {design.name}; "
                "remove its folder and its row, or leave such parts out by [data] on_incomplete = "
                '"skip"'
            )


def _sensors(recording: Recording, source: Source, design: Design) -> dict[str, dict[str, Any]]:
    """The one sensor of a recording that this detector learns from."""
    fitting = {
        name: row
        for name, row in recording.sensors.items()
        if (source.sensor == name)
        or (source.sensor is None and design.name in (row.get("sense"), row.get("input")))
    }
    if len(fitting) != 1:
        raise ConfigError(
            f"{recording.folder}: {len(fitting)} sensors for {design.name} among "
            f"{', '.join(recording.sensors)}; name one by [data] sensor"
        )
    return {name: {**row, **_as_design(row, design)} for name, row in fitting.items()}


def _as_design(described: dict[str, Any], design: Design) -> dict[str, Any]:
    """A daemon's sensor feeds the input of the bundle it ran; here it feeds this design."""
    return {"input": design.name} if "input" in described else {"sense": design.sense}


def _passport(design: Design) -> Bundle:
    """The shipped bundle with this design's input, of which a judge reads nothing else."""
    shipped = load(SHIPPED / "motor")
    detector = shipped.manifest.detectors[design.sense].model_copy(update={"input": design.input})
    manifest = shipped.manifest.model_copy(update={"detectors": {design.name: detector}})
    return replace(shipped, manifest=manifest)
