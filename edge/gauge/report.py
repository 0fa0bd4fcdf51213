"""Everything that `edge bench engines` finds out about a bundle, as data."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from edge.build.decisions import golden_parts
from edge.build.trial import Tried, attempt, best
from edge.bundle import Bundle
from edge.errors import BundleError
from edge.gauge import at_once, limit, paced, soak, together, tool
from edge.gauge.limit import Limit
from edge.inference import operations
from edge.inference.detector import Detector
from edge.inference.golden import Golden
from edge.inference.operations import Operations
from edge.inference.proved import load_chosen
from edge.inference.runner import Candidate

PACED = 100  # parts as on a line, at most: ten seconds
Step = Callable[[str, int], Callable[[], None]]  # what is next and its ticks -> called at each


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is to be measured."""

    threads: int
    workers: int
    runs: int
    soak: int  # inferences of each detector; 0: none


@dataclass(frozen=True, slots=True)
class Row:
    """Of one detector."""

    tried: list[Tried]
    chosen: Tried | None
    needs: Operations | None  # None: nothing here counts them
    limit: Limit | None
    tool: tool.Beside | None
    tool_failed: str
    soak: soak.Soak | None

    @property
    def is_limit_beaten(self) -> bool:
        """An engine was quicker than the limit, which is none then."""
        speeds = [one.speed for one in self.tried if one.speed]
        return self.limit is not None and any(
            self.limit.share(speed.whole_p50_ms) is None for speed in speeds
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Of one bundle on this box."""

    bundle: Bundle
    asked: Asked
    peaks_gops: dict[str, float]
    overheads_us: dict[str, float]
    rows: dict[str, Row]
    at_once: list[at_once.AtOnce]
    together: list[together.Together]  # of one worker and of as many as were asked for
    paced: list[paced.Paced]  # the same, stations out of step and in step

    def as_data(self) -> dict[str, Any]:
        return {
            "bundle": self.bundle.label,
            "bundle_sha256": self.bundle.sha256,
            "asked": asdict(self.asked),
            "peaks_gops": self.peaks_gops,
            "overheads_us": self.overheads_us,
            "detectors": {name: _row_data(row) for name, row in self.rows.items()},
            "at_once": [asdict(one) for one in self.at_once],
            "together": [asdict(one) for one in self.together],
            "paced": [asdict(one) for one in self.paced],
        }


def measure(one: Bundle, candidates: list[Candidate], asked: Asked, step: Step) -> Report:
    """Blocks for minutes.

    Raises:
        BundleError: the bundle has no golden data, or a network that cannot be counted.
    """
    parts, threads = golden_parts(one), asked.threads
    step("peak", 1)
    peaks, overheads = limit.peaks(candidates, threads), limit.overheads_us(candidates)
    rows = {
        name: _row(one, name, candidates, parts, peaks, asked, step)
        for name in one.manifest.detectors
    }
    chosen = {name: row.chosen for name, row in rows.items() if row.chosen}
    bare, by_workers, at_pace = (
        list[at_once.AtOnce](),
        list[together.Together](),
        list[paced.Paced](),
    )
    if len(chosen) == len(rows):
        detectors = {name: _detector(one, name, row, threads) for name, row in chosen.items()}
        tick = step("the networks of one part at once", 2 * asked.runs)
        bare = at_once.measure(detectors, parts, rounds=asked.runs, tick=tick)
        for workers in sorted({1, asked.workers}):
            tick = step(f"together on {workers} worker(s)", asked.runs)
            by_workers.append(
                together.measure(detectors, parts, workers=workers, rounds=asked.runs, tick=tick)
            )
        at_pace = _paced(one, chosen, parts, asked, step)
    return Report(one, asked, peaks, overheads, rows, bare, by_workers, at_pace)


def _row(
    one: Bundle,
    name: str,
    candidates: list[Candidate],
    parts: Mapping[str, Golden],
    peaks: Mapping[str, float],
    asked: Asked,
    step: Step,
) -> Row:
    passport, threads = one.manifest.detectors[name], asked.threads
    file, tried = one.folder / passport.file, list[Tried]()
    for candidate in candidates:
        tick = step(f"{name} on {candidate}", asked.runs)
        tried.append(
            attempt(one, name, candidate, parts, threads=threads, runs=asked.runs, tick=tick)
        )
    chosen = best({name: tried})[name]
    needs = operations.count(file, passport.input)
    least = limit.limit(needs, peaks) if needs else None
    row = Row(tried, chosen, needs, least, None, "", None)
    if any(candidate.engine == "openvino" for candidate in candidates):
        tick, window = step(f"{name} in benchmark_app", tool.TURNS), parts[name].inputs[0]
        try:
            beside = tool.beside(
                file, passport.input, window, threads=threads, runs=asked.runs, tick=tick
            )
            row = replace(row, tool=beside)
        except BundleError as error:
            row = replace(row, tool_failed=str(error))
    else:
        row = replace(row, tool_failed="benchmark_app: openvino is not here")
    if asked.soak and chosen is not None:
        tick = step(f"{name}, memory", asked.soak)
        runner = _detector(one, name, chosen, threads).runner
        row = replace(row, soak=soak.soak(runner, parts[name].inputs, asked.soak, tick))
    return row


def _paced(
    one: Bundle,
    chosen: Mapping[str, Tried],
    parts: Mapping[str, Golden],
    asked: Asked,
    step: Step,
) -> list[paced.Paced]:
    candidates = {name: row.candidate for name, row in chosen.items()}
    found = []
    for in_step, workers in product((False, True), sorted({1, asked.workers})):
        tick = step(f"as on a line, {workers} worker(s)", 1)
        found.append(
            paced.measure(
                one,
                candidates,
                parts,
                threads=asked.threads,
                workers=workers,
                in_step=in_step,
                count=min(asked.runs, PACED),
            )
        )
        tick()
    return found


def _detector(one: Bundle, name: str, chosen: Tried, threads: int) -> Detector:
    return load_chosen(one, name, chosen.candidate, threads=threads)


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "chosen": str(row.chosen.candidate) if row.chosen else None,
        "tried": [asdict(one) for one in row.tried],
        "operations": asdict(row.needs) if row.needs else None,
        "limit_ms": asdict(row.limit) | {"whole_ms": row.limit.whole_ms} if row.limit else None,
        "limit_is_beaten": row.is_limit_beaten,
        "benchmark_app": asdict(row.tool) | _ratios(row.tool) if row.tool else None,
        "benchmark_app_failed": row.tool_failed or None,
        "soak": asdict(row.soak) if row.soak else None,
    }


def _ratios(one: tool.Beside) -> dict[str, float]:
    return {
        "ratio": one.ratio,
        "library_ratio": one.library_ratio,
        "around_us": one.around_us,
    }
