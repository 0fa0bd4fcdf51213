"""A float ONNX file into an INT8 one with explicit Q/DQ nodes.

Symmetric int8 with zero point 0, one scale a channel for weights and one a tensor for activations,
on the inputs of convolutions alone: the one form that TensorRT 10 and 11, OpenVINO and ONNX
Runtime all take. Spectra, normalisation, LSTM and heads stay in float.

Weights use seven of the eight bits. A processor without instructions for INT8 dot products (AVX2
alone) adds products in pairs, in 16 bits: 2 x 255 x 64 just fits, 2 x 255 x 127 saturates, and the
same network would answer differently from box to box.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from models.compact import compact
from models.detectors import Design

PERCENTILE = 99.999  # of activations; what lies beyond is clipped
# How far activations reach: to a percentile, or to where their distribution loses least (entropy).
Ranging = Literal["percentile", "entropy"]
METHODS: dict[Ranging, CalibrationMethod] = {
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}


class _Inputs(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no stubs
    """Feeds calibration inputs one at a time."""

    def __init__(self, design: Design, inputs: Sequence[NDArray[np.generic]]) -> None:
        kind = np.uint8 if design.input.kind == "clip" else np.float32
        self._feeds: Iterator[dict[str, NDArray[np.generic]]] = (
            {design.input.name: one[None].astype(kind)} for one in inputs
        )

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        return next(self._feeds, None)


def quantize(
    float_file: Path,
    int8_file: Path,
    design: Design,
    inputs: Sequence[NDArray[np.generic]],
    ranging: Ranging = "percentile",
) -> None:
    """Write the INT8 network; `inputs` are those of a few hundred typical parts.

    Filters of float parts are kept in half precision, and calculate in float32.
    """
    quantize_static(
        str(float_file),
        str(int8_file),
        _Inputs(design, inputs),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=float_nodes(onnx.load(float_file), design.float_parts),
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        reduce_range=True,
        calibrate_method=METHODS[ranging],
        extra_options={
            "ActivationSymmetric": True,
            "WeightSymmetric": True,
            "QuantizeBias": False,
            "OpTypesToExcludeOutputQuantization": ["Conv"],
            "CalibPercentile": PERCENTILE,
            "CalibTensorRangeSymmetric": True,
        },
    )
    onnx.save(compact(onnx.load(int8_file), design.float_parts), int8_file)


def float_nodes(model: onnx.ModelProto, prefixes: Sequence[str]) -> list[str]:
    """Names of the convolutions whose weights belong to a float part."""
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and node.input[1].startswith(tuple(prefixes))
    ]
