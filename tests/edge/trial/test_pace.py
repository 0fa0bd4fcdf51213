"""A plant's first part comes when the plant is up, and no later than it must."""

from pathlib import Path

import pytest

from edge.trial.pace import Pace


def test_an_unknown_machine_gets_ten_seconds_then_more(tmp_path: Path) -> None:
    assert list(Pace(tmp_path / "none").leads_s()) == [10.0, 25.0, 60.0]


def test_a_machine_that_starts_in_two_seconds_does_not_wait_for_ten(tmp_path: Path) -> None:
    file = tmp_path / "pace"
    Pace(file).learn(2.0)
    first, *more = Pace(file).leads_s()
    assert 3.0 < first < 5.0
    assert more == [25.0, 60.0]


@pytest.mark.parametrize("written", ["", "soon", "-3", "nan", "1e9"])
def test_a_damaged_memory_costs_no_more_than_none(tmp_path: Path, written: str) -> None:
    file = tmp_path / "pace"
    file.write_text(written)
    assert 1.0 <= next(Pace(file).leads_s()) <= 10.0


def test_a_folder_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    Pace(tmp_path / "gone" / "pace").learn(2.0)
