"""What the engines need of CUDA, and nothing else: one silhouette, two siblings.

`bindings` speaks through cuda-python, for which there are wheels (x86-64 and arm64), `pycuda`
through PyCUDA, which is built on the box with nvcc. Both work in the GPU's primary context, the one
that ONNX Runtime and TensorRT use too, and make it the calling thread's own for every call.
What is handed out is freed with the last reference to it, on any thread.
"""

import importlib
from collections.abc import Callable
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.errors import EngineMissing
from edge.inference.runner import RunFailed

SIBLINGS = {
    "cuda": "edge.inference.cuda.bindings",
    "pycuda": "edge.inference.cuda.pycuda",
}  # package -> module; the first that is installed serves
CURE = "pip install 'edge-verdict[gpu]', or on a box with nvcc pip install 'edge-verdict[cuda]'"


class CudaFailed(RunFailed):
    """The driver refused a call, or what ran before it on the GPU broke off."""


class Buffer(Protocol):
    """Memory of the GPU."""

    @property
    def address(self) -> int: ...

    @property
    def size(self) -> int:
        """Bytes."""


class Event(Protocol):
    """A place in a stream that can be waited for."""

    def wait(self) -> None:
        """Block until everything before it is done; the interpreter is released meanwhile.

        Raises:
            CudaFailed: something before it broke off.
        """


class Graph(Protocol):
    """Work that was captured once, to be started by one call."""

    def launch(self) -> None:
        """Enqueue it on the stream that it was captured on.

        Raises:
            CudaFailed: the driver refused.
        """


class Stream(Protocol):
    """What is done on the GPU one after the other. Every call raises CudaFailed."""

    @property
    def handle(self) -> int:
        """A CUstream, as other libraries take it."""

    def upload(self, target: int, source: NDArray[np.generic]) -> None:
        """Enqueue a copy of page-locked memory to an address of the GPU."""

    def download(self, target: NDArray[np.generic], source: int) -> None:
        """Enqueue a copy from an address of the GPU to page-locked memory."""

    def mark(self, event: Event) -> None:
        """Let `event` be here, behind everything that is enqueued."""

    def wait(self) -> None:
        """Block until everything that is enqueued is done."""

    def capture(self, work: Callable[[], None]) -> Graph:
        """Record what `work` enqueues on this stream instead of doing it.

        What `work` raises is raised again, and the stream is usable afterwards. Capture again
        where addresses, shapes or the engine have changed.
        """


class Device(Protocol):
    """One GPU. Every call raises CudaFailed."""

    @property
    def name(self) -> str:
        """As the driver calls it: "NVIDIA H100 80GB HBM3"."""

    @property
    def capability(self) -> str:
        """Generation: "SM90"."""

    @property
    def driver(self) -> str:
        """Version of CUDA that the driver speaks, and through what: "13.0 (cuda-python 13.0.3)"."""

    def stream(self) -> Stream: ...

    def event(self) -> Event: ...

    def buffer(self, size: int) -> Buffer: ...

    def pinned(self, size: int) -> NDArray[np.uint8]:
        """Page-locked memory of the host, which the GPU reads and writes by itself."""

    def free_bytes(self) -> int:
        """Of the GPU's memory, whoever uses the rest."""


@cache
def device(package: str = "") -> Device:
    """The first GPU, through `package` ("cuda" or "pycuda"), or through what is installed.

    Raises:
        EngineMissing: neither library is installed, or there is no GPU that it can use.
    """
    tried: list[str] = []
    for name, module in SIBLINGS.items():
        if package not in ("", name):
            continue
        try:
            found: Device = importlib.import_module(module).open_device()
        except ImportError as error:
            tried.append(f"{name}: {error}")
        except CudaFailed as error:
            raise EngineMissing(f"no GPU that CUDA can use here: {error}") from error
        else:
            return found
    raise EngineMissing(f"no library for CUDA is installed ({'; '.join(tried)}); {CURE}")
