"""Which layers lose most in integers, measured; and which must stay in float for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from models.answers import answers
from models.datasets.examples import Examples
from models.integers import form
from models.integers.form import Layer
from models.integers.loss import Loss, Real, compared

Ask = Callable[[onnx.ModelProto], Real]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """One layer alone in integers, everything else in float."""

    layer: Layer
    loss: Loss


def asking(examples: Examples, folder: Path, label: str) -> Ask:
    """A function that answers all the examples with a network, by the appliance's CPU engine."""

    def ask(model: onnx.ModelProto) -> Real:
        path = folder / "asked.onnx"
        onnx.save(model, path)
        try:
            return answers(path, examples.inputs, label)
        finally:
            path.unlink()

    return ask


def sensitivities(
    integer: onnx.ModelProto,
    exact: onnx.ModelProto,
    said: Real,  # by the float network
    examples: Examples,
    ask: Ask,
) -> list[Sensitivity]:
    """Of every layer, the most sensitive first."""
    every = form.layers(integer, exact)
    found = []
    for layer in every:
        alone = form.floated(integer, exact, [one.name for one in every if one != layer])
        found.append(Sensitivity(layer, compared(said, ask(alone), examples)))
    return sorted(found, key=lambda one: -one.loss.divergence)


def kept_in_float(
    integer: onnx.ModelProto,
    exact: onnx.ModelProto,
    said: Real,
    examples: Examples,
    ask: Ask,
    order: Sequence[Sensitivity],
    limit: float,
    most: int,
) -> tuple[list[str], Loss]:
    """As few layers as bring the loss to `limit` points, the most sensitive first; at most `most`.

    The names of their nodes, and the loss that is left.
    """
    names: list[str] = []
    left = compared(said, ask(integer), examples)
    for one in order[:most]:
        if left.points <= limit:
            break
        names.append(one.layer.name)
        left = compared(said, ask(form.floated(integer, exact, names)), examples)
    return names, left


def typical(examples: Examples, count: int) -> list[np.ndarray]:
    """Inputs that set the scales: as many of every class, spread over its groups."""
    rows: list[int] = []
    classes = sorted(set(examples.labels.tolist()))
    for label in classes:
        own = np.flatnonzero(examples.labels == label)
        wanted = min(len(own), -(-count // len(classes)))
        rows += own[np.linspace(0, len(own) - 1, wanted).round().astype(int)].tolist()
    return [examples.inputs[row] for row in sorted(set(rows))]
