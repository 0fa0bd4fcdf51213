"""ONNX Runtime on the CPU: the second opinion, and the engine where OpenVINO has no build."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from edge.errors import BundleError
from edge.inference.runner import Input, Precision, RunFailed, check_input, check_outputs, signature

ELEMENTS = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
ERRORS_ONLY = 3  # of the library's own log
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

    def __init__(self, session: ort.InferenceSession, precision: Precision) -> None:
        self.name = f"onnxruntime {ort.__version__} cpu"
        self.precision = precision
        self._session = session
        self._input = session.get_inputs()[0].name
        self._outputs = [one.name for one in session.get_outputs()]

    def run(self, data: NDArray[np.generic]) -> dict[str, NDArray[np.float32]]:
        try:
            values = self._session.run(self._outputs, {self._input: data[None]})
        except REFUSALS as error:
            raise RunFailed(f"onnxruntime: {error}") from error
        return {name: value[0] for name, value in zip(self._outputs, values, strict=True)}


def open_runner(
    file: Path,
    wanted: Input,
    *,
    threads: int,
    precision: Precision = "int8",
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
    check_input(
        file,
        wanted,
        [one.name for one in session.get_inputs()],
        signature(port.shape, ELEMENTS.get(port.type, port.type)),
    )
    check_outputs(file, {one.name: one.shape for one in session.get_outputs()})
    return OnnxRuntimeRunner(session, precision)


def _precision(model: bytes) -> Precision:
    """From the optimised graph: a node's kind stands in the file as field 4, length, name."""
    kinds = (bytes([4 << 3 | 2, len(kind)]) + kind.encode() for kind in INTEGER)
    return "int8" if any(kind in model for kind in kinds) else "fp32"
