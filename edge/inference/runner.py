"""What every engine looks like from outside, and which engines there are.

Each engine is a module that alone imports its SDK and has one function, `open_runner`.
"""

import contextlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.bundle import ClipInput, SeriesInput
from edge.errors import BundleError, ConfigError

Precision = Literal["int8", "fp16", "fp32"]
Input = SeriesInput | ClipInput
Outputs = dict[str, NDArray[np.float32]]  # of one window, by name, without the batch axis
Size = int | str | None  # of an axis; one that is free has a name at most
BATCH = "batch"  # what a network calls its first axis where it takes several windows at once


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine, and what it is asked to calculate in."""

    engine: str  # a row of ENGINES
    precision: Precision
    most: int = 1  # windows that it may run as one batch

    def __str__(self) -> str:
        batch = f", up to {self.most} at once" if self.most > 1 else ""
        return f"{self.engine} {self.precision}{batch}"


class RunFailed(RuntimeError):  # noqa: N818 - named by what happened; the catcher does without
    """A network gave no usable answer to one input: count the sensor as missing for this part."""


class Pending(Protocol):
    """A run that was started."""

    def wait(self) -> list[Outputs]:
        """One answer a window, in their order. Blocks.

        Raises:
            RunFailed: the engine broke off.
        """


@dataclass(frozen=True, slots=True)
class Done:
    """A run that was over when `start` returned: of a library that only blocks."""

    answers: list[Outputs]

    def wait(self) -> list[Outputs]:
        return self.answers


class Runner(Protocol):
    """One network, compiled and ready; for one thread at a time.

    What it holds, memory of a device too, goes back with the last reference to it: bundles change
    on a running line, and a run may still be under way then.
    """

    @property
    def name(self) -> str:
        """The engine, its version and where it runs: "openvino 2026.4.1 cpu"."""

    @property
    def precision(self) -> Precision:
        """What its convolutions and matrix products run in, read from the compiled graph."""

    @property
    def most(self) -> int:
        """Windows that one run takes at most; 1 where the network's batch is fixed."""

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Pending:
        """Run 1 to `most` windows as one batch; returns once they are enqueued on a device.

        A library that only blocks returns when they are done. The windows may change afterwards.

        Raises:
            RunFailed: the engine refused or broke off.
        """

    def run(self, data: NDArray[np.generic]) -> Outputs:
        """Start one window and wait for its answer. Blocks.

        Raises:
            RunFailed: the engine refused or broke off.
        """


class Opener(Protocol):
    """Compiles a network for one input; `cache` is a folder for what takes long to build.

    `precision` is what its quantised parts are to be calculated in: "fp32" keeps their rounding and
    leaves out integer arithmetic. `most` is how many windows one run is to take, where the
    network's batch is not fixed.
    """

    def __call__(
        self,
        file: Path,
        wanted: Input,
        *,
        threads: int,
        precision: Precision = "int8",
        most: int = 1,
        cache: Path | None = None,
    ) -> Runner: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """A row of the table: where an engine lives and how to get its SDK."""

    name: str
    module: str
    sdk: str
    cure: str
    packages: tuple[str, ...]  # that bring the SDK, any of them
    precisions: tuple[Precision, ...]  # that are worth a trial
    needs_gpu: bool = False

    @property
    def installed(self) -> str:
        """Package and version that its SDK comes from; "" where none is installed."""
        for package in self.packages:
            with contextlib.suppress(metadata.PackageNotFoundError):
                return f"{package} {metadata.version(package)}"
        return ""


ENGINES = (
    Backend(
        "openvino", "edge.inference.openvino", "openvino", "pip install openvino",
        ("openvino",), ("int8", "fp32"),
    ),
    Backend(
        "onnxruntime", "edge.inference.ort", "onnxruntime", "pip install onnxruntime",
        ("onnxruntime", "onnxruntime-gpu"), ("int8", "fp32"),
    ),
    Backend(
        "onnxruntime-cuda", "edge.inference.ort_cuda", "onnxruntime",
        "pip install 'edge-verdict[gpu]'", ("onnxruntime-gpu",), ("fp16", "fp32"), needs_gpu=True,
    ),
    Backend(
        "tensorrt", "edge.inference.trt", "tensorrt", "pip install 'edge-verdict[tensorrt]'",
        ("tensorrt", "tensorrt-cu13", "tensorrt-cu12", "tensorrt-rtx-cu13-bindings"),
        ("int8", "fp16", "fp32"), needs_gpu=True,
    ),
)  # fmt: skip
GPU_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvhost-gpu", "/dev/nvgpu/igpu0/ctrl")


def has_gpu() -> bool:
    """The driver of an NVIDIA GPU is loaded, a Jetson's too."""
    return any(Path(sign).exists() for sign in GPU_SIGNS)


def present() -> list[Backend]:
    """Engines whose library is installed, and which there is a GPU for where they need one."""
    return [row for row in ENGINES if row.installed and (has_gpu() or not row.needs_gpu)]


AUTO = "auto"  # for each network what was chosen for it; of what nothing was chosen for:
DEFAULT = ENGINES[0].name


def opener(name: str) -> Opener:
    """The engine of that name; of "auto" the usual one.

    Raises:
        ConfigError: there is none, or its SDK is not installed.
    """
    name = DEFAULT if name == AUTO else name
    row = next((row for row in ENGINES if row.name == name), None)
    if row is None:
        known = ", ".join(row.name for row in ENGINES)
        raise ConfigError(f"engine.name: no engine {name!r}; there are {known}")
    try:
        found: Opener = importlib.import_module(row.module).open_runner
    except ModuleNotFoundError as error:
        if error.name != row.sdk:
            raise
        raise ConfigError(
            f"engine.name: {name} needs the package {row.sdk}, which is not installed; "
            f"{row.cure}, or choose another engine"
        ) from error
    return found


def element_type(wanted: Input) -> type[np.uint8] | type[np.float32]:
    """What a window for this input is made of."""
    return np.uint8 if wanted.kind == "clip" else np.float32


def check_input(
    file: Path, wanted: Input, names: Sequence[str], shape: Sequence[Size], element: str
) -> None:
    """Hold a graph's input against the passport's; its first axis is 1, or free: it has a name.

    Raises:
        BundleError: another name, number, shape or type of inputs.
    """
    if list(names) != [wanted.name]:
        raise BundleError(f"{file}: has the inputs {list(names)}, the manifest says {wanted.name}")
    found = signature(shape, element)
    one = (1, *shape[1:]) if has_free_batch(shape) else shape
    expected = signature((1, *wanted.shape), element_type(wanted).__name__)
    if signature(one, element) != expected:
        raise BundleError(f"{file}: its input is {found}, the manifest says {expected}")


def check_outputs(
    file: Path, shapes: Mapping[str, Sequence[Size]], *, is_free: bool = False
) -> None:
    """Refuse outputs of a shape that depends on data: OpenVINO does not check it at run time.

    `is_free`: the input's batch is, and with it the first axis of every output.

    Raises:
        BundleError: a size is not fixed.
    """
    for name, shape in shapes.items():
        fixed = shape[1:] if is_free and has_free_batch(shape) else shape
        if not all(isinstance(size, int) for size in fixed):
            raise BundleError(
                f"{file}: output {name} has no fixed shape, {signature(shape, 'float32')}; "
                "export it with fixed shapes"
            )


def has_free_batch(shape: Sequence[Size]) -> bool:
    """Its first axis is not a number."""
    return len(shape) > 0 and not isinstance(shape[0], int)


def signature(shape: Sequence[Size], element: str) -> str:
    """An input in words: "uint8 (1, 8, 120, 160)"."""
    return f"{element} ({', '.join(str(size) for size in shape)})"
