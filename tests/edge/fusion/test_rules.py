"""Rules of combination: the textbook's definition, and what each rule promises."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fusion.conflict import TotalConflict
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.fusion.rules import RULES, combine, named

AB = Frame(("a", "b"))
ABCD = Frame(("a", "b", "c", "d"))


def test_total_conflict_has_no_answer_in_dempsters_rule() -> None:
    with pytest.raises(TotalConflict):
        combine("dempster", [Mass(AB, {1: 1.0}), Mass(AB, {2: 1.0})])


def test_total_conflict_is_ignorance_to_yager() -> None:
    combination = combine("yager", [Mass(AB, {1: 1.0}), Mass(AB, {2: 1.0})])
    assert combination.mass == vacuous(AB)
    assert combination.conflict == 1.0


def test_pairwise_conflict_tells_who_contradicts_whom() -> None:
    sources = [Mass(AB, {1: 0.8, 3: 0.2}), Mass(AB, {2: 0.5, 3: 0.5})]
    combination = combine("yager", [*sources, vacuous(AB)])
    assert combination.pairwise == pytest.approx({(0, 1): 0.4, (0, 2): 0.0, (1, 2): 0.0})


def test_an_unknown_rule_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'average'.*yager, dempster"):
        named("average")


def test_sources_on_two_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="two frames"):
        combine("yager", [vacuous(AB), vacuous(Frame(("a", "c")))])


def test_no_source_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="vacuous"):
        combine("yager", [])


# --- against the textbook's definition, written out on sets ------------------------------------

Focal = dict[frozenset[str], float]


def sets(one: Mass) -> Focal:
    return {frozenset(one.frame.names(mask)): value for mask, value in one.items()}


def by_definition(
    sources: Sequence[Mass], landing: Callable[[Sequence[frozenset[str]]], frozenset[str]]
) -> Focal:
    """Sum over every choice of one focal set a source, of the product of their masses."""
    focal: Focal = {}
    for choice in product(*(sets(one).items() for one in sources)):
        at = landing([chosen for chosen, _ in choice])
        focal[at] = focal.get(at, 0.0) + math.prod(value for _, value in choice)
    return focal


def meet(chosen: Iterable[frozenset[str]]) -> frozenset[str]:
    return reduce(frozenset.intersection, chosen)


def join(chosen: Iterable[frozenset[str]]) -> frozenset[str]:
    return reduce(frozenset.union, chosen)


def dempster_by_definition(sources: Sequence[Mass]) -> Focal:
    met = by_definition(sources, meet)
    conflict = met.pop(frozenset(), 0.0)
    return {at: value / (1 - conflict) for at, value in met.items()}


DEFINITIONS: dict[str, Callable[[Sequence[Mass]], Focal]] = {
    "conjunctive": lambda sources: by_definition(sources, meet),
    "dempster": dempster_by_definition,
    "yager": lambda sources: by_definition(
        sources, lambda chosen: meet(chosen) or frozenset(sources[0].frame.hypotheses)
    ),
    "dubois_prade": lambda sources: by_definition(
        sources, lambda chosen: meet(chosen) or join(chosen)
    ),
    "disjunctive": lambda sources: by_definition(sources, join),
}


@st.composite
def masses(draw: st.DrawFn, frame: Frame = ABCD) -> Mass:
    """A mass function with some ignorance, so that no two are in total conflict."""
    weights = draw(
        st.dictionaries(st.integers(1, 14), st.integers(1, 1000), min_size=1, max_size=6)
    )
    weights[frame.everything] = draw(st.integers(1, 1000))
    total = sum(weights.values())
    return Mass(frame, {mask: weight / total for mask, weight in weights.items()})


SOURCES = st.lists(masses(), min_size=1, max_size=4)


@pytest.mark.parametrize("rule", list(RULES))
@given(sources=SOURCES)
def test_rule_is_its_textbook_definition(rule: str, sources: list[Mass]) -> None:
    combined = sets(combine(rule, sources).mass)
    expected = DEFINITIONS[rule](sources)
    for at in combined.keys() | expected.keys():
        assert combined.get(at, 0.0) == pytest.approx(expected.get(at, 0.0), abs=1e-12)


@given(sources=SOURCES)
def test_conflict_is_the_products_that_have_nothing_in_common(sources: list[Mass]) -> None:
    conflict = by_definition(sources, meet).get(frozenset(), 0.0)
    for rule in RULES:
        assert combine(rule, sources).conflict == pytest.approx(conflict, abs=1e-12)


@pytest.mark.parametrize("rule", list(RULES))
@given(sources=st.lists(masses(), min_size=2, max_size=3))
def test_the_order_of_the_sensors_does_not_matter(rule: str, sources: list[Mass]) -> None:
    first = combine(rule, sources).mass
    for other in permutations(sources):
        second = combine(rule, other).mass
        for mask in first.focal.keys() | second.focal.keys():
            assert first[mask] == pytest.approx(second[mask], abs=1e-12)


@pytest.mark.parametrize("rule", list(RULES))
@given(sources=SOURCES, at=st.integers(0, 4))
def test_a_missing_sensor_changes_nothing(rule: str, sources: list[Mass], at: int) -> None:
    with_missing = [*sources[:at], vacuous(ABCD), *sources[at:]]
    expected, actual = combine(rule, sources), combine(rule, with_missing)
    assert actual.conflict == pytest.approx(expected.conflict, abs=1e-12)
    for mask in expected.mass.focal.keys() | actual.mass.focal.keys():
        assert actual.mass[mask] == pytest.approx(expected.mass[mask], abs=1e-12)


def test_when_every_sensor_is_missing_nothing_is_known() -> None:
    for rule in RULES:
        combination = combine(rule, [vacuous(ABCD)] * 3)
        assert (combination.mass, combination.conflict) == (vacuous(ABCD), 0.0)


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


@given(sources=SOURCES)
def test_yager_never_believes_more_than_dempster(sources: list[Mass]) -> None:
    yager, dempster = combine("yager", sources).mass, combine("dempster", sources).mass
    assert math.fsum(yager.focal.values()) == pytest.approx(1.0, abs=1e-12)
    for mask in range(1, ABCD.everything):
        assert yager.belief(mask) <= dempster.belief(mask) + 1e-12


def test_a_part_is_fused_in_a_fraction_of_a_millisecond() -> None:
    """Three sources, eight hypotheses, singletons, sets and ignorance: some 40 us on one core.

    The limit leaves room for a busy machine; the best of many runs is taken.
    """
    frame = Frame(tuple("abcdefgh"))
    focal = [*(1 << i for i in range(8)), 0b11, 0b1110, 0b11110000, frame.everything]
    source = Mass(frame, dict.fromkeys(focal, 1 / len(focal)))
    elapsed_ns = []
    for _ in range(200):
        start_ns = time.perf_counter_ns()
        combine("yager", [source, source, source])
        elapsed_ns.append(time.perf_counter_ns() - start_ns)
    assert min(elapsed_ns) < 150_000
