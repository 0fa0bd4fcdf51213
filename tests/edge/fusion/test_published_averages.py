"""Murphy's, Deng's and Xiao's rules reproduce the tables that were published of them."""

import pytest

from edge.fusion.measures import deng_entropy
from fusion.masses import frame_of, mass
from fusion.papers import Published, assert_reproduced

# Deng et al. 2004: later papers often print {a, c} for the last c, with other results
FIVE = (
    {"a": 0.5, "b": 0.2, "c": 0.3},
    {"b": 0.9, "c": 0.1},
    {"a": 0.55, "b": 0.1, "c": 0.35},
    {"a": 0.55, "b": 0.1, "c": 0.35},
    {"a": 0.55, "b": 0.1, "c": 0.35},
)
# Xiao 2019, recognition of a target by five sensors
TARGET = (
    {"a": 0.41, "b": 0.29, "c": 0.30},
    {"b": 0.9, "c": 0.1},
    {"a": 0.58, "b": 0.07, "ac": 0.35},
    {"a": 0.55, "b": 0.10, "ac": 0.35},
    {"a": 0.60, "b": 0.10, "ac": 0.30},
)

PUBLISHED = [
    *(
        Published(
            f"Deng et al. 2004, {rule}, {count} sensors",
            rule,
            "abc",
            FIVE[:count],
            {"a": a, "b": b, "c": 1 - a - b},
            unit=1e-4,  # c is not printed here: what a and b, each within half a unit, leave
        )
        for rule, count, a, b in (
            ("murphy", 2, 0.1543, 0.7469),
            ("murphy", 3, 0.3500, 0.5224),
            ("murphy", 4, 0.6027, 0.2627),
            ("murphy", 5, 0.7958, 0.0932),
            ("deng", 2, 0.1543, 0.7469),
            ("deng", 3, 0.5816, 0.2439),
            ("deng", 4, 0.8060, 0.0482),
            ("deng", 5, 0.8909, 0.0086),
        )
    ),
    Published(
        "Xiao 2019, target, murphy",
        "murphy",
        "abc",
        TARGET,
        {"a": 0.9620, "b": 0.0210, "c": 0.0138, "ac": 0.0032},
        unit=5e-5,
    ),
    Published(
        "Xiao 2019, target, xiao",
        "xiao",
        "abc",
        TARGET,
        {"a": 0.9895, "b": 0.0002, "c": 0.0061, "ac": 0.0043},
        unit=5e-5,
    ),
]


@pytest.mark.parametrize("row", PUBLISHED, ids=[row.where for row in PUBLISHED])
def test_published_table(row: Published) -> None:
    assert_reproduced(row)


def test_the_entropies_of_xiao_2019s_target() -> None:
    """The paper's own "Deng" row of that target does not follow from Deng's definition."""
    entropies = [deng_entropy(mass(frame_of("abc"), one)) for one in TARGET]
    printed = [1.5664, 0.4690, 1.8092, 1.8914, 1.7710]
    assert entropies == pytest.approx(printed, rel=0, abs=5e-5)
