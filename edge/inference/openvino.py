"""OpenVINO on the CPU: the box's engine where there is no GPU."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from edge.errors import BundleError
from edge.inference.runner import Input, Precision, RunFailed, check_input, check_outputs, signature

ELEMENTS = {"u8": "uint8", "f32": "float32"}
HEAVY = {"Convolution", "Deconvolution", "FullyConnected", "MatMul", "RNNCell", "RNNSeq"}
INTEGERS = {"i8", "u8"}


class OpenVinoRunner:
    """One compiled network with one request and one input buffer, used over and over."""

    def __init__(self, compiled: ov.CompiledModel, precision: Precision) -> None:
        self.name = f"openvino {ov.__version__.split('-')[0]} cpu"
        self.precision = precision
        self._request = compiled.create_infer_request()
        self._input = self._request.get_input_tensor().data  # (1, *window)
        # one tensor may go by several names, where the compiler folded what lay between
        self._outputs = [frozenset(port.names) for port in compiled.outputs]

    def run(self, data: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        np.copyto(self._input[0], data)
        try:
            self._request.infer(share_outputs=True)
        except RuntimeError as error:
            raise RunFailed(f"openvino: {error}") from error
        values: dict[str, NDArray[np.float32]] = {}
        for i, names in enumerate(self._outputs):
            # a copy: the next run writes into the same memory
            values |= dict.fromkeys(names, self._request.get_output_tensor(i).data[0].copy())
        return values


def open_runner(
    file: Path,
    wanted: Input,
    *,
    threads: int,
    precision: Precision = "int8",
    cache: Path | None = None,
) -> OpenVinoRunner:
    """Compile a network for the lowest latency of one request.

    Float parts stay in float32: on a processor with bfloat16 OpenVINO would halve their precision
    unasked, so that the same spectrum gave another verdict on another box. Threads are not pinned:
    a pinned one waits for its core while another is idle.

    Raises:
        BundleError: the file is no network that OpenVINO compiles, or has another input.
    """
    options: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
        "LP_TRANSFORMS_MODE": precision == "int8",  # else Q/DQ stay rounding steps between floats
    }
    if cache is not None:
        options["CACHE_DIR"] = str(cache)
    try:
        compiled = ov.Core().compile_model(file, "CPU", options)
    except RuntimeError as error:
        raise BundleError(f"{file}: openvino cannot compile it: {error}") from error
    port = compiled.inputs[0]
    element = port.element_type.get_type_name()
    found = signature(_sizes(port.partial_shape), ELEMENTS.get(element, element))
    names = [wanted.name if wanted.name in p.names else p.any_name for p in compiled.inputs]
    check_input(file, wanted, names, found)
    check_outputs(file, {p.any_name: _sizes(p.partial_shape) for p in compiled.outputs})
    integer = any(kind in HEAVY and used in INTEGERS for kind, used in layers(compiled))
    return OpenVinoRunner(compiled, "int8" if integer else "fp32")


def layers(compiled: ov.CompiledModel) -> Iterator[tuple[str, str]]:
    """Kind and precision of every layer as it is executed."""
    for layer in compiled.get_runtime_model().get_ops():
        info = layer.get_rt_info()
        yield info["layerType"].astype(str), info["runtimePrecision"].astype(str)


def _sizes(shape: ov.PartialShape) -> list[int | str]:
    return [size.get_length() if size.is_static else "?" for size in shape]
