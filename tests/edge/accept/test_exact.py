"""Exact statistics against published tables, closed forms and scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from edge.accept.exact import (
    beta_cdf,
    beta_quantile,
    binomial_cdf,
    clopper_pearson,
    mcnemar,
    needed,
    rate,
    upper_bound,
)


# Zero-failure and k-failure demonstration plans: the smallest n with P(Bin(n, p) <= x) <= 1 - c
@pytest.mark.parametrize(
    ("target", "events", "at_95", "at_99"),
    [
        (0.007, 0, 427, 656),
        (0.007, 1, 676, 946),
        (0.007, 2, 898, 1198),
        (0.007, 3, 1106, 1432),
        (0.007, 10, 2420, 2873),
        (0.01, 0, 299, 459),
        (0.01, 5, 1049, 1307),
        (0.023, 2, 272, 363),
        (0.023, 10, 734, 871),
        (0.1, 0, 29, 44),  # "29 of 29": 90/95
        (0.05, 0, 59, 90),  # "59 of 59": 95/95
    ],
)
def test_as_many_parts_are_needed_as_the_tables_say(
    target: float, events: int, at_95: int, at_99: int
) -> None:
    assert needed(events, target) == at_95
    assert needed(events, target, 0.99) == at_99
    for parts, is_enough in ((at_95, True), (at_95 - 1, False)):
        assert (stats.binom.cdf(events, parts, target) <= 0.05) is np.bool_(is_enough)
        assert (upper_bound(events, parts) <= target) is is_enough


def test_no_event_in_n_bounds_the_rate_by_the_closed_form() -> None:
    for parts in (1, 29, 427):
        assert upper_bound(0, parts) == pytest.approx(1.0 - 0.05 ** (1.0 / parts), abs=1e-12)


def test_intervals_are_those_of_the_beta_quantiles() -> None:
    assert clopper_pearson(7, 1000) == pytest.approx((0.00281886, 0.01436919), abs=1e-8)
    for events, trials in ((0, 5), (1, 311), (3, 430), (50, 51), (9, 9), (1.7, 88.3)):
        low, high = clopper_pearson(events, trials)
        missed = trials - events
        assert low == pytest.approx(stats.beta.ppf(0.025, events, missed + 1) if events else 0.0)
        assert high == pytest.approx(stats.beta.ppf(0.975, events + 1, missed) if missed else 1.0)


def test_the_incomplete_beta_function_is_scipys() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        a, b = rng.uniform(0.3, 3000.0, 2)
        x = float(np.clip(a / (a + b) * rng.uniform(0.8, 1.2), 1e-6, 1.0 - 1e-6))
        assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-10)
        assert beta_cdf(beta_quantile(0.3, a, b), a, b) == pytest.approx(0.3, abs=1e-9)
    assert binomial_cdf(3, 40, 0.1) == pytest.approx(stats.binom.cdf(3, 40, 0.1))


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [(6, 0, 0.031), (9, 1, 0.021), (12, 3, 0.035), (0, 0, 1.0), (4, 4, 1.0)],
)
def test_mcnemar_is_the_binomial_test_of_the_pairs_that_differ(
    first: int, second: int, p_value: float
) -> None:
    assert mcnemar(first, second) == mcnemar(second, first) == pytest.approx(p_value, abs=5e-4)


def test_thousands_of_differing_pairs_are_no_overflow() -> None:
    assert mcnemar(3000, 2900) == pytest.approx(stats.binomtest(2900, 5900).pvalue)


def test_a_tiny_p_value_is_not_rounded_to_nothing() -> None:
    assert mcnemar(166, 0) == pytest.approx(2.0**-165)
    assert mcnemar(0, 59) == pytest.approx(2.0**-58)


def test_parts_that_are_shown_once_count_once() -> None:
    found = rate((f"P{k}", k < 3) for k in range(1106))
    assert (found.events, found.trials, found.groups) == (3, 1106, 1106)
    assert found.design_effect == 1.0
    assert found.upper <= 0.007 < upper_bound(3, 1105)


def test_repeats_that_always_agree_are_worth_one_part() -> None:
    """Hand computation: ICC = 1 with three showings each gives 1 + (3 - 1) * 1 = 3."""
    found = rate((f"P{k}", k < 5) for k in range(20) for _ in range(3))
    assert found.design_effect == pytest.approx(3.0)
    assert found.effective == pytest.approx(20.0)
    assert found.upper == pytest.approx(upper_bound(5, 20))
    assert (found.low, found.high) == pytest.approx(clopper_pearson(5, 20))


def test_repeats_without_any_event_are_worth_one_part() -> None:
    found = rate((f"P{k}", False) for k in range(20) for _ in range(9))
    assert found.trials == 180
    assert found.upper == pytest.approx(upper_bound(0, 20))


def test_repeats_that_are_independent_lose_little() -> None:
    rng = np.random.default_rng(5)
    found = rate((f"P{k}", bool(rng.random() < 0.3)) for k in range(400) for _ in range(3))
    assert 1.0 <= found.design_effect < 1.15


def test_without_a_trial_nothing_is_claimed() -> None:
    found = rate([])
    assert math.isnan(found.share)
    assert math.isnan(found.upper)


def test_the_bound_holds_as_often_as_it_says() -> None:
    """Over all outcomes of a binomial, the bound misses the truth at most 5 times in 100."""
    for truth, parts in ((0.007, 700), (0.02, 150), (0.1, 40)):
        missed = [k for k in range(parts + 1) if upper_bound(k, parts) < truth]
        assert stats.binom.pmf(missed, parts, truth).sum() <= 0.05
