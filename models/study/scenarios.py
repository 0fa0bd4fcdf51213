"""What may go wrong between a part and the fusion: each scenario makes other answers of the same.

Only the answers to the compared parts are disturbed. Except where a sensor is missing, nothing and
nobody tells the fusion: the health monitors are off, the limits those of three sound sensors. A
stuck sensor that the monitors find has reliability 0: to the fusion it is a missing one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.manifest import Detector
from models.study.believed import Logits

Truths = NDArray[np.bool_]
Disturb = Callable[[Logits, Truths, Generator], Logits]  # answers, which parts are good

CONFIDENT = 0.9  # a stuck sensor repeats a good part of which so many are less surely good
ALL_NOISE = 2.0  # standard deviation added to each logit over temperature, of every sensor
ONE_NOISE = 4.0  # the same, of one sensor
TOGETHER = 0.1  # share of the parts on which two sensors err at once


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row: `disturb` returns new answers; a detector it leaves out is missing, and known so."""

    name: str
    words: str
    disturb: Disturb


def scenarios(detectors: Mapping[str, Detector], good: str) -> tuple[Scenario, ...]:
    """All of them, for these detectors; the order is part of their seeds."""
    rows = [Scenario("clean", "as answered", _unchanged)]
    for name in detectors:
        words = f"{name} missing, or sick, and known to be: left out, limits set without it"
        rows.append(Scenario(f"{name} missing", words, partial(_without, name)))
    for name, detector in detectors.items():
        words = f"{name} repeats the answers to one confidently good part, and nobody knows"
        passing = [good in one.hypotheses for one in detector.classes].index(True)
        rows.append(Scenario(f"{name} stuck", words, partial(_stuck, name, passing)))
    temperatures = {name: one.temperature for name, one in detectors.items()}
    words = f"Gaussian noise of {ALL_NOISE:g} temperatures on every logit of every sensor"
    rows.append(Scenario("all noisy", words, partial(_noisy, ALL_NOISE, temperatures)))
    for name, warmth in temperatures.items():
        words = f"Gaussian noise of {ONE_NOISE:g} temperatures on every logit of {name}"
        rows.append(Scenario(f"{name} noisy", words, partial(_noisy, ONE_NOISE, {name: warmth})))
    for pair in combinations(detectors, 2):
        words = f"{TOGETHER:.0%} of parts: {' and '.join(pair)} answer as to one other, good part"
        label = f"{' and '.join(pair)} err together"
        rows.append(Scenario(label, words, partial(_astray, pair)))
    return tuple(rows)


def disturbed(
    rows: tuple[Scenario, ...], logits: Logits, is_good: Truths, seed: int
) -> dict[str, Logits]:
    """The answers in every scenario; each has a stream of random numbers of its own."""
    return {
        row.name: row.disturb(logits, is_good, np.random.default_rng([seed, ordinal]))
        for ordinal, row in enumerate(rows)
    }


def _unchanged(logits: Logits, _is_good: Truths, _random: Generator) -> Logits:
    return logits


def _without(name: str, logits: Logits, _is_good: Truths, _random: Generator) -> Logits:
    return {one: rows for one, rows in logits.items() if one != name}


def _stuck(name: str, passing: int, logits: Logits, is_good: Truths, _random: Generator) -> Logits:
    healthy = logits[name][is_good]
    margin = healthy[:, passing] - np.delete(healthy, passing, axis=1).max(axis=1)
    repeated = healthy[np.argsort(margin)[int(CONFIDENT * (margin.size - 1))]]
    return {**logits, name: np.broadcast_to(repeated, logits[name].shape)}


def _noisy(
    deviation: float,
    temperatures: Mapping[str, float],
    logits: Logits,
    _is_good: Truths,
    random: Generator,
) -> Logits:
    noisy = dict(logits)
    for name, temperature in temperatures.items():
        noise = random.standard_normal(logits[name].shape)
        noisy[name] = logits[name] + deviation * temperature * noise
    return noisy


def _astray(pair: tuple[str, ...], logits: Logits, is_good: Truths, random: Generator) -> Logits:
    is_astray = random.random(is_good.size) < TOGETHER
    donors = random.choice(np.flatnonzero(is_good), is_good.size)
    changed = {
        name: np.where(is_astray[:, None], logits[name][donors], logits[name]) for name in pair
    }
    return {**logits, **changed}
