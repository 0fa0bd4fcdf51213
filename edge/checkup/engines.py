"""Which engines really answer: one true INT8 inference each, with a result known beforehand.

What a library says it can do proves nothing (ONNX Runtime lists providers whose libraries are
missing and then silently falls back), so only numbers that come back count.
"""

import base64
import importlib
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.checkup.finding import Finding, ok, problem, warning

# y = dequantised(quantised(x)) @ dequantised(W), explicit INT8 Q/DQ, per-channel weights, opset 17:
# x scale 0.5; W rows (1 -2 3) (4 5 -6) (-7 8 9) (10 -11 12), column scales 1, 1/2, 1/4.
PROBE = base64.b64decode(
    "CAg6iAIKHAoBeAoBcwoBehIBcSIOUXVhbnRpemVMaW5lYXIKHgoBcQoBcwoBehIBZCIQRGVxdWFudGl6ZUxpbmVhcgot"
    "CgFXCgJ3cwoCd3oSAXciEERlcXVhbnRpemVMaW5lYXIqCwoEYXhpcxgBoAECChEKAWQKAXcSAXkiBk1hdE11bBIFcHJv"
    "YmUqCxABQgFzSgQAAAA/KggQA0IBekoBACoXCAQIAxADQgFXSgwB/gMEBfr5CAkK9QwqFggDEAFCAndzSgwAAIA/AAAA"
    "PwAAgD4qDQgDEANCAnd6SgMAAABaEwoBeBIOCgwIARIICgIIAQoCCARiEwoBeRIOCgwIARIICgIIAQoCCANCBAoAEBE="
)
QUESTION = np.array([[0.4, -1.3, 2.0, 0.26]], np.float32)
ANSWER = np.array([[-14.5, 1.0, 8.625]], np.float32)  # worked out by hand from the rows above
GPU_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvhost-gpu", "/dev/nvgpu/igpu0/ctrl")
CUDA_LIBRARIES = ("/usr/local/cuda/version.json", "/usr/local/cuda/version.txt")
Infer = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class CannotRun(RuntimeError):  # noqa: N818 - named by what happened
    """The engine is there but did not take the work on."""


def check_engines() -> list[Finding]:
    """Every engine this box could use."""
    has_gpu = any(Path(sign).exists() for sign in GPU_SIGNS)
    return [
        check_engine("openvino", _openvino, needed=True),
        *_onnxruntime(has_gpu),
        *_nvidia(has_gpu),
    ]


def check_engine(name: str, load: Callable[[], Infer], *, needed: bool) -> Finding:
    """Load the probe, ask the question, compare the answer."""
    cure = f"pip install --force-reinstall {name}, and see that this processor is one it supports"
    fails = problem if needed else warning
    try:
        infer = load()
        infer(QUESTION)
        before = time.perf_counter()
        answer = infer(QUESTION)
        took_us = (time.perf_counter() - before) * 1e6
    except ImportError as error:
        return fails(name, f"cannot be imported: {error}", cure)
    except (CannotRun, RuntimeError) as error:
        return fails(name, f"does not run the probe: {_first_line(error)}", cure)
    if not np.allclose(answer, ANSWER, atol=1e-3):
        return problem(name, f"answers {answer.tolist()}, right is {ANSWER.tolist()}", cure)
    return ok(name, f"{_version(name)}, an INT8 probe came back right in {took_us:.0f} us")


def _openvino() -> Infer:
    openvino = importlib.import_module("openvino")
    core = openvino.Core()
    core.set_property({"INFERENCE_NUM_THREADS": 1})
    model = core.compile_model(core.read_model(PROBE), "CPU")
    return lambda x: np.asarray(model(x)[0])


def _onnxruntime(has_gpu: bool) -> list[Finding]:
    if not _version("onnxruntime") and not _version("onnxruntime-gpu"):
        return []
    found = [check_engine("onnxruntime", lambda: _session("CPUExecutionProvider"), needed=False)]
    if has_gpu:
        found.append(
            check_engine("onnxruntime-gpu", lambda: _session("CUDAExecutionProvider"), needed=False)
        )
    return found


def _session(provider: str) -> Infer:
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = runtime.InferenceSession(PROBE, options, providers=[provider])
    if session.get_providers()[0] != provider:
        raise CannotRun(f"{provider} fell back to {session.get_providers()[0]}")
    return lambda x: np.asarray(session.run(None, {"x": x})[0])


def _nvidia(has_gpu: bool) -> list[Finding]:
    """What is there of CUDA and TensorRT; nothing to say on a box without either."""
    tensorrt = next((v for n in _TENSORRT if (v := _version(n))), "")
    if not has_gpu and not tensorrt:
        return []
    if not has_gpu:
        return [ok("tensorrt", f"{tensorrt}, and no NVIDIA GPU on this box: not used")]
    driver = _driver()
    if not tensorrt:
        return [
            warning(
                "tensorrt",
                f"NVIDIA GPU ({driver}), but no TensorRT for this Python: networks run on the CPU",
                "on a Jetson use the TensorRT of JetPack 7.2; elsewhere "
                "pip install 'edge-verdict[gpu]'",
            )
        ]
    return [ok("tensorrt", f"{tensorrt}, {driver}")]


_TENSORRT = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12")


def _driver() -> str:
    for name in (*GPU_SIGNS[:1], *CUDA_LIBRARIES):
        if Path(name).is_file():
            return " ".join(Path(name).read_text().split()[:8])
    return "driver version unknown"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
