"""TensorRT on an NVIDIA GPU: Jetson, desktop, data centre, and TensorRT for RTX, by one interface.

**Written from NVIDIA's documentation and type stubs, and never run**: there was no GPU that such a
library was to be had for. That every network builds, and in INT8, is tested with NVIDIA's builder.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import BundleError, ConfigError, EngineMissing, EngineStale
from edge.inference import plans
from edge.inference.cuda.layer import Device, Stream, device
from edge.inference.cuda.run import GpuRunner, Ports
from edge.inference.plans import Made, Plan
from edge.inference.runner import (
    Input,
    Precision,
    RunFailed,
    check_input,
    check_outputs,
    element_type,
    has_free_batch,
)
from edge.inference.trt_build import build, build_logger, complaint, lengths, library, version

if TYPE_CHECKING:
    import tensorrt

log = logging.getLogger(__name__)
ELEMENTS = {"UINT8": "uint8", "FLOAT": "float32"}  # trt.DataType -> as the passport says


class TrtNetwork:
    """A deserialised engine. It goes before its runtime and stream, as the order of fields says."""

    def __init__(
        self, engine: "tensorrt.ICudaEngine", runtime: Any, stream: Stream, ports: Ports, name: str
    ) -> None:
        self.engine = engine
        self.runtime = runtime
        self.stream = stream
        self.ports = ports
        self.is_whole = True
        self._input = name

    def bind(self, size: int, given: int, answers: Mapping[str, int]) -> Callable[[], None]:
        """A context of its own, since a captured graph goes on using its memory."""
        context: tensorrt.IExecutionContext | None = self.engine.create_execution_context()
        if context is None:
            raise RunFailed("tensorrt: no memory for an execution context")
        is_taken = context.set_input_shape(self._input, (size, *self.ports.shape))
        for name, address in {self._input: given, **answers}.items():
            is_taken = is_taken and context.set_tensor_address(name, address)
        if not is_taken:
            raise RunFailed(f"tensorrt: does not take a batch of {size} at these addresses")
        handle = self.stream.handle

        def enqueue() -> None:
            if not context.execute_async_v3(handle):
                raise RunFailed("tensorrt: cannot be enqueued")

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
    """Take the engine that this box built for a network, or build it; that takes minutes.

    It is kept in `cache`, or where `edge build` keeps what it chose.

    "int8" is the network as its file says, integers where it has Q/DQ; "fp16" and "fp32" are its
    float forms. `threads` is not used: a GPU does the work.

    Raises:
        ConfigError: no TensorRT, or no GPU that it runs on.
        BundleError: TensorRT does not take this network, or it has another input.
    """
    try:
        trt, gpu = library(), device()
    except EngineMissing as error:
        raise ConfigError(f"engine.name: tensorrt: {error}") from error
    made = Made(
        network=hashlib.sha256(_read(file)).hexdigest(),
        window=f"{element_type(wanted).__name__} {'x'.join(map(str, wanted.shape))}, {most}",
        asked=precision,
        library=version(trt),
        device=f"{gpu.name}, {gpu.capability}",
        driver=gpu.driver,
    )
    place = cache or plans.folder()
    plan, is_new = _plan(file, made, most, place)
    said: list[str] = []
    runtime: tensorrt.Runtime = trt.Runtime(build_logger(trt, said.append))
    engine = runtime.deserialize_cuda_engine(plan.data)
    if engine is None and not is_new:
        log.warning("%s: the engine that was kept does not load, it is built again", file)
        plan = _build(file, made, most, place)
        engine = runtime.deserialize_cuda_engine(plan.data)
    if engine is None:
        raise ConfigError(f"engine.name: {version(trt)} does not run on this box's {gpu.name}: "
                          f"{complaint(said)}; choose another engine")  # fmt: skip
    return _runner(file, wanted, gpu, engine, runtime, plan, most)


def _runner(
    file: Path,
    wanted: Input,
    gpu: Device,
    engine: "tensorrt.ICudaEngine",
    runtime: Any,
    plan: Plan,
    most: int,
) -> GpuRunner:
    ports, name, is_free = _ports(file, engine, wanted)
    stream = gpu.stream()
    try:
        return GpuRunner(
            gpu,
            stream,
            TrtNetwork(engine, runtime, stream, ports, name),
            name=f"{plan.made.library} cuda {gpu.name}",
            precision=plan.precision,
            most=most if is_free else 1,
        )
    except RunFailed as error:
        raise BundleError(f"{file}: does not run on {gpu.name}: {error}") from error


def _plan(file: Path, made: Made, most: int, cache: Path) -> tuple[Plan, bool]:
    """And whether it was built just now."""
    try:
        kept = plans.recall(cache, made)
    except EngineStale as stale:
        log.warning("%s: %s; the engine is built again", file, stale)
        kept = None
    if kept is not None:
        return kept, False
    return _build(file, made, most, cache), True


def _build(file: Path, made: Made, most: int, cache: Path) -> Plan:
    try:
        from edge.inference.folded import folded  # noqa: PLC0415 - needs onnx
        from edge.inference.unquantised import unquantised  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"engine.name: tensorrt needs {error.name} to build; pip install it"
        ) from error
    if made.asked == "int8":
        data = folded(file)
    else:
        data = unquantised(file, is_half=made.asked == "fp16", cache=cache)
    try:
        built = build(file, data=data, most=most, timing=plans.timings(cache, made))
    except EngineMissing as error:
        raise ConfigError(f"engine.name: tensorrt: {error}") from error
    plan = Plan(made, built.plan, built.precision)
    plans.remember(cache, plan)
    plans.remember_timings(cache, made, built.timing)
    return plan


def _ports(file: Path, engine: "tensorrt.ICudaEngine", wanted: Input) -> tuple[Ports, str, bool]:
    """What the engine takes and gives, its input's name, and whether its batch is free."""
    trt = library()
    names = [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
    inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
    shapes = {n: list(map(_size, lengths(engine.get_tensor_shape(n)))) for n in names}
    kinds = {n: engine.get_tensor_dtype(n).name for n in names}
    first = inputs[0] if inputs else ""
    kind = kinds.get(first, "")
    check_input(file, wanted, inputs, shapes.get(first, []), ELEMENTS.get(kind, kind))
    is_free = has_free_batch(shapes[first])
    answers = {n: shapes[n] for n in names if n not in inputs}
    check_outputs(file, answers, is_free=is_free)
    if other := [n for n in answers if kinds[n] != "FLOAT"]:
        raise BundleError(f"{file}: output {other[0]} is of {kinds[other[0]]}, not of float32")
    outputs = {n: tuple(int(size) for size in shape[1:] if size) for n, shape in answers.items()}
    return Ports(wanted.shape, element_type(wanted), outputs), first, is_free


def _size(size: int) -> int | str:
    return "batch" if size == -1 else int(size)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file}: {error.strerror or error}") from error
