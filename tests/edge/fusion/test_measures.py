"""Distances between masses and the entropy of one: numbers from the papers that define them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.fusion.measures import (
    belief_divergence,
    deng_entropy,
    distances,
    divergences,
    jousselme_distance,
)
from fusion.definitions import divergence, jousselme, sets
from fusion.masses import AB, ABC, ABCD, drawn, frame_of, mass

# Jousselme, Grenier & Bosse 2001, as Jiang 2017 (arXiv 1612.05497, table 2) prints it
JOUSSELME = [
    0.7858, 0.6866, 0.5705, 0.4237, 0.1323, 0.3884, 0.5029, 0.5705, 0.6187, 0.6554,
    0.6844, 0.7082, 0.7281, 0.7451, 0.7599, 0.7730, 0.7846, 0.7951, 0.8046, 0.8133,
]  # fmt: skip
DENG = [  # Deng 2016, on 15 elements
    2.6623, 3.9303, 4.9082, 5.7878, 6.6256, 7.4441, 8.2532, 9.0578, 9.8600, 10.6612,
    11.4617, 12.2620, 13.0622, 13.8622,
]  # fmt: skip
NORMAL = drawn(is_open=False)


def first(count: int) -> int:
    return (1 << count) - 1


def growing(frame: Frame, count: int) -> Mass:
    """The body of both papers: .8 on the first `count` elements, the rest about other sets."""
    focal = {0b1110: 0.05, 1 << 6: 0.05}
    for mask, value in ((frame.everything, 0.1), (first(count), 0.8)):
        focal[mask] = focal.get(mask, 0.0) + value
    return Mass(frame, focal)


def oversized(count: int) -> Frame:
    """A frame as large as the paper's, larger than a line may have; the measure works on any."""
    frame = object.__new__(Frame)
    object.__setattr__(frame, "hypotheses", tuple(f"h{i}" for i in range(count)))
    return frame


@pytest.mark.parametrize(("count", "printed"), list(enumerate(JOUSSELME, 1)))
def test_distance_to_the_first_five_is_as_printed(count: int, printed: float) -> None:
    frame = oversized(20)
    found = jousselme_distance(growing(frame, count), Mass(frame, {first(5): 1.0}))
    # .68665 is printed .6866: all others are rounded
    assert found == pytest.approx(printed, rel=0, abs=1e-4 if count == 2 else 5e-5)


@pytest.mark.parametrize(("count", "printed"), list(enumerate(DENG, 1)))
def test_entropy_grows_with_the_set_as_printed(count: int, printed: float) -> None:
    assert deng_entropy(growing(frame_of("abcdefghijklmno"), count)) == pytest.approx(
        printed, rel=0, abs=5e-5
    )


def test_entropy_of_every_subset_alike() -> None:
    """Deng 2020 (Int. J. Computers, Communications & Control 15), example 4.2: 3.887675."""
    alike = Mass(ABC, dict.fromkeys(range(1, 8), 1 / 7))
    assert deng_entropy(alike) == pytest.approx(3.887675, rel=0, abs=5e-7)


@given(st.lists(st.integers(1, 1000), min_size=4, max_size=4))
def test_entropy_of_a_probability_is_shannons(weights: list[int]) -> None:
    shares = [weight / sum(weights) for weight in weights]
    shannon = -sum(share * math.log2(share) for share in shares)
    one = Mass(ABCD, {1 << i: share for i, share in enumerate(shares)})
    assert deng_entropy(one) == pytest.approx(shannon, abs=1e-12)


def test_two_certainties_are_as_far_apart_as_can_be() -> None:
    """By both measures; but only the distance sees that {a, b} is nearer to {a} than {c} is."""
    a, c, ab = (mass(ABC, {at: 1.0}) for at in ("a", "c", "ab"))
    assert jousselme_distance(a, c) == 1.0
    assert belief_divergence(a, c) == 1.0
    assert jousselme_distance(a, ab) == pytest.approx(math.sqrt(0.5))
    assert belief_divergence(a, ab) == 1.0


def test_divergence_of_two_coins() -> None:
    """Jensen-Shannon of (1/2, 1/2) and (1, 0): H(3/4) - 1/2 = 1.5 - 0.75 log2 3 bits."""
    fair, loaded = mass(AB, {"a": 0.5, "b": 0.5}), mass(AB, {"a": 1.0})
    assert belief_divergence(fair, loaded) == pytest.approx(1.5 - 0.75 * math.log2(3), abs=1e-12)


@given(NORMAL, NORMAL)
def test_measures_are_their_definitions(one: Mass, other: Mass) -> None:
    # the distance is a root: what is 1e-16 off below it may be 1e-8 off
    assert jousselme_distance(one, other) ** 2 == pytest.approx(
        jousselme(sets(one), sets(other)) ** 2, abs=1e-14
    )
    assert belief_divergence(one, other) == pytest.approx(
        divergence(sets(one), sets(other)), abs=1e-12
    )


@given(st.lists(NORMAL, min_size=3, max_size=3))
def test_the_distance_is_a_metric(three: list[Mass]) -> None:
    """Jousselme et al. 2001, section 4; Bouchard, Jousselme & Dore 2013 for definiteness."""
    apart = distances(three)
    assert np.array_equal(np.diag(apart), np.zeros(3))
    assert apart == pytest.approx(apart.T, abs=1e-15)
    assert apart.max() <= 1 + 1e-12
    assert apart[0, 2] <= apart[0, 1] + apart[1, 2] + 1e-12


@given(st.lists(NORMAL, min_size=3, max_size=3))
def test_matrices_hold_the_measure_of_every_two(three: list[Mass]) -> None:
    apart, away = distances(three), divergences(three)
    for i, one in enumerate(three):
        for j, other in enumerate(three):
            assert apart[i, j] == pytest.approx(jousselme_distance(one, other), abs=1e-8)
            assert away[i, j] == pytest.approx(belief_divergence(one, other), abs=1e-12)


def test_mass_on_the_empty_set_has_no_measure() -> None:
    kept = Mass(AB, {0: 0.2, 1: 0.8})
    with pytest.raises(ValueError, match=r"Deng entropy is not defined .* source 1 has 0\.2"):
        deng_entropy(kept)
    for measure in (jousselme_distance, belief_divergence):
        with pytest.raises(ValueError, match=r"source 2 has 0\.2"):
            measure(vacuous(AB), kept)


def test_masses_on_two_frames_have_no_distance() -> None:
    with pytest.raises(ValueError, match="two frames"):
        jousselme_distance(vacuous(AB), vacuous(ABC))
