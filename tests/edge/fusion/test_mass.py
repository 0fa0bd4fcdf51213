"""Mass functions: numbers from Shafer, Smets, Dezert & Smarandache, Denoeux, and pyds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from fusion.masses import drawn

AB = Frame(("a", "b"))
ABC = Frame(("a", "b", "c"))
ABCD = Frame(("a", "b", "c", "d"))
WEIGHTS = st.dictionaries(st.integers(1, 15), st.integers(1, 1000), min_size=1, max_size=8)


def mass_of(frame: Frame, **focal: float) -> Mass:
    return Mass(frame, {frame.mask(names): value for names, value in focal.items()})


def normal(weights: dict[int, int]) -> Mass:
    total = sum(weights.values())
    return Mass(ABCD, {mask: weight / total for mask, weight in weights.items()})


@pytest.mark.parametrize(
    ("focal", "match"),
    [
        ({1: -0.1, 2: 1.1}, "mass of a is -0.1; expected >= 0"),
        ({1: math.nan, 2: 1.0}, "mass of a is nan; expected >= 0.*on the whole frame"),
        ({1: math.inf}, "sum to inf"),
        ({1: 0.5, 2: 0.5 + 1e-8}, "sum to 1.00000001; expected 1"),
        ({1: 0.4}, "sum to 0.4; expected 1.*left over to the whole frame"),
        ({}, "sum to 0"),
        ({1: 0.5, 4: 0.5}, r"set 0b100 is foreign to a frame of 2 hypotheses \(a, b\)"),
        ({-1: 1.0}, "foreign"),
    ],
)
def test_what_is_no_mass_function_is_refused(focal: dict[int, float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Mass(AB, focal)


def test_a_mass_cannot_be_changed() -> None:
    given_focal = {1: 0.4, 3: 0.6}
    mass = Mass(AB, given_focal)
    given_focal[1] = 0.9
    assert mass[1] == 0.4
    with pytest.raises(TypeError):
        mass.focal[1] = 0.9  # type: ignore[index]
    with pytest.raises(AttributeError):
        mass.frame = ABCD  # type: ignore[misc]


def test_rounding_inside_the_tolerance_is_normalised_away() -> None:
    mass = Mass(AB, {1: 0.5, 2: 0.5 + 9e-10})
    assert math.fsum(mass.focal.values()) == pytest.approx(1.0, abs=1e-15)


def test_belief_and_plausibility_enclose_what_the_evidence_leaves_open() -> None:
    """Shafer's vase (1976, ch. 1): .3 says genuine, the rest nothing."""
    mass = mass_of(AB, a=0.3, ab=0.7)
    assert (mass.belief(1), mass.plausibility(1)) == pytest.approx((0.3, 1.0))
    assert (mass.belief(2), mass.plausibility(2)) == pytest.approx((0.0, 0.7))
    assert mass.ignorance == pytest.approx(0.7)


def test_mass_on_the_empty_set_is_neither_belief_nor_plausibility() -> None:
    mass = Mass(AB, {0: 0.2, 1: 0.5, 3: 0.3})
    assert mass.belief(AB.everything) == pytest.approx(0.8)
    assert mass.plausibility(AB.everything) == pytest.approx(0.8)


def test_commonalities_of_denoeux_2008s_example() -> None:
    """ab .3, bc .5, abc .2: what could move freely to each set."""
    mass = mass_of(ABC, ab=0.3, bc=0.5, abc=0.2)
    found = {"".join(ABC.names(mask)): mass.commonality(mask) for mask in range(8)}
    expected = {"": 1, "a": 0.5, "b": 1, "ab": 0.5, "c": 0.7, "ac": 0.2, "bc": 0.7, "abc": 0.2}
    assert found == pytest.approx(expected)


@given(drawn(least=0, is_open=True))
def test_the_contour_is_the_plausibility_of_each_hypothesis_by_itself(one: Mass) -> None:
    """Shafer 1976, ch. 2; and belief in one hypothesis is the mass of it alone."""
    alone = [1 << i for i in range(len(one.frame.hypotheses))]
    assert one.contour() == pytest.approx([one.plausibility(it) for it in alone], abs=1e-12)
    assert [one[it] for it in alone] == [one.belief(it) for it in alone]


def test_relative_plausibility_of_smets_mr_jones() -> None:
    """Peter or Paul .5, Mary .5: each as plausible as the others, where betting gives Mary half."""
    mass = mass_of(ABC, ab=0.5, c=0.5)
    assert mass.relative_plausibility() == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert mass.pignistic() == pytest.approx({"a": 0.25, "b": 0.25, "c": 0.5})


def test_pignistic_of_dezert_and_smarandache_2008() -> None:
    assert mass_of(AB, a=0.3, b=0.1, ab=0.6).pignistic() == pytest.approx({"a": 0.6, "b": 0.4})


def test_pignistic_of_the_pyds_suite() -> None:
    betp = mass_of(ABCD, a=0.4, b=0.2, ad=0.1, abcd=0.3).pignistic()
    assert betp == pytest.approx({"a": 0.525, "b": 0.275, "c": 0.075, "d": 0.125})


def test_pignistic_is_conditional_on_the_empty_set_being_false() -> None:
    betp = Mass(AB, {0: 0.5, 1: 0.25, 3: 0.25}).pignistic()
    assert betp == pytest.approx({"a": 0.75, "b": 0.25})


def test_total_conflict_has_no_pignistic_probability() -> None:
    with pytest.raises(ValueError, match="empty set"):
        Mass(AB, {0: 1.0}).pignistic()
    with pytest.raises(ValueError, match="empty set"):
        Mass(AB, {0: 1.0}).relative_plausibility()


@given(WEIGHTS, st.integers(1, 15))
def test_belief_never_exceeds_pignistic_nor_that_plausibility(
    weights: dict[int, int], mask: int
) -> None:
    mass = normal(weights)
    betp = math.fsum(mass.pignistic()[name] for name in ABCD.names(mask))
    assert mass.belief(mask) <= betp + 1e-12
    assert betp <= mass.plausibility(mask) + 1e-12


@given(WEIGHTS, st.integers(0, 15))
def test_plausibility_is_what_the_belief_in_the_contrary_leaves(
    weights: dict[int, int], mask: int
) -> None:
    mass = normal(weights)
    assert mass.plausibility(mask) == pytest.approx(1 - mass.belief(ABCD.everything & ~mask))


@given(st.lists(drawn(), min_size=1, max_size=3))
def test_relative_plausibility_may_be_taken_before_or_after_dempsters_rule(
    sources: list[Mass],
) -> None:
    """Cobb & Shenoy 2006: the probabilities of the sources, multiplied and divided by their sum."""
    product = [
        math.prod(one.relative_plausibility()[name] for one in sources) for name in ABCD.hypotheses
    ]
    combined = combine("dempster", sources).mass.relative_plausibility()
    expected = [value / math.fsum(product) for value in product]
    assert list(combined.values()) == pytest.approx(expected, abs=1e-12)
