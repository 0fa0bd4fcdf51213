"""Percentiles by hand: rank = ceil(p / 100 * n), counted from 1."""

import math

from edge.trial.figures import is_supported, nearest_rank, spread


def test_nearest_rank_is_the_textbooks() -> None:
    # Wikipedia, "Percentile", nearest-rank method, worked examples 1 and 2
    assert [nearest_rank([15, 20, 35, 40, 50], p) for p in (5, 30, 40, 50, 100)] == [
        15, 20, 20, 35, 50,
    ]  # fmt: skip
    assert [nearest_rank([3, 6, 7, 8, 8, 10, 13, 15, 16, 20], p) for p in (25, 50, 75, 100)] == [
        7,
        8,
        15,
        20,
    ]


def test_a_percentile_needs_ten_samples_above_it() -> None:
    # p50 of 20: rank 10, ten above. p99 of 1000: rank 990, ten above.
    assert is_supported(20, 50)
    assert not is_supported(19, 50)
    assert is_supported(1000, 99)
    assert not is_supported(999, 99)


def test_an_unsupported_percentile_is_the_maximum_and_says_so() -> None:
    sixty = spread(range(1, 61))
    assert (sixty.p50, sixty.p95, sixty.p99, sixty.max) == (30, 60, 60, 60)
    assert sixty.unsupported == ("p95", "p99")
    assert sixty.in_words() == "p50 30.0, max 60.0 ms (n = 60)"


def test_a_thousand_samples_carry_all_percentiles() -> None:
    thousand = spread(reversed(range(1, 1001)))
    assert (thousand.p50, thousand.p95, thousand.p99, thousand.max) == (500, 950, 990, 1000)
    assert thousand.unsupported == ()


def test_no_samples_give_no_figures() -> None:
    empty = spread([])
    assert math.isnan(empty.p50)
    assert empty.as_data()["p50"] is None
    assert empty.in_words() == "no samples"
