"""The motor's figures without a network: LDA of the same readings, of plain levels, of nothing.

Plain and relative: a reference is the healthy machine under the same load, at the other speeds.
"""

from collections.abc import Callable, Mapping

import numpy as np

from models.study.recordings.figures import Figure, Labels, Real, accuracy
from models.study.recordings.motors import HEALTHY, Motor
from models.study.recordings.plain import discriminant

SHRINKAGE = 0.8

View = Callable[[Motor], Real]
VIEWS: Mapping[str, View] = {
    "LDA of the same readings": lambda one: np.asarray(one.readings.mean(axis=0)),
    "LDA of plain levels": lambda one: one.level,
}


def figures(study: str, motors: list[Motor], learnt_lb: int, judged_lb: int) -> list[Figure]:
    """Of every view as it is and relative, and of the means alone."""
    split = f"{learnt_lb} lb -> {judged_lb} lb"
    known = [one for one in motors if one.load_lb == learnt_lb]
    asked = [one for one in motors if one.load_lb == judged_lb]
    found = []
    for what, view in VIEWS.items():
        found += _judged(study, known, asked, what, "detector", view, split)
        less = _relative(motors, view)
        found += _judged(study, known, asked, f"{what}, relative", "detector", less, split)
    found += _judged(study, known, asked, "means alone", "shortcut", lambda m: m.mean, split)
    return found


def _judged(
    study: str,
    known: list[Motor],
    asked: list[Motor],
    what: str,
    role: str,
    view: View,
    split: str,
) -> list[Figure]:
    groups = np.array([one.condition for one in asked])
    inputs, unseen = (np.stack([view(one) for one in each]) for each in (known, asked))
    found = []
    for task, name in (("7 families", "family"), ("13 conditions", "condition")):
        labels, truth = (np.array([getattr(m, name) for m in each]) for each in (known, asked))
        said: Labels = discriminant(inputs, labels, SHRINKAGE)(unseen)
        found.append(accuracy(study, f"{task}: {what}", truth, said, groups, split, role=role))
    return found


def _relative(motors: list[Motor], view: View) -> View:
    """Less the mean of the healthy machine under the same load at the other speeds."""

    def less(one: Motor) -> Real:
        reference = [
            view(m)
            for m in motors
            if m.condition == HEALTHY and m.load_lb == one.load_lb and m.rpm != one.rpm
        ]
        return np.asarray(view(one) - np.mean(reference, axis=0))

    return less
