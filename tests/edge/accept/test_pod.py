"""Detection curves against another library's fit, an independent profile, and the truth."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from edge.accept.logistic import bound, fit
from edge.accept.pod import detection, first_showings

A50, SLOPE = 0.8, 6.0  # of the true curve
A90 = A50 * math.exp(math.log(9.0) / SLOPE)


def drawn(seed: int, count: int = 80) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log sizes evenly spread over the ratios, and hits by the true curve."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(math.log(0.4), math.log(3.0), count)
    share = 1.0 / (1.0 + np.exp(-SLOPE * (sizes - math.log(A50))))
    return sizes, (rng.random(count) < share).astype(float)


def rows(seed: int, count: int = 80) -> list[tuple[float, bool]]:
    sizes, is_hit = drawn(seed, count)
    return [(math.exp(s), bool(h)) for s, h in zip(sizes, is_hit, strict=True)]


def loss(slope: float, at: float, sizes: NDArray[np.float64], is_hit: NDArray[np.float64]) -> float:
    """Minus the log likelihood of the curve through 90 % at `at`."""
    logits = math.log(9.0) + slope * (sizes - at)
    return float(np.logaddexp(0.0, logits).sum() - (is_hit * logits).sum())


def test_the_fit_is_the_most_likely_curve() -> None:
    sizes, is_hit = drawn(1)
    found = fit(sizes, is_hit)
    other = optimize.minimize(
        lambda b: float(
            np.logaddexp(0.0, b[0] + b[1] * sizes).sum() - (is_hit * (b[0] + b[1] * sizes)).sum()
        ),
        [0.0, 1.0],
        tol=1e-12,
    )
    assert (found.intercept, found.slope) == pytest.approx(tuple(other.x), rel=1e-4)
    assert found.log_likelihood == pytest.approx(-other.fun)


def test_a90_95_is_where_the_profile_likelihood_has_fallen_by_its_quantile() -> None:
    sizes, is_hit = drawn(2)
    found = fit(sizes, is_hit)

    def drop(at: float) -> float:
        best = optimize.minimize_scalar(loss, bounds=(0.0, 60.0), args=(at, sizes, is_hit),
                                        method="bounded", options={"xatol": 1e-10})  # fmt: skip
        return 2.0 * (found.log_likelihood + float(best.fun)) - stats.chi2.ppf(0.90, 1)

    a90 = math.log(found.size(0.9))
    expected = math.exp(optimize.brentq(drop, a90 + 1e-9, a90 + 3.0))
    assert bound(sizes, is_hit, found, 0.9, 0.95) == pytest.approx(expected, rel=1e-6)


def test_a90_95_is_no_smaller_than_the_true_a90_nineteen_times_in_twenty() -> None:
    held = 0
    for seed in range(100):
        sizes, is_hit = drawn(1000 + seed, 100)
        above = bound(sizes, is_hit, fit(sizes, is_hit), 0.9, 0.95)
        held += above is None or above >= A90
    assert stats.binomtest(held, 100, 0.95, alternative="less").pvalue > 0.01


def test_bounds_embrace_the_curve_and_rise() -> None:
    found = detection("scratch", rows(3))
    assert found.a50 is not None
    assert found.a90 is not None
    assert found.a90_95 is not None
    assert found.a50 < found.a90 < found.a90_95
    for point in found.band:
        assert point.low is not None
        assert point.high is not None
        assert point.low < point.size < point.high
    assert sum(len(side) for side in (found.hits, found.misses)) == 80


def test_29_of_29_is_90_95() -> None:
    found = detection("crack", [(1.0 + 0.05 * k, True) for k in range(29)])
    assert found.proven_above is not None
    assert found.proven_above == pytest.approx(0.05 ** (1 / 29))
    assert found.proven_above >= 0.90
    assert detection("crack", [(1.5, True)] * 28).proven_above == pytest.approx(0.8985, abs=1e-4)
    assert found.a90 is None
    assert "no miss among 29" in found.state


def test_one_missed_lowers_what_is_proven_to_the_exact_bound() -> None:
    found = detection("crack", [(1.5, k > 0) for k in range(46)])
    assert found.proven_above == pytest.approx(1.0 - stats.beta.ppf(0.95, 2, 45))
    assert found.proven_above >= 0.90  # 45 of 46: the next plan after 29 of 29


def test_complete_separation_is_said_and_gives_no_curve() -> None:
    found = detection("rub", [(s, s > 0.8) for s in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 2.0)])
    assert found.state.startswith("complete separation: all misses up to 0.80, all hits from 0.90")
    assert (found.a50, found.a90, found.a90_95, found.band) == (None, None, None, ())


def test_one_overlap_is_enough_for_a_curve() -> None:
    found = detection("rub", [(s, s > 0.7) for s in (0.5, 0.6, 0.7, 0.9, 1.0)] + [(0.65, True)])
    assert found.state == "fitted"
    assert found.is_few


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([(0.5, False), (2.0, False)], "not found at all"),
        ([], "no part"),
        ([(0.5, True), (0.6, True), (2.0, False)], "larger ones missed"),
        ([(0.5, True), (0.6, False), (0.9, True), (2.0, False)], "does not rise"),
    ],
)
def test_what_is_no_rising_curve_gives_none(cases: list[tuple[float, bool]], words: str) -> None:
    found = detection("rub", cases)
    assert words in found.state
    assert found.a90 is None


def test_few_parts_leave_a90_unbounded_rather_than_small() -> None:
    found = detection("rub", [(0.5, False), (0.8, True), (0.9, False), (1.2, True)])
    assert found.state == "fitted"
    assert found.a90 is not None
    assert found.a90_95 is None


def test_a_miss_where_the_curve_leaves_no_room_is_strange() -> None:
    steep = [(0.4 + 0.01 * k, 0.4 + 0.01 * k > 0.6) for k in range(200)]
    near = [(0.59, True), (0.62, False)]  # an overlap, so that there is a curve
    assert not detection("rub", steep + near).is_strange
    assert detection("rub", [*steep, *near, (1.05, False), (1.2, False), (1.4, False)]).is_strange


def test_chances_of_misses_are_those_of_independent_parts() -> None:
    found = detection("scratch", [*rows(4), (1.3, False)])
    assert found.intercept is not None
    assert found.slope is not None
    above = [s for s in (*found.hits, *found.misses) if s >= 1.0]
    none = math.prod(
        1.0 / (1.0 + math.exp(-found.intercept - found.slope * math.log(s))) for s in above
    )
    missed = sum(s >= 1.0 for s in found.misses)
    assert missed == 1  # so that "at least one" is the closed form
    assert found.chance_above == pytest.approx(1.0 - none)


def test_each_physical_part_counts_once() -> None:
    shown = [("P1", 1.1, False), ("P1", 1.1, True), ("P2", 0.9, True), ("P1", 1.1, True)]
    assert first_showings(shown) == [(1.1, False), (0.9, True)]
