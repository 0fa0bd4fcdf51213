"""Who contradicts whom, and who brings how much of the conflict."""

import math
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.conflict import conflict_shares, pairwise_conflict
from edge.fusion.corrections import discount
from edge.fusion.mass import Mass, vacuous
from edge.fusion.rules import RULES
from fusion.masses import AB, ABC, ABCD, drawn, frame_of, mass

A, B, C = (mass(ABC, {at: 1.0}) for at in "abc")
MANY = st.lists(drawn(least=0, is_open=False), min_size=1, max_size=5)


def conflict(masses: list[Mass]) -> float:
    return combine("yager", masses).conflict if masses else 0.0


def test_pairwise_conflict_tells_who_contradicts_whom() -> None:
    sources = [Mass(AB, {1: 0.8, 3: 0.2}), Mass(AB, {2: 0.5, 3: 0.5})]
    combination = combine("yager", [*sources, vacuous(AB)])
    assert combination.pairwise == pytest.approx({(0, 1): 0.4, (0, 2): 0.0, (1, 2): 0.0})


@given(MANY)
def test_pairwise_conflict_is_that_of_the_two_combined_alone(sources: list[Mass]) -> None:
    expected = {
        (i, j): conflict([sources[i], sources[j]]) for i, j in combinations(range(len(sources)), 2)
    }
    assert pairwise_conflict(sources) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=50)
@given(MANY)
def test_shares_are_shapleys_average_over_every_order_of_joining(sources: list[Mass]) -> None:
    """Shapley 1953, by the definition: all k! orders."""
    expected = [0.0] * len(sources)
    orders = list(permutations(range(len(sources))))
    for order in orders:
        for at, joining in enumerate(order):
            before = [sources[i] for i in order[:at]]
            brought = conflict([*before, sources[joining]]) - conflict(before)
            expected[joining] += brought / len(orders)
    assert conflict_shares(sources) == pytest.approx(expected, abs=1e-12)


@given(MANY)
def test_shares_add_up_to_the_conflict_and_none_is_negative(sources: list[Mass]) -> None:
    shares = conflict_shares(sources)
    assert math.fsum(shares) == pytest.approx(conflict(sources), abs=1e-12)
    assert min(shares) >= 0.0


@pytest.mark.parametrize("count", [2, 7, 12, 30])
def test_the_more_agree_the_more_of_the_conflict_is_the_liars(count: int) -> None:
    """All but one say a, one says b: conflict is there once the liar and any other have joined.

    The liar brings it unless it joins first; each other only if it joins second, after the liar.
    """
    sources = [mass(ABC, {"a": 1.0})] * (count - 1) + [mass(ABC, {"b": 1.0})]
    *honest, liar = conflict_shares(sources)
    assert liar == pytest.approx(1 - 1 / count, abs=1e-10)
    assert honest == pytest.approx([1 / (count * (count - 1))] * (count - 1), abs=1e-10)


def test_two_that_contradict_each_other_have_half_each_and_a_silent_third_nothing() -> None:
    sources = [mass(ABC, {"a": 0.8, "abc": 0.2}), mass(ABC, {"b": 0.5, "abc": 0.5}), vacuous(ABC)]
    assert combine("yager", sources).shares == pytest.approx([0.2, 0.2, 0.0])


def test_three_that_contradict_each_other_share_alike() -> None:
    assert conflict_shares([A, B, C]) == pytest.approx([1 / 3] * 3)


def test_sources_may_contradict_each_other_only_all_together() -> None:
    """ab, bc and ac: every two have something in common, all three nothing."""
    sources = [mass(ABC, {at: 1.0}) for at in ("ab", "bc", "ac")]
    combination = combine("yager", sources)
    assert combination.conflict == 1.0
    assert set(combination.pairwise.values()) == {0.0}
    assert combination.shares == pytest.approx([1 / 3] * 3)


@given(st.lists(drawn(), min_size=2, max_size=3), st.floats(0, 1))
def test_believing_a_source_less_lowers_its_share(sources: list[Mass], kept: float) -> None:
    less = [discount(sources[0], kept), *sources[1:]]
    share = conflict_shares(sources)[0]
    assert conflict_shares(less)[0] == pytest.approx(kept * share, abs=1e-12)


def test_shares_are_exact_on_the_largest_frame() -> None:
    frame = frame_of("abcdefghijklmnop")
    sources = [Mass(frame, {1 << i: 0.9, frame.everything: 0.1}) for i in range(3)]
    shares = conflict_shares(sources)
    assert math.fsum(shares) == pytest.approx(1 - 3 * 0.9 * 0.01 - 0.001, abs=1e-12)
    assert shares == pytest.approx([sum(shares) / 3] * 3, abs=1e-12)


def test_conflict_is_said_beside_the_result_of_every_rule() -> None:
    sources = [mass(ABCD, {"a": 0.6, "abcd": 0.4}), mass(ABCD, {"b": 0.5, "abcd": 0.5})]
    for rule in RULES:
        combination = combine(rule, sources)
        assert combination.conflict == pytest.approx(0.3)
        assert combination.pairwise == pytest.approx({(0, 1): 0.3})
        assert combination.shares == pytest.approx([0.15, 0.15])


def test_nobody_has_no_conflict() -> None:
    assert conflict_shares([]) == ()
    assert conflict_shares([A]) == (0.0,)
