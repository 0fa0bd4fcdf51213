"""Rows of published tables, and how near to the print a result has to be."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from edge.fusion.combination import combine
from fusion.masses import Table, frame_of, mass, table

EXACT = 1e-12


class Published(NamedTuple):
    """A row of a paper; `unit` is half of its last printed digit, 1e-12 where it is exact."""

    where: str
    rule: str
    letters: str
    sources: Sequence[Table]
    expected: Table
    conflict: float | None = None
    unit: float = EXACT


def assert_reproduced(row: Published) -> None:
    """Every source counts as one, as in the papers, also one that knows nothing."""
    frame = frame_of(row.letters)
    combination = combine(row.rule, [mass(frame, one) for one in row.sources], literally=True)
    printed = {at: value for at, value in row.expected.items() if value}
    assert table(combination.mass) == pytest.approx(printed, rel=0, abs=row.unit)
    if row.conflict is not None:
        assert combination.conflict == pytest.approx(row.conflict, rel=0, abs=1e-12)
