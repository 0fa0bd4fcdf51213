"""A trained network as an ONNX file: batch norms folded, three named outputs, a batch of one."""

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.detectors import Design

OPSET = 18  # the newest that TensorRT 10.3 and onnxruntime.quantization both take; at most 21
OUTPUTS = ("logits", "activation", "embedding")


def export(network: nn.Module, design: Design, path: Path) -> None:
    """Write the float network; its input is (1, *shape of the design's input)."""
    folded = fold(network.eval().cpu())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, not ours to cure
        torch.onnx.export(
            folded,
            (example(design),),
            str(path),
            input_names=[design.input.name],
            output_names=list(OUTPUTS),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    onnx.save(stripped(onnx.load(path)), path)
    onnx.checker.check_model(str(path), full_check=True)


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the exporter's notes of where each node came from: paths of the machine it ran on."""
    graph = model.graph
    noted = (model, graph, *graph.node, *graph.initializer, *graph.value_info)
    for one in (*noted, *graph.input, *graph.output):
        one.doc_string = ""
        del one.metadata_props[:]
    return model


def example(design: Design) -> Tensor:
    """An input of the right shape and type."""
    if design.input.kind == "clip":
        return torch.randint(0, 256, (1, *design.input.shape), dtype=torch.uint8)
    return torch.randn(1, *design.input.shape)


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
