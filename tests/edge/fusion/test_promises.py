"""What one rule promises, or some rules of each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.mass import Mass
from fusion.definitions import cautious, sets
from fusion.masses import AB, ABCD, SOURCES, assert_same, drawn, frame_of, mass


@given(st.lists(st.lists(st.integers(1, 1000), min_size=4, max_size=4), min_size=1, max_size=5))
def test_dempster_on_probabilities_is_naive_bayes(likelihoods: list[list[int]]) -> None:
    sources = [
        Mass(ABCD, {1 << i: weight / sum(row) for i, weight in enumerate(row)})
        for row in likelihoods
    ]
    posterior = np.prod(np.array(likelihoods, dtype=float), axis=0)
    posterior /= posterior.sum()
    combined = combine("dempster", sources).mass
    assert [combined[1 << i] for i in range(4)] == pytest.approx(posterior, abs=1e-12)


@given(st.lists(st.lists(st.integers(1, 1000), min_size=5, max_size=5), min_size=2, max_size=4))
def test_dempster_on_singletons_and_ignorance_is_the_closed_form(rows: list[list[int]]) -> None:
    """b ~ prod(b_i + u_i) - prod u_i, u ~ prod u_i (Han et al. 2021, for two)."""
    shares = [[weight / sum(row) for weight in row] for row in rows]
    sets_of = [1, 2, 4, 8, ABCD.everything]
    combined = combine("dempster", [Mass(ABCD, dict(zip(sets_of, s, strict=True))) for s in shares])
    open_one = math.prod(s[4] for s in shares)
    believed = [math.prod(s[i] + s[4] for s in shares) - open_one for i in range(4)]
    total = sum(believed) + open_one
    expected = [*(one / total for one in believed), open_one / total]
    assert [combined.mass[at] for at in sets_of] == pytest.approx(expected, abs=1e-12)


@given(sources=SOURCES)
def test_yager_never_believes_more_than_dempster(sources: list[Mass]) -> None:
    yager, dempster = combine("yager", sources).mass, combine("dempster", sources).mass
    for mask in range(1, ABCD.everything):
        assert yager.belief(mask) <= dempster.belief(mask) + 1e-12


@given(st.lists(drawn(AB), min_size=2, max_size=4))
def test_dubois_and_prade_believe_a_hypothesis_as_yager_does(sources: list[Mass]) -> None:
    """On singletons and ignorance a conflict goes to sets of two at least."""
    by_union, by_frame = combine("dubois_prade", sources).mass, combine("yager", sources).mass
    for mask in (1, 2):
        assert by_union.belief(mask) == pytest.approx(by_frame.belief(mask), abs=1e-12)


@given(drawn(), drawn())
def test_pcr5_and_pcr6_are_one_rule_of_two_sources(one: Mass, other: Mass) -> None:
    assert_same(combine("pcr5", [one, other]).mass, combine("pcr6", [one, other]).mass)


@given(drawn(least=0), st.integers(1, 4))
def test_cautious_is_idempotent(one: Mass, times: int) -> None:
    assert_same(combine("cautious", [one] * times, literally=True).mass, one)


@given(st.lists(drawn(), min_size=3, max_size=3))
def test_cautious_is_associative(sources: list[Mass]) -> None:
    first, *rest = sources
    by_steps = [first, combine("cautious", rest, literally=True).mass]
    stepwise = combine("cautious", by_steps, literally=True).mass
    assert_same(stepwise, combine("cautious", sources, literally=True).mass, 1e-11)


@given(st.lists(drawn(), min_size=2, max_size=3))
def test_cautious_is_right_to_the_smallest_mass(sources: list[Mass]) -> None:
    """Held against the definition in fractions, relative to each mass."""
    combined = sets(combine("cautious", sources, literally=True).mass)
    exact = cautious([sets(one) for one in sources], frozenset(ABCD.hypotheses))
    assert combined == pytest.approx({at: x for at, x in exact.items() if x}, rel=1e-9, abs=0)


def test_however_little_the_cautious_rule_leaves_open_is_left_open() -> None:
    """Five windows of one sensor, each sure of another class: .001 to the fifth power is open."""
    frame = frame_of("abcde")
    windows = [Mass(frame, {1 << i: 0.999, frame.everything: 0.001}) for i in range(5)]
    first = combine("cautious", windows)
    assert first.mass.ignorance == pytest.approx(1e-15, rel=1e-9)
    assert_same(combine("cautious", [first.mass, *windows]).mass, first.mass)


@pytest.mark.parametrize("rule", ["murphy", "deng", "xiao"])
@given(drawn(), st.integers(1, 4))
def test_averaging_sources_that_say_the_same_is_dempsters_rule(
    rule: str, one: Mass, times: int
) -> None:
    assert_same(combine(rule, [one] * times).mass, combine("dempster", [one] * times).mass)


@pytest.mark.parametrize("rule", ["deng", "xiao"])
def test_a_source_far_off_the_others_weighs_less_than_by_murphy(rule: str) -> None:
    sources = [mass(AB, {"a": 0.8, "b": 0.2})] * 3 + [mass(AB, {"a": 0.1, "b": 0.9})]
    assert combine(rule, sources).mass[1] > combine("murphy", sources).mass[1]


@given(sources=st.lists(drawn(), min_size=2, max_size=4))
def test_sources_that_do_not_conflict_are_combined_alike_by_all_who_move_conflict(
    sources: list[Mass],
) -> None:
    agreed = [Mass(ABCD, _all_with_a(one)) for one in sources]
    expected = combine("conjunctive", agreed).mass
    assert expected[0] == 0.0
    for rule in ("dempster", "yager", "dubois_prade", "pcr5", "pcr6"):
        assert_same(combine(rule, agreed).mass, expected)


def _all_with_a(one: Mass) -> dict[int, float]:
    """Every set with a added, so that no two are disjoint."""
    focal: dict[int, float] = {}
    for mask, value in one.items():
        focal[mask | 1] = focal.get(mask | 1, 0.0) + value
    return focal
