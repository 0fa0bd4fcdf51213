"""Golden data: windows that every engine has to answer as the workshop's engine did.

A few are of plain parts, and most of parts that stand near a threshold, where an engine that
answers otherwise decides otherwise: near, but steady under what engines that calculate honestly
differ by, so that not one decision may change.
"""

import hashlib
import math
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from edge.bundle import Bundle
from edge.certificate import void
from edge.fusion.combination import combine
from edge.fusion.decision import Decided, Standing, criteria, decide_by
from edge.fusion.evidence import excludes, statement
from edge.fusion.frame import Frame
from edge.manifest import Manifest
from models import dataset
from models.answers import answers
from models.calibration.step import write as write_manifest
from models.detectors import DESIGNS
from models.study.kept import one_thread, runners

Inputs = dict[str, NDArray[np.generic]]  # by detector: of one part, or (part, ...) of several
Logits = Mapping[str, NDArray[np.float32]]  # by detector: (part, class)

FILE = "golden.npz"
PLAIN = ("ok", "scratch", "bearing_outer", "rub")  # one part of each, the first there is
NEAR = 4  # parts near a threshold, of each decision
CANDIDATES = 1_000
# Honest engines differ by less than this share of the span of a detector's logits (decision 0017);
# a near part keeps its decision under so much on all logits at once, whatever the signs.
STEADY = 0.01
TRIES = 64
SHARD = 25  # parts a task


def plain() -> list[Inputs]:
    """One part of each plain kind."""
    wanted, found = list(PLAIN), []
    for part in dataset.parts(dataset.GOLDEN, 0, CANDIDATES):
        if part.cause.hypothesis in wanted:
            wanted.remove(part.cause.hypothesis)
            found.append(stored(dataset.network_inputs(part)))
        if not wanted:
            break
    return found


def stored(inputs: Inputs) -> Inputs:
    """As the file keeps them: waveforms in half precision, which is finer than their sensors."""
    return {
        name: one if one.dtype == np.uint8 else one.astype(np.float16)
        for name, one in inputs.items()
    }


def write(out: Path, parts: list[Inputs]) -> dict[str, NDArray[np.float32]]:
    """Keep the parts, and what the networks in `out` answer to them on the CPU, which is returned:
    by detector, (part, class)."""
    columns: Inputs = {}
    said: dict[str, NDArray[np.float32]] = {}
    for name in DESIGNS:
        inputs = np.stack([one[name] for one in parts])
        said[name] = answers(out / f"{name}.onnx", inputs, f"golden, {name}").astype(np.float32)
        columns |= {f"{name}.input": inputs, f"{name}.logits": said[name]}
    np.savez_compressed(out / FILE, allow_pickle=False, **columns)
    return said


def renew(bundle: Bundle, jobs: int) -> dict[str, float]:
    """Put parts near the bundle's own thresholds beside the plain ones; its promise stays.

    Golden data decide about no part, so that a certificate that held before is sealed again.

    Raises:
        ValueError: too few candidates stand near a threshold.
    """
    manifest = bundle.manifest
    parts = plain()
    for number in near(_asked(bundle, jobs), manifest):
        (part,) = dataset.parts(dataset.GOLDEN, number, 1)
        parts.append(stored(dataset.network_inputs(part)))
    kinds = [one.decision for one in keep(manifest, bundle.folder, parts)]
    return {f"golden_{kind}": float(kinds.count(kind)) for kind in ("ok", "uncertain", "defect")}


def keep(manifest: Manifest, folder: Path, parts: list[Inputs]) -> list[Decided]:
    """Have the networks in `folder` answer these parts, and write both and the manifest there."""
    decided = [one for _, one in stand(write(folder, parts), manifest)]
    words = tuple(one.defect or one.decision for one in decided)
    digest = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    update = {
        "files": {**manifest.files, FILE: digest},
        "comparison": manifest.comparison.model_copy(update={"decided": words}),
    }
    renewed = Manifest.model_validate(manifest.model_copy(update=update).model_dump())
    if manifest.certificate and not void(manifest.certificate, manifest.vouched_sha256):
        seal = {"vouched_sha256": renewed.vouched_sha256}
        certificate = manifest.certificate.model_copy(update=seal)
        renewed = renewed.model_copy(update={"certificate": certificate})
    write_manifest(renewed, folder)
    return decided


def near(logits: Logits, manifest: Manifest) -> list[int]:
    """Rows whose decision is nearest to another one, and yet steady; as many of each decision.

    Raises:
        ValueError: fewer are.
    """
    stood = stand(logits, manifest)
    away = np.array([distance(standing, manifest) for standing, _ in stood])
    kinds = np.array([one.decision for _, one in stood])
    chosen: list[int] = []
    for kind in ("ok", "uncertain", "defect"):
        rows = np.flatnonzero(kinds == kind)
        nearest_first = map(int, rows[np.argsort(away[rows], kind="stable")])
        steady = (row for row in nearest_first if is_steady(row, logits, manifest))
        found = list(islice(steady, NEAR))
        if len(found) < NEAR:
            raise ValueError(f"{len(found)} of {NEAR} golden parts near {kind}: simulate more")
        chosen += found
    return chosen


def distance(standing: Standing, manifest: Manifest) -> float:
    """To the nearer of two thresholds of belief, in log-odds: there is where logits live."""
    limits = manifest.thresholds_for(frozenset(manifest.detectors))
    return min(
        abs(_log_odds(standing.passing) - _log_odds(limits.ok_belief)),
        abs(_log_odds(standing.defect) - _log_odds(limits.defect_belief)),
    )


def is_steady(row: int, logits: Logits, manifest: Manifest) -> bool:
    """It is decided alike wherever its logits lie within `STEADY`; tried at corners of that box."""
    rng = np.random.default_rng(row)
    moved = {}
    for name, every in logits.items():
        reach = STEADY * float(np.ptp(every))
        signs = rng.choice([-1.0, 1.0], (TRIES, every.shape[1]))
        moved[name] = (every[row] + reach * signs).astype(np.float32)
    here = stand({name: every[row : row + 1] for name, every in logits.items()}, manifest)[0][1]
    return all(
        (one.decision, one.defect) == (here.decision, here.defect)
        for _, one in stand(moved, manifest)
    )


def stand(logits: Logits, manifest: Manifest) -> list[tuple[Standing, Decided]]:
    """Every part, all sensors at work and healthy, by the appliance's own fusion."""
    frame, watched = Frame(manifest.hypotheses), 0
    for one in manifest.detectors.values():
        watched |= excludes(one, frame, manifest.good)
    limits = manifest.thresholds_for(frozenset(manifest.detectors))
    held = criteria(frame, manifest.good, limits, (), watched=watched)
    found = []
    for row in range(len(next(iter(logits.values())))):
        said = [statement(logits[n][row], d, frame, 1.0) for n, d in manifest.detectors.items()]
        combination = combine(manifest.rule, [one.mass for one in said])
        standing = held.standing(combination)
        found.append((standing, decide_by(held, combination, standing)))
    return found


def _asked(bundle: Bundle, jobs: int) -> Logits:
    """What the networks answer to the candidates, as they would be stored."""
    tasks = [(bundle.folder, start) for start in range(0, CANDIDATES, SHARD)]
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    spawn = get_context("spawn")  # not forked: an engine's threads may run here
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=one_thread) as pool:
        every = list(track(pool.map(_answer, tasks), "golden candidates", total=len(tasks)))
    return {name: np.concatenate([one[name] for one in every]) for name in every[0]}


def _answer(task: tuple[Path, int]) -> dict[str, NDArray[np.float32]]:
    folder, start = task
    answer = runners(folder)
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in answer}
    for part in dataset.parts(dataset.GOLDEN, start, SHARD):
        inputs = stored(dataset.network_inputs(part))
        for name, runner in answer.items():
            rows[name].append(runner.run(_given(inputs[name]))["logits"])
    return {name: np.stack(found) for name, found in rows.items()}


def _given(one: NDArray[np.generic]) -> NDArray[np.generic]:
    return one if one.dtype == np.uint8 else one.astype(np.float32)


def _log_odds(share: float) -> float:
    clipped = min(max(share, 1e-9), 1.0 - 1e-9)
    return math.log(clipped / (1.0 - clipped))
