"""Discounting and conditioning: numbers from Shafer, Mercier et al. and by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.corrections import condition, discount, discount_by_context
from edge.fusion.errors import TotalConflict
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from fusion.masses import AB, ABC, ABCD, assert_same, drawn, mass, table

SHARES = st.floats(0, 1)


def test_classical_discounting_of_mercier_2008() -> None:
    """a .5, r .5 kept at .6: a .3, r .3, the rest .4."""
    kept = discount(mass(AB, {"a": 0.5, "b": 0.5}), 0.6)
    assert table(kept) == pytest.approx({"a": 0.3, "b": 0.3, "ab": 0.4})


def test_discounting_by_one_changes_nothing_and_by_zero_leaves_ignorance() -> None:
    one = mass(AB, {"a": 0.3, "b": 0.1, "ab": 0.6})
    assert discount(one, 1.0) == one
    assert discount(one, 0.0) == vacuous(AB)


@pytest.mark.parametrize("reliability", [-0.01, 1.01, math.nan])
def test_a_reliability_outside_0_to_1_is_refused(reliability: float) -> None:
    with pytest.raises(ValueError, match=r"reliability is .*; expected 0 to 1"):
        discount(vacuous(AB), reliability)
    with pytest.raises(ValueError, match=r"reliability in context b is .*; expected 0 to 1"):
        discount_by_context(vacuous(AB), {2: reliability})


@given(drawn(is_open=False), SHARES, st.integers(1, 14))
def test_discounting_scales_every_belief_short_of_certainty(
    one: Mass, reliability: float, mask: int
) -> None:
    kept = discount(one, reliability)
    assert kept.belief(mask) == pytest.approx(reliability * one.belief(mask), abs=1e-12)
    assert math.fsum(kept.focal.values()) == pytest.approx(1.0)


def test_contextual_discounting_of_mercier_2008_case_1() -> None:
    """An aircraft may be taken for a rocket, not the other way round: a .5, r .3, a or r .2."""
    ahr = Frame(("a", "h", "r"))
    kept = discount_by_context(mass(ahr, {"a": 0.5, "r": 0.5}), {ahr.mask(["a"]): 0.6})
    assert table(kept) == pytest.approx({"a": 0.5, "r": 0.3, "ar": 0.2})


def test_a_sensor_blind_to_one_defect_never_speaks_against_it() -> None:
    """Reliability 0 where b is true: whatever is said, b may be true instead."""
    kept = discount_by_context(mass(ABC, {"a": 0.7, "c": 0.2, "abc": 0.1}), {ABC.mask("b"): 0.0})
    assert table(kept) == pytest.approx({"ab": 0.7, "bc": 0.2, "abc": 0.1})


@given(drawn(least=0, is_open=False), SHARES)
def test_one_context_that_is_the_whole_frame_is_shafers_discounting(
    one: Mass, reliability: float
) -> None:
    by_context = discount_by_context(one, {ABCD.everything: reliability})
    assert_same(by_context, discount(one, reliability))


@given(drawn(), st.dictionaries(st.integers(1, 15), SHARES, max_size=4))
def test_contextual_discounting_is_a_disjunctive_combination_in_any_order(
    one: Mass, reliabilities: dict[int, float]
) -> None:
    """Mercier et al. 2008: with one mass a context, on the empty set and the context."""
    widened = [Mass(ABCD, {0: b, context: 1 - b}) for context, b in reliabilities.items()]
    expected = combine("disjunctive", [one, *widened], literally=True).mass
    assert_same(discount_by_context(one, reliabilities), expected)
    backwards = dict(reversed(reliabilities.items()))
    assert_same(discount_by_context(one, backwards), expected)


@pytest.mark.parametrize(("context", "match"), [(0, "empty set is no context"), (4, "foreign")])
def test_a_context_in_which_no_truth_can_lie_is_refused(context: int, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        discount_by_context(vacuous(AB), {context: 0.5})


def test_peters_alibi_leaves_paul_and_mary() -> None:
    """Smets' Mr Jones: a man or Mary, each .5; Peter was elsewhere."""
    suspects = Frame(("peter", "paul", "mary"))
    said = Mass(suspects, {suspects.mask(["peter", "paul"]): 0.5, suspects.mask(["mary"]): 0.5})
    left = condition(said, suspects.mask(["paul", "mary"]))
    assert left.pignistic() == pytest.approx({"peter": 0.0, "paul": 0.5, "mary": 0.5})


def test_what_lies_outside_is_divided_out_or_kept_as_conflict() -> None:
    one = mass(ABC, {"a": 0.5, "bc": 0.3, "abc": 0.2})
    given_b_or_c = ABC.mask("bc")
    assert table(condition(one, given_b_or_c)) == pytest.approx({"bc": 1.0})
    kept = condition(one, given_b_or_c, keeps_conflict=True)
    assert table(kept) == pytest.approx({"": 0.5, "bc": 0.5})


@given(drawn(is_open=False), st.integers(1, 15))
def test_conditioning_is_combining_with_certainty(one: Mass, given_set: int) -> None:
    """Shafer 1976, ch. 3."""
    certain = Mass(ABCD, {given_set: 1.0})
    kept = condition(one, given_set, keeps_conflict=True)
    assert_same(kept, combine("conjunctive", [one, certain], literally=True).mass)
    if one.plausibility(given_set):
        divided = condition(one, given_set)
        assert_same(divided, combine("dempster", [one, certain], literally=True).mass)


def test_what_was_held_impossible_cannot_be_given() -> None:
    with pytest.raises(TotalConflict, match="b has plausibility 0 and cannot be given; discount"):
        condition(mass(AB, {"a": 1.0}), AB.mask("b"))
    assert condition(mass(AB, {"a": 1.0}), AB.mask("b"), keeps_conflict=True)[0] == 1.0


def test_conditioning_on_a_foreign_set_is_refused() -> None:
    with pytest.raises(ValueError, match="foreign"):
        condition(vacuous(AB), 4)
