"""A promise is made where tables allow it and nowhere else, and costs pull where they should."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
scipy_stats = pytest.importorskip("scipy.stats")

from edge.certificate import Costs  # noqa: E402
from edge.manifest import Thresholds  # noqa: E402
from models.calibration.candidates import (  # noqa: E402
    CONFLICTS,
    DEFECT_BELIEFS,
    OK_BELIEFS,
    _counts_of_all,
    by_costs_alone,
    counted,
    path,
    without_repeats,
)
from models.calibration.standings import Standings  # noqa: E402
from models.calibration.testing import certified  # noqa: E402

pytestmark = pytest.mark.workshop

RATE, CONFIDENCE = 0.007, 0.95
CHEAP_ESCAPES = Costs(escape=1.0, false_reject=1000.0, inspection=999.0)
LOOSE = [Thresholds(ok_belief=one, defect_belief=1.0, conflict=1.0) for one in (0.9, 0.5, 0.1)]


def stand(
    passing: np.ndarray,
    is_good: np.ndarray,
    *,
    defect: np.ndarray | None = None,
    conflict: np.ndarray | None = None,
) -> Standings:
    """Parts of which all defects are at or above their limit and can be seen."""
    nothing = np.zeros(passing.size)
    return Standings(
        ("eye",),
        (),
        passing,
        nothing if defect is None else defect,
        nothing if conflict is None else conflict,
        is_good,
        ~is_good,
        np.zeros(passing.size, bool),
    )


def with_escapes(defects: int, escapes: int) -> Standings:
    """So many defects, of which some look as good as any good part."""
    passing = np.concatenate([np.ones(50 + escapes), np.zeros(defects - escapes)])
    return stand(passing, np.arange(passing.size) < 50)


@pytest.mark.parametrize(("defects", "escapes"), [(427, 0), (676, 1), (898, 2), (1106, 3)])
def test_a_promise_takes_the_parts_that_the_exact_table_says_and_not_one_fewer(
    defects: int, escapes: int
) -> None:
    """Fewest defective parts that show 0.7 % at 95 %, by exact one-sided binomial bounds."""
    enough = certified(LOOSE, with_escapes(defects, escapes), Costs(), RATE, CONFIDENCE)
    assert enough.is_certified
    assert enough.chosen.p_value <= 0.05
    short = certified(LOOSE, with_escapes(defects - 1, escapes), Costs(), RATE, CONFIDENCE)
    assert not short.is_certified
    assert short.held == 0
    assert short.defects_missing == 1


def test_without_any_defective_part_nothing_is_promised_and_all_are_missing() -> None:
    found = certified(LOOSE, with_escapes(0, 0), Costs(), RATE, CONFIDENCE)
    assert not found.is_certified
    assert found.defects_missing == 427


def test_a_candidate_behind_one_that_failed_is_never_chosen() -> None:
    """At 0.9 seven of 700 escape; the next is stricter and lets none pass, but comes too late."""
    parts = with_escapes(700, 7)
    strict_but_late = Thresholds(ok_belief=1.0, defect_belief=0.0, conflict=0.0)
    found = certified([*LOOSE, strict_but_late], parts, Costs(), RATE, CONFIDENCE)
    assert not found.is_certified
    alone = certified([strict_but_late], parts, Costs(), RATE, CONFIDENCE)
    assert alone.is_certified


def test_false_promises_are_no_more_frequent_than_stated() -> None:
    """1,500 plants with known escape rates; each time the loosest setting that held is taken.

    A defect's belief in ok is uniform, so exactly a share 1 - t passes at the threshold t. At most
    5 % of the promises may be false; 97 or more of 1,500 would happen once in 144 at exactly 5 %.
    Taking the loosest whose own count looks right is wrong far more often: the test can fail.
    """
    random = np.random.default_rng(20)
    levels = 1.0 - np.linspace(0.0005, 0.02, 40)
    candidates = [Thresholds(ok_belief=one, defect_belief=1.0, conflict=1.0) for one in levels]
    is_good = np.arange(950) < 50
    false, naive, made = 0, 0, 0
    for _ in range(1_500):
        parts = stand(np.where(is_good, 0.98, random.random(950)), is_good)
        found = certified(candidates, parts, CHEAP_ESCAPES, RATE, CONFIDENCE)
        made += found.is_certified
        last = candidates[found.held - 1] if found.held else None
        false += last is not None and 1.0 - last.ok_belief > RATE
        escapes = (parts.passing[~is_good][:, None] >= levels).mean(axis=0)
        naive += 1.0 - levels[np.flatnonzero(escapes <= RATE).max(initial=0)] > RATE
    assert made > 1_200
    assert 20 < false < 97
    assert naive > 400


def plant(seed: int, parts: int = 4_000) -> Standings:
    """Good and defective parts whose beliefs overlap; a tenth of the good ones look bad."""
    random = np.random.default_rng(seed)
    is_good = random.random(parts) < 0.5
    is_alarming = is_good & (random.random(parts) < 0.1)
    sure = random.beta(6.0, 1.2, parts)
    passing = np.where(is_good & ~is_alarming, sure, random.beta(1.0, 9.0, parts) * 0.9)
    conflict = (1.0 - passing) * random.random(parts)
    charge = np.where(is_alarming, random.beta(4.0, 1.5, parts), sure)
    defect = np.where(is_good & ~is_alarming, random.beta(1.0, 9.0, parts), charge)
    defect *= 1.0 - passing
    return stand(passing, is_good, defect=defect, conflict=conflict)


def cheapest(costs: Costs) -> Thresholds:
    candidates = list(without_repeats(path(plant(1), costs)))
    return certified(candidates, plant(2), costs, 0.9, CONFIDENCE).chosen.limits


def test_a_dearer_escape_asks_for_more_belief_in_ok() -> None:
    asked = [cheapest(Costs(escape=price)).ok_belief for price in (10, 100, 1_000, 100_000)]
    assert asked == sorted(asked)
    assert asked[0] < asked[-1]


def test_a_dearer_false_reject_asks_for_more_belief_in_a_defect() -> None:
    asked = [
        cheapest(Costs(false_reject=price, defect_share=0.3)).defect_belief
        for price in (3.5, 10, 100, 10_000)
    ]
    assert asked == sorted(asked)
    assert asked[0] < asked[-1]


def test_a_dearer_inspection_leaves_fewer_parts_uncertain() -> None:
    left = []
    for price in (0.1, 1.0, 5.0, 9.9):
        found = counted(plant(2), cheapest(Costs(inspection=price)))
        left.append(int(found.uncertain_good + found.uncertain_defects))
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1]


def test_where_nothing_was_calibrated_thresholds_are_ratios_of_costs() -> None:
    """By hand: pass while 1 - belief <= 3/1000, reject while 1 - belief <= 3/10."""
    row = by_costs_alone(Costs(escape=1000.0, false_reject=10.0, inspection=3.0))
    assert row.ok_belief == pytest.approx(0.997)
    assert row.defect_belief == pytest.approx(0.7)


def test_whatever_passes_a_setting_passes_the_next_one() -> None:
    candidates = list(without_repeats(path(plant(3), Costs())))
    passed = np.array([plant(4).said(one).passed for one in candidates])
    assert (passed[1:] >= passed[:-1]).all()
    assert passed[0].mean() < 0.1
    assert passed[-1].mean() > 0.4


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, OK_BELIEFS.size - 1),
    st.integers(0, CONFLICTS.size - 1),
    st.integers(0, DEFECT_BELIEFS.size - 1),
    st.integers(0, 50),
)
def test_counts_of_all_settings_are_those_of_each(
    ok: int, gate: int, charge: int, seed: int
) -> None:
    """Beliefs are rounded to the grids' digits, so that many of them lie on a threshold."""
    some = plant(seed, 200)
    some = replace(
        some,
        passing=np.round(some.passing, 2),
        conflict=np.round(some.conflict, 2),
        defect=np.round(some.defect, 2),
    )
    limits = Thresholds(
        ok_belief=OK_BELIEFS[ok], conflict=CONFLICTS[gate], defect_belief=DEFECT_BELIEFS[charge]
    )
    every, one = _counts_of_all(some), counted(some, limits)
    for name in ("escapes", "uncertain_defects", "false_rejects", "uncertain_good"):
        assert getattr(every, name)[ok, gate, charge] == getattr(one, name), name
