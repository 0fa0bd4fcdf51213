"""How long one window takes, on each engine that is here, in each form. Turn and turn about."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import BundleError, ConfigError
from edge.inference.runner import ENGINES, Precision, RunFailed, Runner, opener
from edge.manifest import ClipInput, SeriesInput

FORMS: Mapping[str, Precision] = {"FP32": "fp32", "FP16": "fp32", "INT8": "int8"}
WARM_UP = 10


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one form on one engine; without times where it does not run, and why."""

    engine: str
    form: str
    calculated: str  # in what the engine's heaviest layers really calculate
    least_ms: float | None = None  # 5 % quantile: what it takes when no neighbour is in the way
    median_ms: float | None = None
    p99_ms: float | None = None
    why: str = ""


def measured(
    files: Mapping[str, Path],  # form -> ONNX
    wanted: SeriesInput | ClipInput,
    inputs: NDArray[np.generic],
    *,
    rounds: int,
    threads: int,
) -> list[Latency]:
    """Medians over `rounds`, every form in each round, so that all meet the same neighbours."""
    runners: dict[tuple[str, str], Runner] = {}
    refused: list[Latency] = []
    for engine in (row.name for row in ENGINES):
        for form, path in files.items():
            if form == "FP16" and engine == "onnxruntime" and not _has_gpu():
                refused.append(Latency(engine, form, "", why="calculates in FP16 on a GPU only"))
                continue
            try:
                open_runner = opener(engine)
                runners[engine, form] = open_runner(
                    path, wanted, threads=threads, precision=FORMS[form]
                )
                runners[engine, form].run(window(inputs, 0))
            except (BundleError, ConfigError, RunFailed) as error:
                runners.pop((engine, form), None)
                refused.append(Latency(engine, form, "", why=str(error).splitlines()[0]))
    times: dict[tuple[str, str], list[float]] = {key: [] for key in runners}
    for turn in range(rounds + WARM_UP):
        given = window(inputs, turn)
        for key, runner in runners.items():
            began = time.perf_counter()
            runner.run(given)
            if turn >= WARM_UP:
                times[key].append(1e3 * (time.perf_counter() - began))
    return [*_rows(runners, times), *refused]


def window(inputs: NDArray[np.generic], turn: int) -> NDArray[np.generic]:
    """Never the same picture twice: an engine may remember what it has seen."""
    one = inputs[turn % len(inputs)]
    if one.dtype == np.uint8:
        return np.asarray(one + np.uint8(1 + turn // len(inputs)))
    return np.asarray(one, np.float32)


def _rows(
    runners: Mapping[tuple[str, str], Runner], times: Mapping[tuple[str, str], list[float]]
) -> Iterator[Latency]:
    for (engine, form), runner in runners.items():
        found = np.array(times[engine, form])
        yield Latency(
            runner.name if engine in runner.name else f"{engine} ({runner.name})",
            form,
            runner.precision,
            round(float(np.quantile(found, 0.05)), 4),
            round(float(np.median(found)), 4),
            round(float(np.quantile(found, 0.99)), 4),
        )


def _has_gpu() -> bool:
    """Whether ONNX Runtime has one. On the CPU version 1.32 dies of LSTMs in FP16."""
    import onnxruntime  # noqa: PLC0415 - an engine among others

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()
