"""What several windows of one sensor say together: a defect that one of them shows is not lost."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from edge.fusion.combination import combine
from edge.fusion.errors import Undefined
from edge.fusion.mass import Mass, vacuous
from edge.fusion.sightings import least_conflict, together
from fusion.masses import ABCD, assert_same, drawn, frame_of, mass

# A camera that sees scratches and cracks: o is ok, s scratch, c crack, r what only others see
CAMERA = frame_of("oscr")
GOOD = CAMERA.mask("o")
DEFECTS = CAMERA.everything & ~GOOD
OK = ABCD.mask("a")
WINDOWS = st.lists(drawn(), min_size=1, max_size=4)


def seen(scratch: float, good: float, crack: float = 0.0) -> Mass:
    rest = 1.0 - scratch - good - crack
    return mass(CAMERA, {"s": scratch, "c": crack, "or": good, "oscr": rest})


def test_a_scratch_that_one_window_shows_stays_as_it_was_shown() -> None:
    """By hand: 0.95 was sighted; of the other 0.05 the least share is good, 0.01 / 0.05."""
    joined = together([seen(0.01, 0.98), seen(0.95, 0.01)], GOOD)
    # weights on the scratch 0.99 / 1 and 0.05 / 1: the least leaves 0.05 open
    expected = {"s": 0.95, "or": 0.05 * 0.01 / 0.05, "oscr": 0.05 * (1 - 0.01 / 0.05)}
    assert_same(joined, mass(CAMERA, expected))


def test_windows_that_sighted_different_defects_leave_open_which_not_whether() -> None:
    joined = together([seen(0.9, 0.0), seen(0.0, 0.0, crack=0.9)], GOOD)
    assert joined.belief(DEFECTS) == pytest.approx(1 - 0.1 * 0.1)
    assert joined[CAMERA.mask("s")] == pytest.approx(joined[CAMERA.mask("c")])


@given(WINDOWS)
def test_belief_in_a_defect_is_at_least_that_of_any_window(windows: list[Mass]) -> None:
    joined = together(windows, OK)
    defects = ABCD.everything & ~OK
    assert joined.belief(defects) >= max(one.belief(defects) for one in windows) - 1e-9


@given(WINDOWS)
def test_what_holds_the_good_hypothesis_has_no_more_than_any_window_gives_it(
    windows: list[Mass],
) -> None:
    """So at the same limit no part passes that one of its windows alone would have held back."""
    joined = together(windows, OK)
    for at in range(1, ABCD.everything):
        if at & OK:
            assert joined[at] <= min(one[at] for one in windows) + 1e-9


@given(drawn(), st.integers(1, 4))
def test_what_is_said_several_times_counts_once(one: Mass, times: int) -> None:
    assert_same(together([one] * times, OK), one, within=1e-9)


@given(st.lists(drawn(), min_size=2, max_size=3))
def test_the_order_of_windows_counts_for_nothing(windows: list[Mass]) -> None:
    first = together(windows, OK)
    for others in itertools.permutations(windows):
        assert_same(together(others, OK), first, within=1e-9)


def test_whole_masses_by_the_cautious_rule_contradict_each_other_where_nobody_does() -> None:
    """Why windows are not combined so: both say good, and 0.59 is conflict."""
    one, other = seen(0.04, 0.95), seen(0.01, 0.98)
    assert combine("cautious", [one, other]).mass[0] == pytest.approx(0.588)
    assert together([one, other], GOOD)[CAMERA.mask("or")] == pytest.approx(0.95)
    assert least_conflict(one, other) == pytest.approx(0.02)


def test_divided_out_the_cautious_rules_conflict_would_let_a_late_scratch_half_go() -> None:
    raw = combine("cautious", [seen(0.01, 0.98), seen(0.98, 0.01)]).mass
    assert raw[CAMERA.mask("or")] / (1 - raw[0]) == pytest.approx(0.4975, abs=1e-4)
    assert together([seen(0.01, 0.98), seen(0.98, 0.01)], GOOD).belief(GOOD | 0b1000) < 0.02


def test_to_the_cautious_rule_a_vacuous_window_is_no_missing_one() -> None:
    """Whole masses: its weight of the empty set, 1, is the least. So windows without evidence are
    left out; of sightings it takes nothing away, and leaves nothing to be good."""
    one = seen(0.5, 0.49)
    assert combine("cautious", [one, vacuous(CAMERA)], literally=True).mass[0] > 0.9
    joined = together([one, vacuous(CAMERA)], GOOD)
    assert_same(joined, mass(CAMERA, {"s": 0.5, "oscr": 0.5}))


def test_a_window_that_is_sure_of_a_defect_is_refused_with_the_cure() -> None:
    sure = mass(CAMERA, {"s": 1.0})
    with pytest.raises(Undefined, match="discount it first"):
        together([sure, seen(0.1, 0.8)], GOOD)
    nearly = mass(CAMERA, {"s": 1.0 - 1e-12, "oscr": 1e-12})
    assert together([nearly, seen(0.1, 0.8)], GOOD).belief(DEFECTS) == pytest.approx(1.0)


def test_no_window_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="vacuous"):
        together([], GOOD)


@given(drawn(), drawn())
def test_the_least_conflict_is_that_of_the_most_agreeing_joint_mass(one: Mass, other: Mass) -> None:
    """Against a linear programme over all joint masses (scipy, HiGHS)."""
    pairs = list(itertools.product(one.focal, other.focal))
    cost = [float(not a & b) for a, b in pairs]
    rows = [[float(a == at) for a, _ in pairs] for at in one.focal]
    rows += [[float(b == at) for _, b in pairs] for at in other.focal]
    margins = [*one.focal.values(), *other.focal.values()]
    best = linprog(cost, A_eq=np.array(rows), b_eq=margins)
    assert least_conflict(one, other) == pytest.approx(best.fun, abs=1e-7)
    assert least_conflict(other, one) == pytest.approx(best.fun, abs=1e-7)
