"""Numbers for arrays that carry none."""

from sensors.arrays import ArrayCount

MS = 1_000_000
SECOND = 1_000_000_000
PERIOD = 10 * MS


def numbers(*pairs: tuple[int, int], overflowed: int = -1) -> list[int]:
    """Numbers of arrays given as (stamp, arrival) in ms; before `overflowed` some were lost."""
    count = ArrayCount()
    return [
        count.next(stamp * MS, arrival * MS, PERIOD, overflowed=k == overflowed)
        for k, (stamp, arrival) in enumerate(pairs)
    ]


def test_arrays_that_follow_each_other_count_up() -> None:
    assert numbers((0, 1), (10, 11), (20, 21), (30, 31)) == [0, 1, 2, 3]


def test_stamps_that_jitter_count_the_same() -> None:
    assert numbers((0, 1), (13, 14), (18, 21), (31, 31)) == [0, 1, 2, 3]


def test_missing_arrays_leave_a_gap_as_long_as_their_time() -> None:
    assert numbers((0, 1), (10, 11), (60, 61), (70, 71)) == [0, 1, 6, 7]


def test_a_server_that_says_it_lost_some_leaves_a_gap_at_least() -> None:
    assert numbers((0, 1), (10, 11), (20, 21), overflowed=2) == [0, 1, 3]
    assert numbers((0, 1), (10, 11), (60, 61), overflowed=2) == [0, 1, 6]


def test_a_clock_that_is_set_back_or_forth_is_no_gap() -> None:
    assert numbers((0, 1), (10, 11), (-5000, 21), (-4990, 31)) == [0, 1, 2, 3]
    assert numbers((0, 1), (10, 11), (5020, 21), (5030, 31)) == [0, 1, 2, 3]


def test_a_burst_after_a_frozen_link_has_its_true_gap() -> None:
    assert numbers((0, 1), (10, 9011), (20, 9011), (30, 9012)) == [0, 1, 2, 3]
    assert numbers((0, 1), (8000, 9011), (8010, 9011)) == [0, 800, 801]  # its oldest were lost
