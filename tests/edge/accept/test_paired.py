"""The paired difference against a published interval and its definition."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from edge.accept.paired import paired, tango


def test_airway_hyperresponsiveness_before_and_after_transplantation() -> None:
    """Fagerland, Lydersen & Laake 2014, Stat. Med. 33, 2850: 1, 1, 7, 12 give -0.517 to -0.026."""
    low, high = tango(21, 1, 7)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


def score(pairs: int, first: int, second: int, difference: float) -> float:
    """Tango's statistic from its definition, the nuisance found by a search."""

    def loss(share: float) -> float:
        rest = 1.0 - 2.0 * share - difference
        return -(
            first * math.log(share + difference)
            + second * math.log(share)
            + (pairs - first - second) * math.log(rest)
        )

    low, high = max(0.0, -difference) + 1e-12, (1.0 - difference) / 2.0 - 1e-12
    share = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded",
                                     options={"xatol": 1e-13}).x  # fmt: skip
    variance = pairs * (2.0 * share + difference - difference**2)
    return float((first - second - pairs * difference) / math.sqrt(variance))


@pytest.mark.parametrize(("pairs", "first", "second"), [(160, 40, 20), (311, 17, 3), (90, 4, 4)])
def test_the_ends_are_where_the_score_is_at_its_limit(pairs: int, first: int, second: int) -> None:
    low, high = tango(pairs, first, second)
    assert score(pairs, first, second, low) == pytest.approx(stats.norm.ppf(0.975), abs=1e-4)
    assert score(pairs, first, second, high) == pytest.approx(-stats.norm.ppf(0.975), abs=1e-4)


def test_the_interval_turns_round_with_the_methods() -> None:
    low, high = tango(50, 9, 1)
    assert tango(50, 1, 9) == pytest.approx((-high, -low))


def test_where_no_pair_differs_the_interval_still_has_a_width() -> None:
    low, high = tango(100, 0, 0)
    assert low == pytest.approx(-high)
    assert 0.02 < high < 0.05


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for first, second, _ in rng.multinomial(200, [0.08, 0.02, 0.9], 400):
        low, high = tango(200, int(first), int(second))
        covered += low <= 0.06 <= high
    assert stats.binomtest(covered, 400, 0.95).pvalue > 0.001


def test_pair_and_p_value_travel_together() -> None:
    found = paired(300, 9, 1)
    assert found.difference == pytest.approx(8 / 300)
    assert found.p_value == pytest.approx(0.0215, abs=1e-4)
    assert found.low > 0.0
    assert math.isnan(paired(0, 0, 0).difference)
