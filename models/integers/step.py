"""From a run's weights to an INT8 file that loses no more than it may."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import onnx
from torch import nn

from models.datasets.examples import Examples
from models.export import export
from models.integers import aware, form
from models.integers.layers import Sensitivity, asking, kept_in_float, sensitivities, typical
from models.integers.loss import Loss, compared
from models.quantize import METHODS, Ranging, quantize
from models.training.configuration import Configuration

FLOAT, HALF, INTEGER = "float.onnx", "half.onnx", "int8.onnx"
When = Literal["auto", "never", "always"]


@dataclass(frozen=True)
class Wanted:
    """What the integers may cost."""

    limit: float = 0.5  # percentage points of balanced accuracy on the validation examples
    calibrating: int = 100  # examples that set the scales
    most_in_float: float = 0.34  # share of the layers that may go back to float
    aware: When = "auto"  # auto: when the limit is not kept otherwise
    epochs: int = 5  # of training with every rounding felt
    rate: float = 1e-4


@dataclass(frozen=True, slots=True)
class Made:
    """The INT8 network and how it came about; all losses on the validation examples."""

    model: onnx.ModelProto
    exact: onnx.ModelProto
    ranging: Ranging
    by_ranging: Mapping[str, Loss]
    sensitivities: tuple[Sensitivity, ...]
    in_float: tuple[str, ...]  # layers (by their weights) that stayed in float
    loss: Loss
    taught_loss: Loss | None  # with quantisation-aware training, where that was done
    is_taught: bool  # and where its network was taken

    @property
    def data(self) -> dict[str, Any]:
        return {
            "ranging": self.ranging,
            "validation_loss_by_ranging": {k: asdict(v) for k, v in self.by_ranging.items()},
            "validation_loss": asdict(self.loss),
            "sensitivity": [
                {"layer": one.layer.weight, "weights": one.layer.weights, **asdict(one.loss)}
                for one in self.sensitivities
            ],
            "in_float": list(self.in_float),
            "aware": asdict(self.taught_loss) if self.taught_loss else None,
            "aware_is_taken": self.is_taught,
        }


def make(
    network: nn.Module,
    configuration: Configuration,
    examples: Mapping[str, Examples],  # train, validation
    folder: Path,
    wanted: Wanted,
) -> Made:
    """Write `float.onnx` and `int8.onnx` into `folder`.

    Scales are set by training examples; everything is chosen on the validation examples.
    """
    design = configuration.design
    export(network, design, folder / FLOAT)
    exact = onnx.load(folder / FLOAT)
    chosen = typical(examples["train"], wanted.calibrating)
    ask = asking(examples["validation"], folder, "validation")
    said = ask(exact)

    models: dict[Ranging, onnx.ModelProto] = {}
    losses: dict[str, Loss] = {}
    for ranging in METHODS:
        models[ranging] = _quantized(folder, configuration, chosen, ranging)
        losses[ranging] = compared(said, ask(models[ranging]), examples["validation"])
    ranging = min(models, key=lambda one: losses[one].divergence)
    model, loss = models[ranging], losses[ranging]

    order = sensitivities(model, exact, said, examples["validation"], ask)
    names: list[str] = []
    if loss.points > wanted.limit:
        names, loss = kept_in_float(
            model, exact, said, examples["validation"], ask, order, wanted.limit,
            int(wanted.most_in_float * len(order)),
        )  # fmt: skip
    taught_loss, is_taught = None, False
    if wanted.aware == "always" or (wanted.aware == "auto" and loss.points > wanted.limit):
        taught = _aware(network, model, exact, configuration, examples, folder, wanted, chosen)
        taught_loss = compared(said, ask(taught[0]), examples["validation"])
        is_taught = taught_loss.points < loss.points or (
            taught_loss.points == loss.points and taught_loss.divergence < loss.divergence
        )
        if is_taught:
            (model, exact), names, loss = taught, [], taught_loss
    final = form.floated(model, exact, names) if names else model
    onnx.save(exact, folder / FLOAT)
    onnx.save(final, folder / INTEGER)
    onnx.checker.check_model(str(folder / INTEGER), full_check=True)
    weights = {one.layer.name: one.layer.weight for one in order}
    kept = tuple(weights[name] for name in names)
    return Made(final, exact, ranging, losses, tuple(order), kept, loss, taught_loss, is_taught)


def _quantized(
    folder: Path, configuration: Configuration, inputs: list[Any], ranging: Ranging
) -> onnx.ModelProto:
    path = folder / f"{ranging}.onnx"
    quantize(folder / FLOAT, path, configuration.design, inputs, ranging)
    model = onnx.load(path)
    path.unlink()
    return model


def _aware(
    network: nn.Module,
    model: onnx.ModelProto,
    exact: onnx.ModelProto,
    configuration: Configuration,
    examples: Mapping[str, Examples],
    folder: Path,
    wanted: Wanted,
    inputs: list[Any],
) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """(INT8, float) of the network after quantisation-aware training, at the scales it felt."""
    design = configuration.design
    felt = form.scales(model, form.layers(model, exact))
    lesson = configuration.taught(
        epochs=wanted.epochs, rate=wanted.rate, patience=None, balance="none"
    ).teaching
    student = aware.teach(
        network, felt, examples, design, configuration.augment, lesson, folder / "aware.pt"
    )
    (folder / "aware.pt").unlink()
    export(student, design, folder / FLOAT)
    learnt = onnx.load(folder / FLOAT)
    integer = _quantized(folder, configuration, inputs, "percentile")
    return form.rescaled(integer, form.layers(integer, learnt), felt), learnt
