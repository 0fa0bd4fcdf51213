"""What the appliance hears of simulated parts when one sensor's signal goes wrong; kept on disk.

A part is simulated once. Every mishap of every sensor then travels the appliance's own path, in
virtual time, up to the network's answer; the other two sensors are heard as they are. One file a
station, so that what was broken off goes on where it ended.
"""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter
from rich.progress import track

from edge.bundle import Bundle, load
from edge.config import Sensor
from edge.inference import proved
from edge.inference.detector import Detector
from edge.inference.runner import opener
from edge.part import need, shortfall
from edge.rejudge import sensor
from edge.verdict import Status
from models.dataset import Split
from models.study.kept import networks
from models.study.mishaps import Mishap, mishaps
from sensors.signal import ClockKind, Quality, Window
from sensors.simulator.cause import Cause
from sensors.simulator.part import drawn_cause, simulate_idle, simulate_part
from sensors.simulator.pool import DURATION_S
from sensors.simulator.virtual import Scene, Watched

ENGINE = "openvino"
DELAY_S = 1.0  # of the rings: a part is asked for at once
IDLE_S = 1.0
PER_STATION = 10


@dataclass(frozen=True, slots=True)
class Said:
    """One sensor on one part: what the fusion reads of an answer, and how wrong its time was."""

    status: Status
    reason: str
    clock: ClockKind
    quality: Quality | None  # None: there was no window
    logits: tuple[float, ...] | None  # None: nobody asked the network
    embedding: tuple[float, ...] | None
    error_ms: float  # of the mapped time; no appliance knows it


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One part: good, or at or above its reject limit."""

    cause: Cause
    sound: Mapping[str, Said]  # by sensor, when nothing is wrong
    troubled: Mapping[str, Mapping[str, Said]]  # by sensor and the mishap's name

    @property
    def is_good(self) -> bool:
        return not self.cause.is_reject


def collect(bundle: Bundle, folder: Path, split: Split, parts: int, jobs: int) -> None:
    """Simulate and hear `parts` parts of a split, ten a station; what is there stays.

    Parts with a defect below its reject limit are left out: passing them is no escape, and
    rejecting them takes none of the good.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        (bundle.folder, folder, split, station, count)
        for station, count in _shares(parts)
        if not _is_there(_path(folder, split, station), count, bundle)
    ]
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    spawn = get_context("spawn")  # not forked: an engine's threads may run here
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_one_thread) as pool:
        waiting = [pool.submit(hear_station, *task) for task in tasks]
        for done in track(as_completed(waiting), "stations, all mishaps", total=len(waiting)):
            done.result()


def read(bundle: Bundle, folder: Path, split: Split, parts: int) -> Iterator[Witnessed]:
    """What `collect` kept of the first `parts` parts.

    Raises:
        FileNotFoundError: they were not all heard.
        ValueError: other networks answered than those of the bundle.
    """
    for station, count in _shares(parts):
        path = _path(folder, split, station)
        kept = json.loads(gzip.decompress(path.read_bytes()))
        if kept["networks"] != networks(bundle):
            raise ValueError(f"{path}: other networks answered than the bundle's; hear them again")
        for row in kept["parts"]:
            if row["index"] < count:
                yield Witnessed(
                    Cause(**row["cause"]),
                    {name: _said(one) for name, one in row["sound"].items()},
                    {
                        name: {mishap: _said(one) for mishap, one in some.items()}
                        for name, some in row["troubled"].items()
                    },
                )


def _shares(parts: int) -> list[tuple[int, int]]:
    """(station, its number of parts): one station after the other, so that more parts add files."""
    starts = range(0, parts, PER_STATION)
    return [(start // PER_STATION, min(PER_STATION, parts - start)) for start in starts]


def sensors_of(bundle: Bundle) -> dict[str, Sensor]:
    """One sensor for each detector, as the simulator's pools describe theirs."""
    return {
        name: sensor(name, {"sense": one.sense}, bundle)
        for name, one in bundle.manifest.detectors.items()
    }


Answered = tuple[tuple[float, ...], tuple[float, ...] | None]  # logits, embedding


class Listener:
    """The appliance's ears for one part: windows and networks."""

    def __init__(self, bundle: Bundle, detectors: Mapping[str, Detector], scene: Scene) -> None:
        passports = bundle.manifest.detectors
        self._senses = {name: one.sense for name, one in passports.items()}
        self._needs = {
            name: need(one, passports[one.input].input, DELAY_S)
            for name, one in sensors_of(bundle).items()
        }
        self._detectors = detectors
        self._scene = scene
        self._answered: dict[tuple[str, bytes], Answered] = {}  # a window is asked once

    def hear(self, name: str) -> Said:
        """One sensor, with which nothing is wrong."""
        return self._said(name, self._scene.watch(self._needs[name], self._senses[name]))

    def hear_troubled(self, name: str, mishap: Mishap, chance: np.random.Generator) -> Said:
        """The same sensor with a mishap, drawn by `chance`."""
        watched = self._scene.watch(
            self._needs[name],
            self._senses[name],
            mishap.draw(chance),
            trust=mishap.trust,
            heard_s=mishap.heard_s,
        )
        return self._said(name, watched)

    def _said(self, name: str, watched: Watched) -> Said:
        window, error_ms = watched.window, round(watched.error_ns * 1e-6, 3)
        lacks = None if watched.is_whole else shortfall(window)
        status, reason = lacks or ("ok", "")
        if window is None:
            return Said(status, reason, "envelope", None, None, None, error_ms)
        logits, embedding = (None, None) if lacks else self._ask(name, window)
        return Said(status, reason, window.clock, window.quality, logits, embedding, error_ms)

    def _ask(self, name: str, window: Window) -> Answered:
        key = name, window.data.tobytes()
        if key not in self._answered:
            score = self._detectors[name].infer(window)
            embedding = None if score.embedding is None else tuple(score.embedding.tolist())
            self._answered[key] = tuple(score.logits.tolist()), embedding
        return self._answered[key]


def hear_station(bundle_folder: Path, folder: Path, split: Split, station: int, count: int) -> None:
    """Every part of one station that is good or a reject; before each stood the one before it."""
    bundle, detectors = _loaded(bundle_folder)
    place = split.first_station + station
    idle = simulate_idle(split.seed, place, duration_s=IDLE_S)
    before = simulate_part(split.seed, place, count, duration_s=DURATION_S)
    rows = []
    for index in range(count):
        cause = drawn_cause(split.seed, place, index, defect_share=split.defect_share)
        if cause.severity > 0.0 and not cause.is_reject:
            continue
        part = simulate_part(split.seed, place, index, duration_s=DURATION_S, cause=cause)
        seed = place * 1000 + index
        listener = Listener(bundle, detectors, Scene(part, before, idle, seed=seed))
        rows.append({"index": index, "cause": asdict(cause), **_hear_part(listener, bundle, seed)})
        before = part
    kept = {"networks": networks(bundle), "count": count, "parts": rows}
    path = _path(folder, split, station)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(gzip.compress(json.dumps(kept).encode()))
    unfinished.replace(path)


def _hear_part(listener: Listener, bundle: Bundle, seed: int) -> dict[str, Any]:
    names = list(bundle.manifest.detectors)
    return {
        "sound": {name: asdict(listener.hear(name)) for name in names},
        "troubled": {
            name: {
                one.name: asdict(
                    listener.hear_troubled(name, one, np.random.default_rng([seed, place, ordinal]))
                )
                for ordinal, one in enumerate(mishaps())
            }
            for place, name in enumerate(names)
        },
    }


@cache
def _loaded(folder: Path) -> tuple[Bundle, dict[str, Detector]]:
    """Once a process."""
    bundle = load(folder)
    names = bundle.manifest.detectors
    return bundle, {name: proved.load(bundle, name, opener(ENGINE), threads=1) for name in names}


def _is_there(path: Path, count: int, bundle: Bundle) -> bool:
    if not path.exists():
        return False
    kept = json.loads(gzip.decompress(path.read_bytes()))
    return int(kept["count"]) >= count and bool(kept["networks"] == networks(bundle))


def _path(folder: Path, split: Split, station: int) -> Path:
    return folder / f"{split.name}-{split.first_station + station}.json.gz"


def _said(kept: dict[str, Any]) -> Said:
    return _SAID.validate_python(kept)


_SAID = TypeAdapter(Said)


def _one_thread() -> None:
    cv2.setNumThreads(1)
