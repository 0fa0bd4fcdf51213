"""`python -m models latency`: the networks of a part in integers, beside the same ones in float.

Every engine and form runs the same windows on as many threads, in the ways that there are to share
them: each network *alone*, on all threads; those of a part *in turn*, on all threads; those of a
part *side by side*, on one thread each, as the appliance does. Hot, and a part every 100 ms, as a
line sends them, where caches are cold and clocks have gone down.

Engines take turns, `BLOCK` parts each, behind a pause: threads of ONNX Runtime spin for a while
behind a run, and take the cores of whatever runs next, also of its own next network. A window is
everything: of a clip all its pictures, none of which was looked at before. The appliance looks at
each by itself as it comes; as one call, as the others run it, a clip takes less in all. The float
networks are made of the integer ones (`form.exact`): weights are what rounding left of them, which
changes no operation and no byte.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from rich.progress import track

from edge.build.decisions import golden_parts
from edge.bundle import Bundle
from edge.errors import ConfigError
from edge.inference.folded import folded
from edge.inference.runner import Precision, Runner, opener
from edge.manifest import ClipInput
from models.integers import form
from models.integers.latency import window

PERIOD_S = 0.1
BLOCK = 25
PAUSE_S = 0.05
FIRST = 3  # runs of a block that are not counted
WHOLE = {"pictures": None, "seen": None}  # of a clip's input: all pictures in one call
ENGINES: tuple[tuple[str, Precision, bool], ...] = (  # whether a clip is run as one
    ("openvino", "int8", False),  # the appliance's
    ("openvino", "int8", True),
    ("openvino", "fp32", True),
    ("onnxruntime", "int8", True),
    ("onnxruntime", "fp32", True),
)
ALONE, IN_TURN, SIDE_BY_SIDE = "each alone", "in turn", "side by side"
Parts = Mapping[str, NDArray[np.generic]]  # detector -> (part, *shape of its input)


@dataclass(frozen=True, slots=True)
class Took:
    """Of one engine and form, in one way; ms."""

    engine: str
    form: Precision
    calculated: dict[str, str]  # of each detector: in what its heaviest layers calculate
    way: str
    is_paced: bool
    parts: int
    median_ms: dict[str, float]  # of each detector
    part_p50_ms: float  # from the first window handed over to the last answer; alone: the sum
    part_p95_ms: float
    part_p99_ms: float
    is_whole: bool = True  # a clip is one call; else a call a picture, as they come on a line


@dataclass
class Lane:
    """One engine and form in one way, and what it took so far."""

    form: Precision
    way: str
    is_paced: bool
    is_whole: bool
    runners: Mapping[str, Runner]
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    parts_ms: list[float] = field(default_factory=list)


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rounds", type=int, default=300, help="hot ones; %(default)s")
    command.add_argument(
        "--paced", type=int, default=100, metavar="PARTS", help="every 100 ms; %(default)s"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures as data")


def measure(bundle: Bundle, *, threads: int, rounds: int, paced: int) -> list[Took]:
    """Every engine and form in every way. Blocks for minutes.

    Raises:
        BundleError: no golden data, or a network that an engine does not take.
        ConfigError: an engine is missing, or fewer than one round is asked for.
    """
    if min(rounds, paced) < 1:
        raise ConfigError("--rounds, --paced: must be at least 1")
    parts = {name: one.inputs for name, one in golden_parts(bundle).items()}
    found: list[Took] = []
    with (
        TemporaryDirectory(prefix="edge-float-") as folder,
        ThreadPoolExecutor(threads) as workers,
    ):
        for way, is_paced in (
            (ALONE, False), (IN_TURN, False), (SIDE_BY_SIDE, False), (IN_TURN, True),
            (SIDE_BY_SIDE, True),
        ):  # fmt: skip
            of_each = 1 if way == SIDE_BY_SIDE else threads
            lanes = [
                Lane(
                    which,
                    way,
                    is_paced,
                    is_whole,
                    _runners(bundle, Path(folder), engine, which, of_each, is_whole=is_whole),
                )
                for engine, which, is_whole in ENGINES
            ]
            count = paced if is_paced else rounds
            said = f"{way}, every {PERIOD_S:g} s" if is_paced else way
            for start in track(range(0, count, BLOCK), said):
                for lane in lanes:
                    _block(lane, parts, range(start, min(start + BLOCK, count)), workers)
            found += map(_took, lanes)
    return found


def sizes(bundle: Bundle) -> dict[str, dict[str, int]]:
    """Bytes of each detector's file, of the same network in float32, and of that with every
    constant written out, as the exporter leaves it."""
    found = {}
    with TemporaryDirectory(prefix="edge-float-") as folder:
        for name, one in bundle.manifest.detectors.items():
            file = bundle.folder / one.file
            plain = _exact(file, Path(folder) / one.file)
            found[name] = {
                "int8": file.stat().st_size,
                "float32": plain.stat().st_size,
                "float32_written_out": len(folded(plain)),
            }
    return found


def best(took: Sequence[Took], engine: str, which: Precision, *, is_paced: bool) -> Took:
    """Of the ways to share the threads, the one in which a part takes least."""
    rows = [
        one
        for one in took
        if engine in one.engine and one.form == which and one.is_paced == is_paced
    ]
    return min(rows, key=lambda one: one.part_p50_ms)


def _runners(
    bundle: Bundle, folder: Path, engine: str, which: Precision, threads: int, *, is_whole: bool
) -> Mapping[str, Runner]:
    found = {}
    for name, one in bundle.manifest.detectors.items():
        file = bundle.folder / one.file
        if which == "fp32":
            file = _exact(file, folder / one.file)
        given = one.input
        if is_whole and isinstance(given, ClipInput):
            given = given.model_copy(update=WHOLE)
        found[name] = opener(engine)(file, given, threads=threads, precision=which)
    return found


def _exact(file: Path, to: Path) -> Path:
    onnx.save(form.exact(onnx.load(file)), to)
    return to


def _block(lane: Lane, parts: Parts, turns: range, workers: ThreadPoolExecutor) -> None:
    """So many parts in a row; the first ones, once more than they count, only warm up."""
    groups = [[name] for name in lane.runners] if lane.way == ALONE else [list(lane.runners)]
    sums = np.zeros(len(turns))
    for names in groups:
        due_s = time.perf_counter() + PAUSE_S
        for turn in range(turns.start - FIRST, turns.stop):
            given = [window(parts[name], FIRST + turn) for name in names]
            time.sleep(max(0.0, due_s - time.perf_counter()))
            due_s += PERIOD_S if lane.is_paced else 0.0
            began_s = time.perf_counter()
            run = workers.map if lane.way == SIDE_BY_SIDE else map
            each = list(run(_run, [lane.runners[name] for name in names], given))
            whole_ms = 1e3 * (time.perf_counter() - began_s)
            if turn >= turns.start:
                sums[turn - turns.start] += whole_ms
                for name, took_ms in zip(names, each, strict=True):
                    lane.times_ms.setdefault(name, []).append(took_ms)
    lane.parts_ms += sums.tolist()


def _run(runner: Runner, given: NDArray[np.generic]) -> float:
    began_s = time.perf_counter()
    runner.run(given)
    return 1e3 * (time.perf_counter() - began_s)


def _took(lane: Lane) -> Took:
    p50, p95, p99 = (round(float(np.quantile(lane.parts_ms, q)), 3) for q in (0.5, 0.95, 0.99))
    return Took(
        engine=next(iter(lane.runners.values())).name,
        form=lane.form,
        calculated={name: runner.precision for name, runner in lane.runners.items()},
        way=lane.way,
        is_paced=lane.is_paced,
        parts=len(lane.parts_ms),
        median_ms={name: round(float(np.median(one)), 3) for name, one in lane.times_ms.items()},
        part_p50_ms=p50,
        part_p95_ms=p95,
        part_p99_ms=p99,
        is_whole=lane.is_whole,
    )
