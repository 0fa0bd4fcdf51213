"""Every rule of combination on the same masses, as the appliance would decide by it.

A detector that is not among the answers is missing, and the plant accepts that (`on_missing =
"accept"`): belief in ok is taken as if nobody had asked about the defects that it alone could have
ruled out. Under "inspect" no part would pass, and there would be nothing to compare.
"""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from edge.fusion.combination import combine
from edge.fusion.decision import Absence, Criteria, criteria
from edge.fusion.errors import TotalConflict, Undefined
from edge.fusion.evidence import excludes, statement
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from edge.fusion.rules import RULES
from edge.manifest import Manifest
from models.study.opinion import EVEN_BELIEF, Opinion, joined

Real = NDArray[np.float64]
Logits = Mapping[str, Real]  # detector -> (part, class)

BLOCK = 500  # parts a task
SILENT = (np.inf, 0.0, 0.0, 1.0)  # doubt, charge, conflict, is silent


def believe(
    asked: Mapping[str, Logits], manifest: Manifest, jobs: int
) -> dict[str, dict[str, Opinion]]:
    """For each set of answers, each rule's opinion on its parts."""
    tasks = [(key, block, manifest) for key, logits in asked.items() for block in _blocks(logits)]
    found: dict[str, list[dict[str, Opinion]]] = {key: [] for key in asked}
    label = f"combining, {BLOCK} parts a step"
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = pool.map(_task, tasks)
        for (key, _, _), opinions in zip(tasks, track(done, label, total=len(tasks)), strict=True):
            found[key].append(opinions)
    return {
        key: {rule: joined([one[rule] for one in blocks]) for rule in RULES}
        for key, blocks in found.items()
    }


def opinions(logits: Logits, manifest: Manifest) -> dict[str, Opinion]:
    """Each rule's opinion on these parts."""
    held = held_against(logits, manifest)
    said: dict[str, list[tuple[float, float, float, float]]] = {rule: [] for rule in RULES}
    for i in range(len(next(iter(logits.values())))):
        masses = [
            statement(rows[i], manifest.detectors[name], held.frame, 1.0).mass
            for name, rows in logits.items()
        ]
        for rule, column in said.items():
            column.append(_opinion(rule, masses, held))
    return {rule: _stacked(column) for rule, column in said.items()}


def held_against(logits: Logits, manifest: Manifest) -> Criteria:
    """What parts are held against when only these detectors answer, and the others are accepted."""
    frame, watched, absent = Frame(manifest.hypotheses), 0, []
    for name, detector in manifest.detectors.items():
        rules_out = excludes(detector, frame, manifest.good)
        if name in logits:
            watched |= rules_out
        else:
            absent.append(Absence(name, is_accepted=True, excludes=rules_out))
    limits = manifest.thresholds_for(frozenset(logits))
    return criteria(frame, manifest.good, limits, absent, watched=watched)


def _opinion(rule: str, masses: list[Mass], held: Criteria) -> tuple[float, float, float, float]:
    try:
        standing = held.standing(combine(rule, masses))
    except (TotalConflict, Undefined):
        return SILENT
    return 1.0 - standing.passing, standing.defect, standing.conflict, 0.0


def _stacked(column: list[tuple[float, float, float, float]]) -> Opinion:
    doubt, charge, conflict, silent = np.array(column, np.float64).reshape(-1, 4).T
    return Opinion(doubt, charge, conflict, silent > 0.0, EVEN_BELIEF)


def _task(task: tuple[str, Logits, Manifest]) -> dict[str, Opinion]:
    _, logits, manifest = task
    return opinions(logits, manifest)


def _blocks(logits: Logits) -> list[Logits]:
    count = len(next(iter(logits.values())))
    return [
        {name: rows[start : start + BLOCK] for name, rows in logits.items()}
        for start in range(0, count, BLOCK)
    ]
