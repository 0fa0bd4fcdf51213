"""What the bundle's networks answer to simulated parts, and what their windows measure.

Kept in one small file for every 100 parts, so that a run that was cut short goes on where it ended.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from edge.bundle import Bundle, load
from edge.fusion.doubt import measures
from models import dataset
from models.dataset import MONITOR
from models.monitor.windows import Windows, windows
from models.study.kept import networks, runners
from sensors.signal import Quality
from sensors.simulator.cause import HYPOTHESES

Real = NDArray[np.float64]
SHARD = 100  # parts a file


@dataclass(frozen=True, slots=True)
class Observed:
    """Windows of one detector, a row each."""

    logits: Real  # (window, class)
    embedding: Real  # (window, feature)
    measured: Mapping[str, Real]  # measure -> (window,); all but the distance

    def rows(self, chosen: NDArray[np.bool_]) -> "Observed":
        """Some of the windows."""
        measured = {key: values[chosen] for key, values in self.measured.items()}
        return Observed(self.logits[chosen], self.embedding[chosen], measured)


@dataclass(frozen=True, slots=True)
class Observations:
    """Of every detector, the same parts in the same order."""

    hypothesis: NDArray[np.int64]  # index into HYPOTHESES
    of: Mapping[str, Observed]

    def __len__(self) -> int:
        return int(self.hypothesis.size)

    def rows(self, chosen: NDArray[np.bool_]) -> "Observations":
        """Some of the parts."""
        picked = {name: one.rows(chosen) for name, one in self.of.items()}
        return Observations(self.hypothesis[chosen], picked)


def collect(bundle: Bundle, parts: int, jobs: int, kept: Path) -> Observations:
    """Simulate parts that no other split has, and ask the networks about them."""
    folder = kept / _key(bundle)
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        (bundle.folder, start, min(SHARD, parts - start), folder / f"{start:06d}-{parts}.npz")
        if parts - start < SHARD
        else (bundle.folder, start, SHARD, folder / f"{start:06d}.npz")
        for start in range(0, parts, SHARD)
    ]
    todo = [task for task in tasks if not task[3].exists()]
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    spawn = get_context("spawn")  # not forked: an engine's threads may run here
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_one_thread) as pool:
        label = f"simulating and asking, {SHARD} parts a step"
        for _ in track(pool.map(_observe_shard, todo), label, total=len(todo)):
            pass
    return joined([_read(task[3], list(bundle.manifest.detectors)) for task in tasks])


def observe(seen: Iterator[tuple[int, Windows]], bundle: Bundle) -> Observations:
    """Ask the appliance's own runner about windows of parts of these hypotheses."""
    answer = runners(bundle.folder)
    hypothesis: list[int] = []
    rows: dict[str, list[tuple[Real, Real, dict[str, float]]]] = {name: [] for name in answer}
    for truth, cut in seen:
        hypothesis.append(truth)
        for name, runner in answer.items():
            window, passport = cut[name], bundle.manifest.detectors[name]
            said = runner.run(window.data)
            logits, embedding = said[passport.logits], said[passport.embedding or "embedding"]
            found = _measures(window.quality, logits, passport.temperature)
            rows[name].append((logits.astype(float), embedding.astype(float), found))
    return Observations(np.array(hypothesis), {n: _stacked(found) for n, found in rows.items()})


def joined(shards: list[Observations]) -> Observations:
    """One after the other."""
    of = {}
    for name in shards[0].of:
        each = [one.of[name] for one in shards]
        measured = {
            key: np.concatenate([one.measured[key] for one in each]) for key in each[0].measured
        }
        of[name] = Observed(
            np.concatenate([one.logits for one in each]),
            np.concatenate([one.embedding for one in each]),
            measured,
        )
    return Observations(np.concatenate([one.hypothesis for one in shards]), of)


def _measures(
    quality: Quality, logits: NDArray[np.float32], temperature: float
) -> dict[str, float]:
    return measures(quality, logits, None, temperature, None)


def _stacked(rows: list[tuple[Real, Real, dict[str, float]]]) -> Observed:
    keys = rows[0][2]
    measured = {key: np.array([one[2][key] for one in rows]) for key in keys}
    return Observed(
        np.array([one[0] for one in rows]), np.array([one[1] for one in rows]), measured
    )


def _key(bundle: Bundle) -> str:
    """Answers belong to these networks and no others."""
    listed = "".join(f"{file} {digest}\n" for file, digest in sorted(networks(bundle).items()))
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def _observe_shard(task: tuple[Path, int, int, Path]) -> None:
    folder, start, count, file = task

    def seen() -> Iterator[tuple[int, Windows]]:
        for part in dataset.parts(MONITOR, start, count):
            yield HYPOTHESES.index(part.cause.hypothesis), windows(part)

    found = observe(seen(), load(folder))
    columns: dict[str, NDArray[np.generic]] = {"hypothesis": found.hypothesis}
    for name, one in found.of.items():
        columns |= {f"{name}.logits": one.logits, f"{name}.embedding": one.embedding}
        columns |= {f"{name}.measured.{key}": values for key, values in one.measured.items()}
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as out:
        np.savez(out, allow_pickle=False, **columns)
    unfinished.replace(file)


def _read(file: Path, names: list[str]) -> Observations:
    with np.load(file) as data:
        of = {}
        for name in names:
            head = f"{name}.measured."
            measured = {key.removeprefix(head): data[key] for key in data if key.startswith(head)}
            of[name] = Observed(data[f"{name}.logits"], data[f"{name}.embedding"], measured)
        return Observations(data["hypothesis"], of)


def _one_thread() -> None:
    """Processes share the cores already; threads inside them only get in each other's way."""
    cv2.setNumThreads(1)
