"""Masses in short hand, and drawn at random."""

from collections.abc import Mapping

import pytest
from hypothesis import strategies as st

from edge.fusion.frame import Frame
from edge.fusion.mass import Mass

Table = Mapping[str, float]  # "ab" is the set of a and b, "" the empty set

AB = Frame(("a", "b"))
ABC = Frame(("a", "b", "c"))
ABCD = Frame(("a", "b", "c", "d"))


def frame_of(letters: str) -> Frame:
    return Frame(tuple(letters))


def mass(frame: Frame, table: Table) -> Mass:
    return Mass(frame, {frame.mask(names): value for names, value in table.items()})


def table(one: Mass) -> dict[str, float]:
    return {"".join(one.frame.names(mask)): value for mask, value in one.items()}


@st.composite
def drawn(draw: st.DrawFn, frame: Frame = ABCD, *, least: int = 1, is_open: bool = True) -> Mass:
    """A mass function on sets from `least` on; open ones leave something to the whole frame."""
    weights = draw(
        st.dictionaries(
            st.integers(least, frame.everything), st.integers(1, 1000), min_size=1, max_size=6
        )
    )
    if is_open:
        weights[frame.everything] = draw(st.integers(1, 1000))
    total = sum(weights.values())
    return Mass(frame, {mask: weight / total for mask, weight in weights.items()})


SOURCES = st.lists(drawn(), min_size=1, max_size=4)


def assert_same(one: Mass, other: Mass, within: float = 1e-12) -> None:
    for mask in one.focal.keys() | other.focal.keys():
        assert one[mask] == pytest.approx(other[mask], rel=0, abs=within), one.frame.label(mask)
