"""Rules of combination: the textbook's definition, and what each rule promises."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.errors import TotalConflict, Undefined
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.fusion.rules import RULES, named
from fusion.definitions import DEFINITIONS, by_definition, meet, pcr, sets
from fusion.masses import AB, ABC, ABCD, SOURCES, assert_same, drawn, frame_of, mass, table

A, B = Mass(AB, {1: 1.0}), Mass(AB, {2: 1.0})


def test_every_rule_of_the_table_has_a_definition_to_be_held_against() -> None:
    assert set(RULES) == set(DEFINITIONS)


def test_the_default_is_the_first_of_the_table() -> None:
    assert next(iter(RULES)) == "yager"


# --- refusals ----------------------------------------------------------------------------------


def test_an_unknown_rule_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'average'.*yager, dempster"):
        named("average")


def test_sources_on_two_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="two frames: a, b and a, c"):
        combine("yager", [vacuous(AB), vacuous(Frame(("a", "c")))])


def test_no_source_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="vacuous"):
        combine("yager", [])


@pytest.mark.parametrize("rule", ["deng", "xiao", "pcr5", "pcr6"])
def test_conflict_that_an_earlier_rule_kept_is_refused_where_a_rule_has_no_meaning_for_it(
    rule: str,
) -> None:
    with pytest.raises(Undefined, match=r"source 2 has 0\.3 there.*dempster or yager"):
        combine(rule, [A, Mass(AB, {0: 0.3, 1: 0.7})])


def test_the_cautious_rule_refuses_a_source_that_leaves_nothing_open() -> None:
    with pytest.raises(Undefined, match="source 2 puts nothing on the whole frame; discount"):
        combine("cautious", [vacuous(AB), B], literally=True)


# --- total conflict ----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["dempster", "deng"])
def test_total_conflict_has_no_answer_in_some_rules_and_the_cure_is_said(rule: str) -> None:
    with pytest.raises(TotalConflict, match=r"(?i)discount"):
        combine(rule, [A, B])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("yager", {"ab": 1.0}),  # nothing is known
        ("conjunctive", {"": 1.0}),
        ("dubois_prade", {"ab": 1.0}),
        ("disjunctive", {"ab": 1.0}),
        ("murphy", {"a": 0.5, "b": 0.5}),  # (.5, .5) by itself: .25 each of .5 agreed
        ("xiao", {"a": 0.5, "b": 0.5}),
        ("pcr5", {"a": 0.5, "b": 0.5}),  # 1 given back as 1 : 1
        ("pcr6", {"a": 0.5, "b": 0.5}),
    ],
)
def test_total_conflict_is_what_the_rule_makes_of_it(rule: str, expected: dict[str, float]) -> None:
    combination = combine(rule, [A, B])
    assert table(combination.mass) == pytest.approx(expected)
    assert combination.conflict == 1.0


@pytest.mark.parametrize("rule", list(RULES))
def test_masses_too_small_to_multiply_make_no_nan(rule: str) -> None:
    """Their products are below the smallest number there is."""
    tiny = [Mass(ABC, {1 << i: 1e-200, ABC.everything: 1 - 1e-200}) for i in (0, 0, 1, 2)]
    combined = combine(rule, tiny).mass
    assert combined.ignorance == pytest.approx(1.0)
    assert all(math.isfinite(value) for value in combined.focal.values())


# --- against the textbook's definition ---------------------------------------------------------


@pytest.mark.parametrize("rule", list(RULES))
@given(sources=st.lists(drawn(), min_size=1, max_size=3))
def test_rule_is_its_textbook_definition(rule: str, sources: list[Mass]) -> None:
    combined = sets(combine(rule, sources, literally=True).mass)
    frame = frozenset(ABCD.hypotheses)
    expected = DEFINITIONS[rule]([sets(one) for one in sources], frame)
    for at in combined.keys() | expected.keys():
        assert combined.get(at, 0.0) == pytest.approx(expected.get(at, 0.0), rel=0, abs=1e-12)


@pytest.mark.parametrize("rule", ["pcr5", "pcr6"])
def test_more_products_than_are_held_at_once_are_redistributed_all(rule: str) -> None:
    """Six sources of eight sets have 262,144 products."""
    rng = np.random.default_rng(20240)
    frame = frame_of("abcdef")
    sources = [
        Mass(frame, dict(zip(rng.choice(63, 8, False) + 1, rng.dirichlet(np.ones(8)), strict=True)))
        for _ in range(6)
    ]
    combined = sets(combine(rule, sources).mass)
    expected = pcr([sets(one) for one in sources], multiplied=rule == "pcr5")
    assert combined == pytest.approx(expected, abs=1e-12)


# --- what holds of every rule ------------------------------------------------------------------


@given(sources=SOURCES)
def test_conflict_is_the_products_that_have_nothing_in_common(sources: list[Mass]) -> None:
    met = by_definition([sets(one) for one in sources], meet)
    for rule in RULES:
        conflict = combine(rule, sources).conflict
        assert conflict == pytest.approx(met.get(frozenset(), 0.0), abs=1e-12)


@pytest.mark.parametrize("rule", list(RULES))
@settings(max_examples=40)
@given(sources=st.lists(drawn(), min_size=2, max_size=3), literally=st.booleans())
def test_the_order_of_the_sensors_does_not_matter(
    rule: str, sources: list[Mass], literally: bool
) -> None:
    first = combine(rule, sources, literally=literally).mass
    for other in permutations(sources):
        assert_same(first, combine(rule, other, literally=literally).mass, 1e-11)


@pytest.mark.parametrize("rule", list(RULES))
@given(sources=SOURCES, at=st.integers(0, 4))
def test_a_missing_sensor_changes_nothing(rule: str, sources: list[Mass], at: int) -> None:
    with_missing = [*sources[:at], vacuous(ABCD), *sources[at:]]
    expected, actual = combine(rule, sources), combine(rule, with_missing)
    assert actual.conflict == pytest.approx(expected.conflict, abs=1e-12)
    assert_same(actual.mass, expected.mass)


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("literally", [False, True])
def test_when_every_sensor_is_missing_nothing_is_known(rule: str, literally: bool) -> None:
    combination = combine(rule, [vacuous(ABCD)] * 3, literally=literally)
    assert_same(combination.mass, vacuous(ABCD))
    assert combination.conflict == 0.0


@pytest.mark.parametrize("rule", [rule.name for rule in RULES.values() if rule.is_neutral])
@given(sources=SOURCES)
def test_a_vacuous_source_is_neutral_in_the_formula_itself_where_the_table_says_so(
    rule: str, sources: list[Mass]
) -> None:
    alone = combine(rule, sources).mass
    assert_same(combine(rule, [*sources, vacuous(ABCD)], literally=True).mass, alone)


HALF_A, HALF_B = Mass(ABC, {1: 0.5, 7: 0.5}), Mass(ABC, {2: 0.5, 7: 0.5})
E = math.exp(math.log2(2**2 - 1))  # what Xiao's rule weighs ignorance on two hypotheses by
NOT_NEUTRAL = {
    # the union of a, b and the frame is the frame, where a and b alone conflict
    "dubois_prade": ([HALF_A, HALF_B], {"a": 0.25, "b": 0.25, "abc": 0.5}),
    "disjunctive": ([HALF_A], {"abc": 1.0}),
    "murphy": ([A], {"a": 0.75, "ab": 0.25}),  # half a, half open; open only if both are
    "deng": ([A], {"a": 0.75, "ab": 0.25}),
    "xiao": ([A], {"a": 1 - (E / (1 + E)) ** 2, "ab": (E / (1 + E)) ** 2}),
    # .25 conflicts between a, b and the frame: .5, .5 and 1 of 2 parts; PCR5 alike, no set twice
    "pcr5": ([HALF_A, HALF_B], {"a": 0.3125, "b": 0.3125, "abc": 0.375}),
    "pcr6": ([HALF_A, HALF_B], {"a": 0.3125, "b": 0.3125, "abc": 0.375}),
    # Denoeux 2008: weights 7/4 on b, 2/5 on ab, 2/7 on bc; the least of 7/4 and 1 is 1
    "cautious": (
        [mass(ABC, {"ab": 0.3, "bc": 0.5, "abc": 0.2})],
        {"b": 15 / 35, "ab": 6 / 35, "bc": 10 / 35, "abc": 4 / 35},
    ),
}


def test_a_counterexample_is_known_of_every_other_rule() -> None:
    assert set(NOT_NEUTRAL) == {rule.name for rule in RULES.values() if not rule.is_neutral}


@pytest.mark.parametrize("rule", list(NOT_NEUTRAL))
def test_a_vacuous_source_counts_in_the_formula_of_every_other_rule(rule: str) -> None:
    sources, expected = NOT_NEUTRAL[rule]
    open_one = vacuous(sources[0].frame)
    combined = table(combine(rule, [*sources, open_one], literally=True).mass)
    assert combined == pytest.approx(expected, abs=1e-12)
    assert table(combine(rule, sources).mass) != pytest.approx(expected, abs=1e-2)
