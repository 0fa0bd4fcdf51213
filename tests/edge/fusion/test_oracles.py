"""Two libraries of other authors give the same numbers on masses drawn at random, to 1e-12.

evidencelib knows the rules that move conflict, evtools the transforms, the cautious rule and
contextual discounting. Of rules that average, neither has the whole: their distance, their entropy
and Dempster's rule are evidencelib's, put together here.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import exp

import evidencelib
import numpy as np
import pytest
from evtools import combinations, conversions, corrections
from evtools.dsvector import DSVector, Kind
from hypothesis import given
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.corrections import condition, discount, discount_by_context
from edge.fusion.errors import TotalConflict
from edge.fusion.mass import Mass
from edge.fusion.measures import deng_entropy, jousselme_distance
from edge.fusion.transforms import beliefs, commonalities, dense, plausibilities
from fusion.definitions import divergence, sets
from fusion.masses import ABCD, drawn, frame_of

THEIRS = evidencelib.Frame.dst(list(ABCD.hypotheses))
NORMAL = drawn(is_open=False)
FEW = st.lists(NORMAL, min_size=2, max_size=3)


def near(expected: float) -> object:
    return pytest.approx(expected, rel=0, abs=1e-12)


def as_evidencelib(one: Mass) -> evidencelib.MassFunction:
    return THEIRS.mass({ABCD.label(mask): value for mask, value in one.items()}, tolerance=0.0)


def as_evtools(one: Mass) -> DSVector:
    return DSVector.from_dense(list(ABCD.hypotheses), dense(one), kind=Kind.M)


def assert_as_evidencelib(ours: Mass, theirs: evidencelib.MassFunction) -> None:
    found = {str(at): value for at, value in theirs.items()}
    found["∅"] = found.pop("empty", 0.0)
    for mask in range(16):
        assert ours[mask] == near(found.get(ABCD.label(mask), 0.0)), ABCD.label(mask)


def assert_as_evtools(ours: Mass, theirs: DSVector) -> None:
    assert dense(ours) == near(theirs.dense)


def fused(method: str, sources: Sequence[Mass]) -> evidencelib.MassFunction:
    first, *rest = (as_evidencelib(one) for one in sources)
    return getattr(first, method)(*rest)


# --- evidencelib -------------------------------------------------------------------------------


METHODS = {
    "conjunctive": "smets",
    "dempster": "dempster",
    "yager": "yager",
    "dubois_prade": "dubois_prade",
    "disjunctive": "disjunctive",
    "pcr5": "pcr5",
    "pcr6": "pcr6",
}


@pytest.mark.parametrize("rule", [rule for rule in METHODS if rule != "dempster"])
@given(sources=FEW)
def test_rule_is_evidencelibs(rule: str, sources: list[Mass]) -> None:
    ours = combine(rule, sources, literally=True)
    assert_as_evidencelib(ours.mass, fused(METHODS[rule], sources))
    assert ours.conflict == near(fused("smets", sources).conflict)


@given(sources=FEW)
def test_dempster_is_evidencelibs_and_total_conflict_raises_in_both(sources: list[Mass]) -> None:
    try:
        ours = combine("dempster", sources, literally=True).mass
    except TotalConflict:
        with pytest.raises(evidencelib.exceptions.TotalConflictError):
            fused("dempster", sources)
    else:
        assert_as_evidencelib(ours, fused("dempster", sources))


@pytest.mark.parametrize("rule", list(METHODS))
@pytest.mark.parametrize("seed", range(3))
def test_rule_is_evidencelibs_on_a_whole_station(rule: str, seed: int) -> None:
    """Three sources, eight hypotheses, twelve sets each."""
    rng = np.random.default_rng(seed)
    frame = frame_of("abcdefgh")
    theirs = evidencelib.Frame.dst(list(frame.hypotheses))
    sources = []
    for _ in range(3):
        several = rng.choice(np.arange(3, frame.everything), 3, replace=False)
        focal = [*(1 << i for i in range(8)), *map(int, several), frame.everything]
        shares = rng.dirichlet(np.ones(12))
        sources.append(Mass(frame, _added(zip(focal, shares, strict=True))))
    first, *rest = (
        theirs.mass({frame.label(at): value for at, value in one.items()}, tolerance=0.0)
        for one in sources
    )
    expected = getattr(first, METHODS[rule])(*rest)
    for mask, value in combine(rule, sources).mass.items():
        assert value == near(expected[frame.label(mask)] if mask else expected.conflict)


def _added(pairs: Iterable[tuple[int, float]]) -> dict[int, float]:
    focal: dict[int, float] = {}
    for mask, value in pairs:
        focal[mask] = focal.get(mask, 0.0) + float(value)
    return focal


def averaged(sources: Sequence[Mass], weights: Sequence[float]) -> evidencelib.MassFunction:
    mean: dict[str, float] = {}
    for one, weight in zip(sources, weights, strict=True):
        for mask, value in one.items():
            label = ABCD.label(mask)
            mean[label] = mean.get(label, 0.0) + value * weight / sum(weights)
    mass = THEIRS.mass(mean, tolerance=0.0)
    return mass.dempster(*[mass] * (len(sources) - 1))


@given(sources=st.lists(drawn(), min_size=2, max_size=3))
def test_averages_are_put_together_of_evidencelibs_parts(sources: list[Mass]) -> None:
    theirs = [as_evidencelib(one) for one in sources]
    support = [sum(1 - a.jousselme_distance(b) for b in theirs if b is not a) for a in theirs]
    away = [
        sum(divergence(sets(a), sets(b)) for j, b in enumerate(sources) if i != j)
        for i, a in enumerate(sources)
    ]
    weights = {"murphy": [1.0] * len(sources), "deng": support}
    if min(away) > 1e-9:  # nearer ones weigh by their rounding
        weights["xiao"] = [
            exp(one.deng_entropy()) / far for one, far in zip(theirs, away, strict=True)
        ]
    for rule, given_weights in weights.items():
        ours = combine(rule, sources, literally=True).mass
        assert_as_evidencelib(ours, averaged(sources, given_weights))


@given(one=NORMAL, other=NORMAL)
def test_measures_are_evidencelibs(one: Mass, other: Mass) -> None:
    ours, theirs = jousselme_distance(one, other), as_evidencelib(one)
    # the square: a root of what is 1e-17 off zero is 3e-9 off it
    assert ours**2 == near(theirs.jousselme_distance(as_evidencelib(other)) ** 2)
    assert deng_entropy(one) == near(theirs.deng_entropy())


@given(one=NORMAL, reliability=st.floats(0, 1))
def test_functions_of_one_mass_are_evidencelibs(one: Mass, reliability: float) -> None:
    theirs = as_evidencelib(one)
    for mask in range(1, 16):
        label = ABCD.label(mask)
        assert one.belief(mask) == near(theirs.belief(label))
        assert one.plausibility(mask) == near(theirs.plausibility(label))
        assert one.commonality(mask) == near(theirs.commonality(label))
    assert one.pignistic() == near(theirs.pignistic())
    assert_as_evidencelib(discount(one, reliability), theirs.discount(reliability))


# --- evtools -----------------------------------------------------------------------------------


@given(one=drawn(least=0), other=drawn(least=0))
def test_rules_are_evtools(one: Mass, other: Mass) -> None:
    for rule, theirs in (
        ("conjunctive", combinations.crc),
        ("dempster", combinations.dempster),
        ("disjunctive", combinations.drc),
        ("cautious", combinations.cautious),
    ):
        ours = combine(rule, [one, other], literally=True)
        # evtools divides by 1 - conflict, of which few digits are left near total conflict
        if rule != "dempster" or ours.conflict < 0.99:
            assert_as_evtools(ours.mass, theirs(as_evtools(one), as_evtools(other)))


@given(one=drawn(least=0, is_open=False))
def test_transforms_are_evtools(one: Mass) -> None:
    values = dense(one)
    for ours, theirs in (
        (beliefs, conversions.mtobel),
        (plausibilities, conversions.mtopl),
        (commonalities, conversions.mtoq),
    ):
        assert ours(one) == near(theirs(values))
    if one[0] < 1.0:
        assert list(one.pignistic().values()) == near(conversions.betp(values))
        assert list(one.relative_plausibility().values()) == near(conversions.plp(values))


Contexts = Mapping[int, float]


@given(
    one=drawn(least=0, is_open=False),
    reliabilities=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_contextual_discounting_is_evtools(one: Mass, reliabilities: list[float]) -> None:
    """By every hypothesis, and by the two halves of the frame."""
    by_one: Contexts = {1 << i: b for i, b in enumerate(reliabilities)}
    by_half: Contexts = {0b0011: reliabilities[0], 0b1100: reliabilities[1]}
    for contexts in (by_one, by_half):
        named = {frozenset(ABCD.names(mask)): b for mask, b in contexts.items()}
        theirs = corrections.theta_contextual_discount(as_evtools(one), named)
        assert_as_evtools(discount_by_context(one, contexts), theirs)


@given(one=drawn(least=0, is_open=False), given_set=st.integers(1, 15))
def test_conditioning_is_evtools(one: Mass, given_set: int) -> None:
    theirs = combinations.condition(as_evtools(one), frozenset(ABCD.names(given_set)))
    assert_as_evtools(condition(one, given_set, keeps_conflict=True), theirs)


def test_the_libraries_are_asked_in_the_same_order_of_bits() -> None:
    one = Mass(ABCD, {0b0001: 0.25, 0b0110: 0.75})
    assert np.flatnonzero(as_evtools(one).dense).tolist() == [1, 6]
    assert as_evtools(one)[frozenset({"b", "c"})] == 0.75
