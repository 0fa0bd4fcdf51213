"""A trained network as an ONNX file: batch norms folded, named outputs, any batch, compact."""

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.camera import CameraNetwork
from models.compact import compact
from models.detectors import Design

OPSET = 18  # the newest that TensorRT 10.3 and onnxruntime.quantization both take; at most 21
OUTPUTS = ("logits", "activation", "embedding")
BATCH = "batch"  # the name of the first axis of input and outputs
TRACED = 2  # windows in the example: of one the exporter would think that it is always one


def export(network: nn.Module, design: Design, path: Path) -> None:
    """Write the float network; its input is (batch, *shape of the design's input)."""
    folded = fold(network.eval().cpu())
    marks: tuple[str, ...] = ()
    if isinstance(folded, CameraNetwork) and (marks := _marks(design)):
        folded = _Marked(folded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, not ours to cure
        torch.onnx.export(
            folded,
            (example(design, TRACED),),
            str(path),
            input_names=[design.input.name],
            output_names=[*OUTPUTS, *marks],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim(BATCH)},),
            external_data=False,
            verbose=False,
        )
    model = stripped(onnx.load(path))
    del model.graph.output[len(OUTPUTS) :]  # marks keep their names, and are nobody's answer
    onnx.save(compact(model), path)
    onnx.checker.check_model(str(path), full_check=True)


def _marks(design: Design) -> tuple[str, ...]:
    """Names of the tensors before and behind the part of the network that looks at one picture."""
    wanted = design.input
    names = (wanted.pictures, wanted.seen) if wanted.kind == "clip" else ()
    return tuple(name for name in names if name)


class _Marked(nn.Module):
    """A network over clips whose tensors before and behind the part by pictures get a name."""

    def __init__(self, network: CameraNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        pictures = self.network.pictures(clip)
        seen = self.network.look(pictures)
        return (*self.network.judge(seen, clip.shape[1]), pictures, seen)


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the exporter's notes of where each node came from: paths of the machine it ran on."""
    graph = model.graph
    noted = (model, graph, *graph.node, *graph.initializer, *graph.value_info)
    for one in (*noted, *graph.input, *graph.output):
        one.doc_string = ""
        del one.metadata_props[:]
    return model


def example(design: Design, batch: int = 1) -> Tensor:
    """An input of the right shape and type."""
    if design.input.kind == "clip":
        return torch.randint(0, 256, (batch, *design.input.shape), dtype=torch.uint8)
    return torch.randn(batch, *design.input.shape)


def fold(network: nn.Module) -> nn.Module:
    """Batch norms that follow a convolution in a `Sequential` become part of it, in place."""
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            _fold_sequence(part)
    return network


def _fold_sequence(sequence: nn.Sequential) -> None:
    for index, (before, after) in enumerate(zip(sequence, list(sequence)[1:], strict=False)):
        if isinstance(before, (nn.Conv1d, nn.Conv2d, nn.Conv3d)) and isinstance(
            after, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
        ):
            sequence[index] = fuse_conv_bn_eval(before, after)
            sequence[index + 1] = nn.Identity()
