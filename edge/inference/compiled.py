"""Networks that OpenVINO compiled, kept for whoever asks for the same ones on the same box.

Compiling transforms a network for 60 to 110 ms, here and on one core; loading what came of it takes
5 to 20 ms. What is loaded answers bit by bit as what was compiled, and as fast.
"""

import hashlib
import io
import logging
from collections.abc import Iterator, Mapping
from functools import cache as once
from pathlib import Path

import openvino as ov

from edge.errors import BundleError, EngineStale
from edge.inference import plans
from edge.inference.plans import Made, Plan
from edge.inference.runner import Precision

log = logging.getLogger(__name__)
HEAVY = {"Convolution", "Deconvolution", "FullyConnected", "MatMul", "RNNCell", "RNNSeq"}
INTEGERS = {"i8", "u8"}
Compiled = tuple[ov.CompiledModel, Precision]


@once
def core() -> ov.Core:
    """One for the process: each further one loads the CPU's part of the library again, 30 ms."""
    return ov.Core()


class Compiler:
    """Of the networks that one file holds; what it compiles is kept in `cache`, if there is one."""

    def __init__(
        self, file: Path, options: Mapping[str, object], asked: Precision, cache: Path | None
    ) -> None:
        self._file = file
        self._options = dict(options)
        self._asked = asked
        self._cache = cache

    def compile(self, model: ov.Model, part: str = "whole") -> Compiled:
        """A network that was read, and what it is calculated in; `part` says which of the file's.

        Raises:
            BundleError: OpenVINO does not compile it.
        """
        if self._cache is None:
            return self._compile(model)
        made = self._made(model, part)
        try:
            if (kept := plans.recall(self._cache, made)) is not None:
                return core().import_model(kept.data, "CPU", self._options), kept.precision
        except EngineStale as stale:
            log.info("%s: %s; it is compiled again", self._file, stale)
        except RuntimeError as error:
            log.warning("%s: what was kept does not load, it is compiled: %s", self._file, error)
        found = self._compile(model)
        self._keep(self._cache, made, found)
        return found

    def _compile(self, model: ov.Model) -> Compiled:
        try:
            compiled = core().compile_model(model, "CPU", self._options)
        except RuntimeError as error:
            raise BundleError(f"{self._file}: openvino cannot compile it: {error}") from error
        integer = any(kind in HEAVY and used in INTEGERS for kind, used in layers(compiled))
        return compiled, "int8" if integer else "fp32"

    def _keep(self, cache: Path, made: Made, found: Compiled) -> None:
        data = io.BytesIO()
        found[0].export_model(data)
        try:
            plans.remember(cache, Plan(made, data.getvalue(), found[1]))
        except OSError as error:
            log.info("%s: is not kept: %s", self._file, error)

    def _made(self, model: ov.Model, part: str) -> Made:
        shapes = ", ".join(f"{port.element_type} {port.partial_shape}" for port in model.inputs)
        options = ", ".join(f"{name} {value}" for name, value in sorted(self._options.items()))
        return Made(
            network=hashlib.sha256(self._file.read_bytes()).hexdigest(),
            window=f"{part} {shapes}; {options}",
            asked=self._asked,
            library=f"openvino {ov.__version__}",
            device=plans.processor(),
            driver="",
        )


def layers(compiled: ov.CompiledModel) -> Iterator[tuple[str, str]]:
    """Kind and precision of every layer as it is executed."""
    for layer in compiled.get_runtime_model().get_ops():
        info = layer.get_rt_info()
        yield info["layerType"].astype(str), info["runtimePrecision"].astype(str)
