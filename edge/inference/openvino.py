"""OpenVINO on the CPU: the box's engine where there is no GPU."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from edge.errors import BundleError
from edge.inference.compiled import Compiler, core
from edge.inference.halves import halves, sizes
from edge.inference.joined import Answers, join
from edge.inference.pictures import PictureByPicture
from edge.inference.runner import (
    Done,
    Input,
    Outputs,
    Precision,
    RunFailed,
    Runner,
    check_input,
    check_outputs,
    has_free_batch,
)

ELEMENTS = {"u8": "uint8", "f32": "float32"}
Made = tuple[ov.CompiledModel, Precision, Answers]


class Request:
    """A network compiled for so many windows, with input and output memory used over and over."""

    def __init__(self, compiled: ov.CompiledModel, answers: Answers) -> None:
        request = compiled.create_infer_request()
        given = request.get_input_tensor().data
        self._element = given.dtype
        self._given = given.data.cast("B")
        self._rows = [row.data.cast("B") for row in request.get_output_tensor().data]
        self._answers = answers
        self._request = request
        # the binding itself: its wrapper in Python takes 6 us more for what is not used here
        self._infer = super(ov.InferRequest, request).infer  # type: ignore[misc]  # has no types

    @property
    def latency_ms(self) -> float:
        """Of the last run, as the library says."""
        return float(self._request.latency)

    def infer(self, pieces: Sequence[NDArray[np.generic]]) -> list[Outputs]:
        """As many windows as it was compiled for, or one that lies in pieces, in their order."""
        # not by numpy: it lets the interpreter go at each larger copy, another thread takes it,
        # and who then has to wait for it may be woken on a core where a network has just begun
        length = len(self._given) // len(pieces)
        for number, piece in enumerate(pieces):
            self._given[number * length : (number + 1) * length] = _bytes(piece, self._element)
        try:
            self._infer({}, share_outputs=True, decode_strings=False)
        except RuntimeError as error:
            raise RunFailed(f"openvino: {error}") from error
        return [self._answers.of(row) for row in self._rows]


class OpenVinoRunner:
    """One network, compiled for one window, and for more where that was asked for."""

    def __init__(self, requests: Mapping[int, Request], precision: Precision) -> None:
        self.name = f"openvino {ov.__version__.split('-')[0]} cpu"
        self.precision = precision
        self.most = max(requests)
        self._requests = dict(sorted(requests.items(), reverse=True))  # by windows

    def run(self, data: NDArray[np.generic]) -> Outputs:
        return self._requests[1].infer([data])[0]

    @property
    def latency_ms(self) -> float:
        """Of the last run of one window, as the library says: without what Python adds."""
        return self._requests[1].latency_ms

    def run_pieces(self, pieces: Sequence[NDArray[np.generic]]) -> Outputs:
        return self._requests[1].infer(pieces)[0]

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        """As the largest batches that were compiled; all at once where there is one of the size."""
        answers: list[Outputs] = []
        while left := len(windows) - len(answers):
            size = next(size for size in self._requests if size <= left)
            answers += self._requests[size].infer(windows[len(answers) : len(answers) + size])
        return Done(answers)


def open_runner(
    file: Path,
    wanted: Input,
    *,
    threads: int,
    precision: Precision = "int8",
    most: int = 1,
    cache: Path | None = None,
) -> Runner:
    """Compile a network for the lowest latency of one request.

    Float parts stay in float32: on a processor with bfloat16 OpenVINO would halve their precision
    unasked, so that the same spectrum gave another verdict on another box. Threads are not pinned:
    a pinned one waits for its core while another is idle. A network that looks at each picture by
    itself is compiled in two halves, see `PictureByPicture`. For batches it is compiled for every
    power of two up to `most`: one network for all sizes takes up to twice as long for each. What
    was compiled is kept in `cache`.

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
    try:
        model = core().read_model(file)
    except RuntimeError as error:
        raise BundleError(f"{file}: openvino cannot read it: {error}") from error
    is_free = _check(file, model, wanted)
    compiler = Compiler(file, options, precision, cache)

    def compiled(one: ov.Model, part: str = "whole") -> Made:
        joined, answers = join(file, one, part)
        return *compiler.compile(joined, f"{part}, joined"), answers

    if wanted.kind == "clip" and wanted.pictures and wanted.seen:
        looking, judging = halves(
            file, model, wanted.pictures, wanted.seen, is_int8=precision == "int8"
        )
        kind = looking.outputs[0].element_type.get_type_name()
        ends = f"{wanted.pictures} | {wanted.seen}"
        return PictureByPicture(
            _runner([compiled(looking, f"looking, {kind}, {ends}")]),
            _runner([compiled(judging, f"judging, {kind}, {ends}")]),
            wanted.seen,
        )
    models = [model]
    while is_free and (size := 2 ** len(models)) <= most:
        models.append(model.clone())
        models[-1].reshape([size, *wanted.shape])
    return _runner([compiled(one) for one in models])


def _check(file: Path, model: ov.Model, wanted: Input) -> bool:
    """Hold the network against its passport. True: its batch was free, and is one window now."""
    port = model.inputs[0]
    element, shape = port.element_type.get_type_name(), sizes(port.partial_shape)
    names = [wanted.name if wanted.name in p.names else p.any_name for p in model.inputs]
    check_input(file, wanted, names, shape, ELEMENTS.get(element, element))
    if is_free := has_free_batch(shape):
        model.reshape([1, *wanted.shape])
    check_outputs(file, {p.any_name: sizes(p.partial_shape) for p in model.outputs})
    return is_free


def _runner(every: Sequence[Made]) -> OpenVinoRunner:
    """Of the same network, compiled for 1, 2, 4 ... windows."""
    requests = {
        2**power: Request(compiled, answers) for power, (compiled, _, answers) in enumerate(every)
    }
    return OpenVinoRunner(requests, every[0][1])


def _bytes(values: NDArray[np.generic], element: np.dtype[np.generic]) -> memoryview:
    return np.ascontiguousarray(values, element).data.cast("B")
