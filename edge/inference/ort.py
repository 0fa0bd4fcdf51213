"""ONNX Runtime on the CPU: the second opinion, and the engine where OpenVINO has no build."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from edge.errors import BundleError
from edge.inference.runner import (
    BATCH,
    Done,
    Input,
    Outputs,
    Precision,
    RunFailed,
    check_input,
    check_outputs,
    has_free_batch,
)

ELEMENTS = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
ERRORS_ONLY, FATAL_ONLY = 3, 4  # of the library's own log
# Operators that ONNX Runtime puts in place of Q/DQ around a convolution or a product
INTEGER = (
    "QLinearConv",
    "QLinearMatMul",
    "QGemm",
    "ConvInteger",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
    "DynamicQuantizeLSTM",
)
REFUSALS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NoSuchFile,
    errors.NotImplemented,
    errors.RuntimeException,
)


class OnnxRuntimeRunner:
    """One network in one session."""

    def __init__(self, session: ort.InferenceSession, precision: Precision, most: int) -> None:
        self.name = f"onnxruntime {ort.__version__} cpu"
        self.precision = precision
        self.most = most
        self._session = session
        self._input = session.get_inputs()[0].name
        self._outputs = [one.name for one in session.get_outputs()]

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        try:
            values = self._session.run(self._outputs, {self._input: np.stack(windows)})
        except REFUSALS as error:
            raise RunFailed(f"onnxruntime: {error}") from error
        return Done(
            [
                dict(zip(self._outputs, (value[i] for value in values), strict=True))
                for i in range(len(windows))
            ]
        )

    def run(self, data: NDArray[np.generic]) -> Outputs:
        return self.start([data]).wait()[0]


def open_runner(
    file: Path,
    wanted: Input,
    *,
    threads: int,
    precision: Precision = "int8",
    most: int = 1,
    cache: Path | None = None,
) -> OnnxRuntimeRunner:
    """Load and optimise a network. It has nothing that takes long to build: `cache` is not used.

    Raises:
        BundleError: the file is no network that ONNX Runtime loads, or has another input.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    if most == 1:
        options.add_free_dimension_override_by_name(BATCH, 1)
    if precision == "fp32":
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    with tempfile.TemporaryDirectory() as folder:
        optimised = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(optimised)
        try:
            session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except REFUSALS as error:
            raise BundleError(f"{file}: onnxruntime cannot load it: {error}") from error
        precision = _precision(optimised.read_bytes())
    port = session.get_inputs()[0]
    names = [one.name for one in session.get_inputs()]
    check_input(file, wanted, names, port.shape, ELEMENTS.get(port.type, port.type))
    is_free = has_free_batch(port.shape)
    check_outputs(file, {one.name: one.shape for one in session.get_outputs()}, is_free=is_free)
    return OnnxRuntimeRunner(session, precision, most if is_free else 1)


def _precision(model: bytes) -> Precision:
    """From the optimised graph: a node's kind stands in the file as field 4, length, name."""
    kinds = (bytes([4 << 3 | 2, len(kind)]) + kind.encode() for kind in INTEGER)
    return "int8" if any(kind in model for kind in kinds) else "fp32"
