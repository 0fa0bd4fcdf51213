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
from typing import Any

from edge.errors import BundleError, EngineMissing

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
        return tensorrt
    try:
        import onnxruntime_ep_nv_tensorrt_rtx  # noqa: F401, PLC0415 - brings the library itself
        import tensorrt_rtx_bindings  # noqa: PLC0415
    except ImportError as error:
        raise EngineMissing(f"no TensorRT is installed ({error}); {CURE}") from error
    return tensorrt_rtx_bindings


def build(file: Path, capability: str = "CURRENT") -> Built:
    """Parse, optimise and serialise.

    `capability` names a generation of GPUs ("SM86"); another than this machine's own only
    TensorRT for RTX can build for. Blocks for seconds, on a Jetson for minutes.

    Raises:
        EngineMissing: no TensorRT, or it builds for no such GPU.
        BundleError: TensorRT does not take this network, and why.
    """
    trt = library()
    said: list[str] = []
    logger = _logger(trt, said.append)
    builder = trt.Builder(logger)
    if builder is None:
        raise EngineMissing(f"{trt.__name__}: no builder: {_complaint(said)}")
    network = builder.create_network(_strongly_typed(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(file)):
        first = parser.get_error(0) if parser.num_errors else "no reason given"
        raise BundleError(f"{file}: TensorRT does not take it: {first}")
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # else layers are not listed
    if capability != "CURRENT":
        _aim(trt, config, capability)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BundleError(f"{file}: TensorRT cannot build it for {capability}: {_complaint(said)}")
    label = f"{trt.__name__.removesuffix('_bindings')} {trt.__version__}"
    return Built(bytes(plan), tuple(_layers(said)), label, capability)


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


def _logger(trt: Any, say: Say) -> Any:
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


def _complaint(said: list[str]) -> str:
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
