"""ONNX Runtime on an NVIDIA GPU: what the float network of a bundle runs on where no TensorRT is.

It has no integer convolutions on a GPU and takes a Q/DQ graph operator by operator, so that float
is faster there: the network's own float16 form (or float32), see `edge.inference.unquantised`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort

from edge.errors import BundleError, ConfigError, EngineMissing
from edge.inference.cuda.layer import Stream, device
from edge.inference.cuda.run import GpuRunner, Ports
from edge.inference.ort import ELEMENTS, ERRORS_ONLY, FATAL_ONLY, REFUSALS
from edge.inference.runner import (
    Input,
    Precision,
    RunFailed,
    check_input,
    check_outputs,
    element_type,
    has_free_batch,
)

PROVIDER = "CUDAExecutionProvider"
CURE = "pip install 'edge-verdict[gpu]' in place of onnxruntime, or choose another engine"
UNWANTED = [
    "MatmulTransposeFusion",  # crashes on a Cast between Transpose and MatMul (1.32)
    "GatherSliceToSplitFusion",  # an uneven Split copies four tables to the GPU, Slices none
]
SETTINGS = {
    "use_tf32": "0",  # float32 is float32
    # Measured on an H100: by trial the better kernels in float32, by rule in float16
    "cudnn_conv_algo_search": "EXHAUSTIVE",
}
SETTINGS_HALF = SETTINGS | {"cudnn_conv_algo_search": "HEURISTIC"}
NEVER_BY_ITSELF = "-1"  # "gpu_graph_id" of runs that ONNX Runtime is not to capture


class OrtNetwork:
    """A session on a stream of ours. It goes before its stream, as the order of fields says."""

    def __init__(self, session: ort.InferenceSession, stream: Stream, ports: Ports) -> None:
        self.session = session
        self.stream = stream
        self.ports = ports
        settings = session.get_provider_options()[PROVIDER]
        self.is_whole = settings.get("enable_cuda_graph") == "1"  # no part runs on the processor
        self._input = session.get_inputs()[0].name
        self._options = ort.RunOptions()
        # Kernels are enqueued and nothing waits for them: whoever captures must not
        self._options.add_run_config_entry("disable_synchronize_execution_providers", "1")
        self._options.add_run_config_entry("gpu_graph_id", NEVER_BY_ITSELF)

    def bind(self, size: int, given: int, answers: Mapping[str, int]) -> Callable[[], None]:
        binding = self.session.io_binding()
        ports = self.ports
        shape = (size, *ports.shape)
        binding.bind_input(self._input, "cuda", 0, ports.element, shape, given)
        for name, address in answers.items():
            whole = (size, *ports.outputs[name])
            binding.bind_output(name, "cuda", 0, np.float32, whole, address)

        def enqueue() -> None:
            try:
                self.session.run_with_iobinding(binding, self._options)
            except (*REFUSALS, RuntimeError) as error:  # the latter for CUDA's own (1.31)
                raise RunFailed(f"onnxruntime: {error}") from error

        return enqueue


def open_runner(
    file: Path,
    wanted: Input,
    *,
    threads: int,
    precision: Precision = "int8",
    most: int = 1,
    cache: Path | None = None,
) -> GpuRunner:
    """Load a network onto the GPU in float: "int8" asks for the fastest, which is float16 here.

    Raises:
        ConfigError: no GPU, or this ONNX Runtime was not built for one.
        BundleError: the file is no network that it loads, or has another input.
    """
    if PROVIDER not in ort.get_available_providers():
        raise ConfigError(f"engine.name: this onnxruntime {ort.__version__} has no CUDA; {CURE}")
    try:
        gpu = device()
        from edge.inference.unquantised import unquantised  # noqa: PLC0415 - needs onnx
    except EngineMissing as error:
        raise ConfigError(f"engine.name: onnxruntime-cuda: {error}") from error
    except ModuleNotFoundError as error:
        raise ConfigError(f"engine.name: onnxruntime-cuda needs {error.name}; {CURE}") from error
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # CUDA and cuDNN out of Python packages, where they came with some
    is_half = precision != "fp32"
    data = unquantised(file, is_half=is_half, cache=cache)
    stream = gpu.stream()
    session = _session(file, data, stream, threads, SETTINGS_HALF if is_half else SETTINGS)
    # from the first run on; why a library cannot be loaded has been told by then: a plan that cuDNN
    # has not is told as an error each time, and another is taken
    ort.set_default_logger_severity(FATAL_ONLY)
    ports, is_free = _ports(file, session, wanted)
    network = OrtNetwork(session, stream, ports)
    try:
        return GpuRunner(
            gpu,
            stream,
            network,
            name=f"onnxruntime {ort.__version__} cuda {gpu.name}",
            precision="fp16" if is_half else "fp32",
            most=most if is_free else 1,
        )
    except RunFailed as error:
        raise BundleError(f"{file}: does not run on {gpu.name}: {error}") from error


def _session(
    file: Path, data: bytes, stream: Stream, threads: int, chosen: Mapping[str, str]
) -> ort.InferenceSession:
    """On CUDA alone where it goes, so that it can be captured; else with help of the processor."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    why = ""
    for is_captured in ("1", "0"):
        settings = {
            **chosen,
            "user_compute_stream": str(stream.handle),
            "enable_cuda_graph": is_captured,  # then nothing in a run waits or frees behind it
        }
        try:
            session = ort.InferenceSession(
                data, options, providers=[(PROVIDER, settings)], disabled_optimizers=UNWANTED
            )
        except REFUSALS as error:
            why = str(error)
            continue
        if session.get_providers()[0] != PROVIDER:
            raise ConfigError(
                "engine.name: onnxruntime lists CUDA and cannot load it: install the CUDA and "
                f"cuDNN that onnxruntime-gpu {ort.__version__} names, or choose another engine"
            )
        return session
    raise BundleError(f"{file}: onnxruntime cannot load it on the GPU: {why}")


def _ports(file: Path, session: ort.InferenceSession, wanted: Input) -> tuple[Ports, bool]:
    port = session.get_inputs()[0]
    names = [one.name for one in session.get_inputs()]
    check_input(file, wanted, names, port.shape, ELEMENTS.get(port.type, port.type))
    is_free = has_free_batch(port.shape)
    found = {one.name: one.shape for one in session.get_outputs()}
    check_outputs(file, found, is_free=is_free)
    outputs = {name: tuple(int(size) for size in shape[1:]) for name, shape in found.items()}
    return Ports(wanted.shape, element_type(wanted), outputs), is_free
