"""The margin of a station's limit is the smallest that tells other stations' parts best."""

import pytest

from models.limits import Machine, best_margin

pytestmark = pytest.mark.workshop


def test_it_reaches_to_the_furthest_good_part_when_defects_lie_beyond() -> None:
    """Good ones 0, 1 and 1.2: by any two, the third is at most 0.2 above the higher."""
    machine = Machine(good=[0.0, 1.0, 1.2], defective=[3.0, 4.0])
    assert best_margin([machine], 2) == pytest.approx(0.2)
    # by one alone the third may be 1.2 above it; all defects are at least 1.8 above any
    assert best_margin([machine], 1) == pytest.approx(1.2)


def test_it_lets_no_defect_pass_for_one_good_part_that_strays() -> None:
    """A good part 10 above the others cannot be kept without letting all defects pass."""
    machine = Machine(good=[0.0, 0.0, 0.0, 10.0], defective=[2.0, 3.0, 4.0])
    assert best_margin([machine], 1) == 0.0


def test_machines_without_a_defect_say_nothing() -> None:
    with pytest.raises(ValueError, match="a defect"):
        best_margin([Machine(good=[0.0, 1.0, 2.0], defective=[])], 2)
    with pytest.raises(ValueError, match="more of them"):
        best_margin([Machine(good=[0.0, 1.0], defective=[5.0])], 2)
