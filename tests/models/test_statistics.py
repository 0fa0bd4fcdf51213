"""Intervals and tests give the numbers of published tables."""

import pytest

pytest.importorskip("scipy")

from models.statistics import at_most, clopper_pearson, holm, mcnemar, trials_needed, upper_bound

pytestmark = pytest.mark.workshop


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_the_interval_is_newcombes_clopper_pearson(
    events: int, trials: int, low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 5."""
    assert clopper_pearson(events, trials) == pytest.approx((low, high), abs=5e-5)


def test_when_nothing_or_everything_happened_the_bound_has_a_closed_form() -> None:
    assert clopper_pearson(0, 50)[1] == pytest.approx(1.0 - 0.025 ** (1 / 50))
    assert clopper_pearson(50, 50) == pytest.approx((0.025 ** (1 / 50), 1.0))


@pytest.mark.parametrize(("events", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_a_count_that_cannot_be_has_no_interval(events: int, trials: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to"):
        clopper_pearson(events, trials)


def test_mcnemar_is_fagerlands_exact_conditional_test() -> None:
    """Fagerland, Lydersen & Laake 2013, BMC Medical Research Methodology 13, 91.

    Airway hyper-responsiveness before and after stem cell transplantation: 1 and 7 give 0.070.
    """
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(7, 1) == mcnemar(1, 7)


@pytest.mark.parametrize(("first", "second", "p"), [(6, 0, 2 / 64), (3, 3, 1.0), (0, 0, 1.0)])
def test_mcnemar_is_a_fair_coins_two_tails(first: int, second: int, p: float) -> None:
    assert mcnemar(first, second) == pytest.approx(p)


def test_holms_step_down() -> None:
    """By the definition: .005 x 4, .01 x 3, .03 x 2, and the last no less than the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("events", "parts", "rate", "confidence"),
    [
        (0, 427, 0.007, 0.95),
        (1, 676, 0.007, 0.95),
        (2, 898, 0.007, 0.95),
        (3, 1106, 0.007, 0.95),
        (10, 2420, 0.007, 0.95),
        (0, 656, 0.007, 0.99),
        (0, 299, 0.01, 0.95),
        (5, 455, 0.023, 0.95),
    ],
)
def test_the_fewest_parts_that_show_a_rate_are_the_tables(
    events: int, parts: int, rate: float, confidence: float
) -> None:
    """Numbers of parts from published tables of exact one-sided bounds."""
    assert trials_needed(events, rate, confidence) == parts
    assert upper_bound(events, parts, confidence) <= rate
    assert upper_bound(events, parts - 1, confidence) > rate
    assert at_most(events, parts, rate) <= 1.0 - confidence < at_most(events, parts - 1, rate)
