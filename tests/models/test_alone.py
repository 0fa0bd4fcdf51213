"""Fusion is held against each sensor where both fail as many good parts; numbers by hand."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edge.manifest import Thresholds
from models.calibration.alone import Pair, compared
from models.calibration.evidence import Evidence
from models.calibration.standings import NEVER, Standings

pytestmark = pytest.mark.workshop

LIMITS = Thresholds(ok_belief=0.5, defect_belief=1.0, conflict=1.0)
GOOD, SEEN, UNSEEN = 4, 6, 2  # parts: good ones, defects that the eye can see, others
KINDS = np.repeat([0, 1, 2], [GOOD, SEEN, UNSEEN])


def _evidence(eye: np.ndarray, ear: np.ndarray) -> Evidence:
    """Reliabilities of two sensors; the rest is not asked for."""
    nothing = np.zeros(KINDS.size)
    return Evidence(
        KINDS, nothing, {}, {"eye": eye, "ear": ear}, {}, {}, "0" * 64
    )  # fmt: skip


def _standings(
    names: tuple[str, ...], passing: list[float], rows: np.ndarray, seen: tuple[int, ...]
) -> Standings:
    kinds = KINDS[rows]
    zeros = np.zeros(rows.size)
    is_seen = np.isin(kinds, seen)
    return Standings(
        names, (), np.array(passing)[rows], zeros, zeros, kinds == 0, is_seen,
        (kinds > 0) & ~is_seen,
    )  # fmt: skip


EVERY = np.arange(KINDS.size)
# fused: the last good part fails, one seen defect passes
FUSED = [0.9, 0.9, 0.9, 0.1, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
# the eye fails one good part below 0.4; four seen defects pass, and both of the other kind
EYE = [0.8, 0.3, 0.6, 0.4, 0.7, 0.5, 0.5, 0.45, 0.2, 0.1, 0.9, 0.9]


def test_both_fail_as_many_good_parts_and_escapes_are_paired() -> None:
    sound = np.ones(KINDS.size)
    fused = _standings(("eye", "ear"), FUSED, EVERY, (1, 2))
    eye = _standings(("eye",), EYE, EVERY, (1,))
    (found,) = compared(_evidence(sound, sound), fused, LIMITS, [eye])
    assert (found.sensor, found.good, found.good_failed) == ("eye", 4, 1)
    assert (found.every.defects, found.every.escapes, found.every.fused_escapes) == (8, 6, 1)
    assert (found.every.only_alone, found.every.only_fused) == (5, 0)
    assert found.every.p_value == pytest.approx(2 * 0.5**5)  # five tosses of a coin, all heads
    assert found.every.times_fewer == 6.0
    assert (found.seen.defects, found.seen.escapes, found.seen.fused_escapes) == (6, 4, 1)
    assert found.seen.p_value == pytest.approx(2 * 0.5**3)


def test_parts_on_which_a_sensor_was_too_sick_are_left_out_of_both() -> None:
    """The first seen defect escapes both; the ear is sick there, so that nobody counts it."""
    ear = np.ones(KINDS.size)
    ear[GOOD] = 0.0
    fused = _standings(("eye", "ear"), FUSED, np.flatnonzero(ear), (1, 2))
    eye = _standings(("eye",), EYE, EVERY, (1,))
    (found,) = compared(_evidence(np.ones(KINDS.size), ear), fused, LIMITS, [eye])
    assert (found.every.defects, found.every.escapes, found.every.fused_escapes) == (7, 5, 0)
    assert found.every.times_fewer == float("inf")


def test_a_part_that_is_barred_passes_no_sensor_however_many_good_ones_may_fail() -> None:
    sound = np.ones(KINDS.size)
    nobody = Thresholds(ok_belief=1.0, defect_belief=1.0, conflict=1.0)
    fused = _standings(("eye", "ear"), FUSED, EVERY, (1, 2))
    foreign = [*EYE[:GOOD], *[NEVER] * (SEEN + UNSEEN)]
    eye = _standings(("eye",), foreign, EVERY, (1,))
    (found,) = compared(_evidence(sound, sound), fused, nobody, [eye])
    assert found.every.escapes == 0


def test_where_nothing_escapes_either_neither_is_better() -> None:
    assert Pair(10, 0, 0, 0, 0, 1.0).times_fewer == 1.0
