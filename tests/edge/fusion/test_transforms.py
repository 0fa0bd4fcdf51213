"""A mass and its belief, plausibility and commonality are the same knowledge."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.fusion.transforms import (
    Real,
    beliefs,
    commonalities,
    dense,
    from_beliefs,
    from_commonalities,
    from_plausibilities,
    part_subsets,
    part_supersets,
    plausibilities,
    sparse,
    sum_subsets,
    sum_supersets,
)
from fusion.masses import ABC, ABCD, SOURCES, assert_same, drawn, frame_of, mass

WAYS = [
    (beliefs, from_beliefs),
    (plausibilities, from_plausibilities),
    (commonalities, from_commonalities),
]
SIXTEEN = frame_of("abcdefghijklmnop")


@given(drawn(least=0, is_open=False))
def test_arrays_hold_for_each_set_what_the_mass_says_of_it(one: Mass) -> None:
    for mask in range(16):
        assert dense(one)[mask] == one[mask]
        assert beliefs(one)[mask] == pytest.approx(one.belief(mask), abs=1e-12)
        assert plausibilities(one)[mask] == pytest.approx(one.plausibility(mask), abs=1e-12)
        assert commonalities(one)[mask] == pytest.approx(one.commonality(mask), abs=1e-12)


@pytest.mark.parametrize(("there", "back"), WAYS)
@given(one=drawn(least=0, is_open=False))
def test_the_mass_comes_back(
    there: Callable[[Mass], Real], back: Callable[[Frame, Real], Mass], one: Mass
) -> None:
    assert_same(back(ABCD, there(one)), one)


@pytest.mark.parametrize(("there", "back"), WAYS)
def test_the_mass_comes_back_from_the_largest_frame_without_a_set_more(
    there: Callable[[Mass], Real], back: Callable[[Frame, Real], Mass]
) -> None:
    rng = np.random.default_rng(16)
    sets = [*map(int, rng.choice(SIXTEEN.everything, 40, False) + 1)]
    one = Mass(SIXTEEN, dict(zip(sets, rng.dirichlet(np.ones(40)), strict=True)))
    again = back(SIXTEEN, there(one))
    assert again.focal.keys() == one.focal.keys()
    assert_same(again, one)


@given(sources=SOURCES)
def test_commonalities_multiply_under_conjunctive_combination(sources: list[Mass]) -> None:
    """Shafer 1976, ch. 3."""
    product = np.prod([commonalities(one) for one in sources], axis=0)
    combined = combine("conjunctive", sources).mass
    assert commonalities(combined) == pytest.approx(product, abs=1e-12)


@given(sources=SOURCES)
def test_beliefs_of_the_contrary_multiply_under_disjunctive_combination(
    sources: list[Mass],
) -> None:
    """A union lies in a set if all its parts do (Dubois & Prade 1986)."""
    product = np.prod([beliefs(one) for one in sources], axis=0)
    combined = combine("disjunctive", sources, literally=True).mass
    assert beliefs(combined) == pytest.approx(product, abs=1e-12)


def test_denoeux_2008s_example_has_its_commonalities() -> None:
    """m: ab .3, bc .5, abc .2; by hand, in the order of the bits of a, b, c."""
    one = mass(ABC, {"ab": 0.3, "bc": 0.5, "abc": 0.2})
    assert commonalities(one) == pytest.approx([1, 0.5, 1, 0.5, 0.7, 0.2, 0.7, 0.2])


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_sums_and_parts_undo_each_other(numbers: list[float]) -> None:
    values = np.array(numbers)
    assert part_subsets(sum_subsets(values)) == pytest.approx(values, abs=1e-12)
    assert part_supersets(sum_supersets(values)) == pytest.approx(values, abs=1e-12)


def test_several_sources_are_transformed_at_once_and_none_is_changed() -> None:
    both = np.stack([dense(vacuous(ABC)), dense(mass(ABC, {"a": 1.0}))])
    before = both.copy()
    summed = sum_subsets(both)
    assert summed[0] == pytest.approx([0, 0, 0, 0, 0, 0, 0, 1])
    assert summed[1] == pytest.approx([0, 1, 0, 1, 0, 1, 0, 1])
    assert np.array_equal(both, before)


@pytest.mark.parametrize(
    ("back", "values", "match"),
    [
        (from_beliefs, [0, 0.5, 0.5], r"shape \(3,\).*expected \(4,\)"),
        (from_beliefs, [0, 0.7, 0.7, 1], r"mass of a\|b would be -0\.4"),
        (from_beliefs, [0, 0.5, 0.2, 1.2], "mass of ∅ would be -0.2"),
        (from_beliefs, [0.1, 0.5, 0.5, 1], r"belief of the empty set is 0\.1; expected 0"),
        (from_beliefs, [0, np.nan, 0.5, 1], "not finite"),
        (from_plausibilities, [0, 0.3, 0.3, 1], r"mass of a\|b would be -0\.4"),
        (from_commonalities, [0.9, 0.5, 0.5, 0], "commonality of the empty set is 0.9; expected 1"),
        (from_commonalities, [1, 0.2, 0.3, 0.4], "mass of a would be -0.2"),
    ],
)
def test_what_no_mass_function_has_is_refused(
    back: Callable[[Frame, Real], Mass], values: list[float], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        back(frame_of("ab"), np.array(values, dtype=float))


def test_an_array_of_masses_is_held_to_be_one() -> None:
    ab = frame_of("ab")
    assert sparse(ab, np.array([0, 0.4, 1e-17, 0.6])) == mass(ab, {"a": 0.4, "ab": 0.6})
    for wrong in ([0, 0.4, -0.1, 0.7], [0, np.nan, 0, 1], [0, 0.4, 0, 0.4]):
        with pytest.raises(ValueError, match="expected"):
            sparse(ab, np.array(wrong, dtype=float))
