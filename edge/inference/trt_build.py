"""Builds a TensorRT engine from the ONNX file of a bundle, and says what became of every layer.

Networks are strongly typed: what the file says in Q/DQ is INT8, everything else what it is there.
Two libraries speak this interface: `tensorrt` (Jetson, desktop, data centre) and TensorRT for RTX,
which builds for a named generation of GPUs on a machine that has none. An engine built here has
been built and no more: nothing in this file runs one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import BundleError, EngineMissing
from edge.inference.runner import Precision

if TYPE_CHECKING:
    import tensorrt

CURE = "pip install tensorrt on a box with an NVIDIA GPU; to build for one elsewhere: make engines"
_FIELD = re.compile(r"Datatype: (\w+)")
_ORIGIN = re.compile(r"\[ONNX Layer: ([^\]]+)\]")
_LAYER = re.compile(
    r"^Name: (?P<name>.*?), LayerType: (?P<kind>\w+), Inputs: \[(?P<inputs>.*?)\], "
    r"(?:Constants: \[(?P<constants>.*?)\], )?Outputs: \[(?P<outputs>.*?)\], (?P<rest>.*)$"
)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a finished engine; data types as TensorRT names them ("Int8", "Float")."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]  # weights among them
    outputs: tuple[str, ...]
    origins: tuple[str, ...]  # nodes of the ONNX file that went into it

    @property
    def is_integer(self) -> bool:
        """It multiplies INT8 by INT8."""
        return "Int8" in self.inputs and "Int8" in self.constants


@dataclass(frozen=True, slots=True)
class Built:
    """A serialised engine, of use to this library's version and the generation it was built for."""

    plan: bytes
    layers: tuple[Layer, ...]
    library: str  # name and version
    capability: str  # "SM86", or "CURRENT"
    timing: bytes = b""  # what the builder measured; of use to a later build on this GPU

    @property
    def precision(self) -> Precision:
        """What its heaviest layers multiply in."""
        if any(layer.is_integer for layer in self.layers):
            return "int8"
        return "fp16" if any("Half" in layer.inputs for layer in self.layers) else "fp32"


def library() -> Any:
    """The TensorRT that is here.

    Raises:
        EngineMissing: none is.
    """
    try:
        import tensorrt  # noqa: PLC0415 - a GPU's, or none
    except ImportError:
        pass
    else:
        if hasattr(tensorrt, "Builder"):  # its type stubs alone leave an empty package
            return tensorrt
    try:
        import onnxruntime_ep_nv_tensorrt_rtx  # noqa: F401, PLC0415 - brings the library itself
        import tensorrt_rtx_bindings  # noqa: PLC0415
    except ImportError as error:
        raise EngineMissing(f"no TensorRT is installed ({error}); {CURE}") from error
    return tensorrt_rtx_bindings


def build(
    file: Path,
    capability: str = "CURRENT",
    *,
    data: bytes | None = None,
    most: int = 1,
    timing: bytes = b"",
) -> Built:
    """Parse, optimise and serialise.

    `capability` names a generation of GPUs ("SM86"); another than this machine's own only
    TensorRT for RTX can build for. `data` is the network, where it is not what `file` holds.
    Where its batch is free, one engine takes 1 to `most` windows, the fastest with one. `timing` is
    what an earlier build on this GPU measured. Blocks for seconds, on a Jetson for minutes.

    Raises:
        EngineMissing: no TensorRT, or it builds for no such GPU.
        BundleError: TensorRT does not take this network, and why.
    """
    trt = library()
    said: list[str] = []
    logger = build_logger(trt, said.append)
    builder: tensorrt.Builder = trt.Builder(logger)
    if builder is None:
        raise EngineMissing(f"{trt.__name__}: no builder: {complaint(said)}")
    network: tensorrt.INetworkDefinition = builder.create_network(_strongly_typed(trt))
    parser: tensorrt.OnnxParser = trt.OnnxParser(network, logger)
    is_read = parser.parse_from_file(str(file)) if data is None else parser.parse(data)
    if not is_read:
        first = parser.get_error(0) if parser.num_errors else "no reason given"
        raise BundleError(f"{file}: TensorRT does not take it: {first}")
    config: tensorrt.IBuilderConfig = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # else layers are not listed
    if capability != "CURRENT":
        _aim(trt, config, capability)
    _profile(trt, file, builder, network, config, most)
    measures = trt.__name__ == "tensorrt"  # TensorRT for RTX chooses kernels where it runs
    if measures:
        config.set_timing_cache(config.create_timing_cache(timing), ignore_mismatch=False)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BundleError(f"{file}: TensorRT cannot build it for {capability}: {complaint(said)}")
    measured = config.get_timing_cache() if measures else None
    return Built(
        bytes(plan),
        tuple(_layers(said)),
        version(trt),
        capability,
        b"" if measured is None else bytes(measured.serialize()),
    )


def version(trt: Any) -> str:
    """Name and version of a library: "tensorrt 10.16.1.11"."""
    return f"{trt.__name__.removesuffix('_bindings')} {trt.__version__}"


def lengths(shape: "tensorrt.Dims") -> list[int]:
    """Of every axis; -1 is one that is free."""
    return [int(shape[axis]) for axis in range(len(shape))]


def _profile(
    trt: Any,
    file: Path,
    builder: "tensorrt.Builder",
    network: "tensorrt.INetworkDefinition",
    config: "tensorrt.IBuilderConfig",
    most: int,
) -> None:
    """Say how large a free batch may be."""
    profile: tensorrt.IOptimizationProfile | None = None
    for number in range(network.num_inputs):
        port = network.get_input(number)
        first, *sizes = lengths(port.shape)
        if -1 in sizes:
            raise BundleError(f"{file}: input {port.name} is free in more than its batch")
        if first == -1:
            profile = profile or builder.create_optimization_profile()
            one, all_of_them = trt.Dims([1, *sizes]), trt.Dims([most, *sizes])
            profile.set_shape(port.name, one, one, all_of_them)
    if profile is not None:
        config.add_optimization_profile(profile)


def _strongly_typed(trt: Any) -> int:
    """The flag up to TensorRT 10; from 11 on there is nothing else."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _aim(trt: Any, config: Any, capability: str) -> None:
    known = getattr(trt, "ComputeCapability", None)
    target = getattr(known, capability, None)
    if target is None:
        names = ", ".join(known.__members__) if known else "the GPU of this machine alone"
        raise EngineMissing(f"{trt.__name__} builds for {names}, not for {capability}")
    config.num_compute_capabilities = 1
    config.set_compute_capability(target, 0)


def build_logger(trt: Any, say: Say) -> Any:
    """Only the verbose log lists the layers of an engine without a GPU to read it back on."""

    class Logger(trt.ILogger):  # type: ignore[misc]  # a class of whichever library is here
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            say(
                f"{severity.name} {message}"
                if severity.value <= trt.ILogger.ERROR.value
                else message
            )

    return Logger()


def complaint(said: list[str]) -> str:
    wrong = [line for line in said if line.startswith(("ERROR ", "INTERNAL_ERROR "))]
    return wrong[-1] if wrong else "no reason given"


def _layers(said: list[str]) -> Iterator[Layer]:
    for line in "\n".join(said).splitlines():  # one message lists them all
        if found := _LAYER.match(line):
            yield Layer(
                name=found["name"],
                kind=found["kind"],
                inputs=tuple(_FIELD.findall(found["inputs"])),
                constants=tuple(_FIELD.findall(found["constants"] or "")),
                outputs=tuple(_FIELD.findall(found["outputs"])),
                origins=tuple(_ORIGIN.findall(found["rest"])),
            )
