"""The rules that keep, divide or move conflict reproduce the tables that were published of them."""

import pytest

from edge.fusion.combination import combine
from edge.fusion.corrections import discount
from fusion.masses import frame_of, mass, table
from fusion.papers import Published, assert_reproduced

ZADEH = ({"a": 0.9, "c": 0.1}, {"b": 0.9, "c": 0.1})
ZADEH_SHARP = ({"a": 0.99, "c": 0.01}, {"b": 0.99, "c": 0.01})
SMARANDACHE = ({"a": 0.7, "b": 0.1, "ab": 0.2}, {"a": 0.5, "b": 0.4, "ab": 0.1})
# DSmT introduction, pp. 15-17: hypothesis 3 is found empty, its mass falls to the empty set
EMPTIED = (
    {"a": 0.1, "b": 0.4, "": 0.2, "ab": 0.3},
    {"a": 0.5, "b": 0.1, "": 0.3, "ab": 0.1},
)
PYDS = ({"a": 0.4, "b": 0.2, "ad": 0.1, "abcd": 0.3}, {"b": 0.5, "c": 0.2, "ac": 0.3})
DENOEUX = ({"": 0.1, "ab": 0.3, "bc": 0.6}, {"": 0.1, "b": 0.5, "bc": 0.4})
CAUTIOUS = ({"ab": 0.3, "bc": 0.5, "abc": 0.2}, {"b": 0.3, "bc": 0.4, "abc": 0.3})
DENG = (
    {"a": 0.5, "b": 0.2, "c": 0.3},
    {"b": 0.9, "c": 0.1},
    {"a": 0.55, "b": 0.1, "c": 0.35},
    {"a": 0.55, "b": 0.1, "c": 0.35},
    {"a": 0.55, "b": 0.1, "c": 0.35},
)
XIAO = (
    {"a": 0.41, "b": 0.29, "c": 0.30},
    {"b": 0.9, "c": 0.1},
    {"a": 0.58, "b": 0.07, "ac": 0.35},
    {"a": 0.55, "b": 0.10, "ac": 0.35},
    {"a": 0.60, "b": 0.10, "ac": 0.30},
)
FAN_ZUO = (
    {"a": 0.6, "b": 0.1, "bc": 0.1, "abc": 0.2},
    {"a": 0.05, "b": 0.8, "bc": 0.05, "abc": 0.1},
    {"a": 0.7, "b": 0.1, "bc": 0.1, "abc": 0.1},
)
MR_JONES = ({"ab": 0.5, "c": 0.5}, {"bc": 1.0})  # Peter, Paul, Mary; Peter has an alibi


PUBLISHED = [
    Published("Zadeh 1979", "dempster", "abc", ZADEH, {"c": 1.0}, 0.99),
    Published("Zadeh by Yager", "yager", "abc", ZADEH_SHARP, {"c": 0.0001, "abc": 0.9999}, 0.9999),
    Published(
        "Zadeh by Dubois and Prade",
        "dubois_prade",
        "abc",
        ZADEH_SHARP,
        {"c": 0.0001, "ab": 0.9801, "ac": 0.0099, "bc": 0.0099},
        0.9999,
    ),
    Published(
        "Smarandache and Dezert 2004, 12.2",
        "dempster",
        "ab",
        SMARANDACHE,
        {"a": 0.776119, "b": 0.194030, "ab": 0.029851},
        0.33,
        5e-7,
    ),
    Published(
        "DSmT introduction by Dempster",
        "dempster",
        "ab",
        EMPTIED,
        {"a": 0.600, "b": 0.314, "ab": 0.086},
        0.65,
        5e-4,
    ),
    Published(
        "DSmT introduction by Yager",
        "yager",
        "ab",
        EMPTIED,
        {"a": 0.21, "b": 0.11, "ab": 0.68},
        0.65,
    ),
    Published(  # the book's masses sum to .94: .06 is lost to the emptied hypothesis
        "DSmT introduction by Dubois and Prade",
        "dubois_prade",
        "ab",
        EMPTIED,
        {"a": 0.34, "b": 0.25, "ab": 0.35, "": 0.06},
        0.65,
    ),
    Published(
        "pyds suite",
        "conjunctive",
        "abcd",
        PYDS,
        {"a": 0.15, "b": 0.25, "c": 0.06, "ac": 0.09, "": 0.45},
        0.45,
    ),
    Published(
        "Denoeux 2008, table 5",
        "disjunctive",
        "abc",
        DENOEUX,
        {"": 0.01, "b": 0.05, "ab": 0.18, "bc": 0.64, "abc": 0.12},
    ),
    *(
        Published(
            f"Deng et al. 2004, {count} sensors",
            "dempster",
            "abc",
            DENG[:count],
            {"b": belief, "c": 1 - belief},
            unit=5e-5,
        )
        for count, belief in ((2, 0.8571), (3, 0.6316), (4, 0.3288), (5, 0.1228))
    ),
    Published("Xiao 2019, target", "dempster", "abc", XIAO, {"b": 0.1422, "c": 0.8578}, unit=5e-5),
    Published(
        "Fan and Zuo 2006",
        "dempster",
        "abc",
        FAN_ZUO,
        {"a": 0.4519, "b": 0.5048, "bc": 0.0336, "abc": 0.0096},
        unit=1e-4,  # the printed row sums to .9999
    ),
    Published(
        "Denoeux 2008, the cautious rule",
        "cautious",
        "abc",
        CAUTIOUS,
        {"b": 0.6, "ab": 0.12, "bc": 0.2, "abc": 0.08},
    ),
    Published("Smets, Mr Jones", "conjunctive", "abc", MR_JONES, {"b": 0.5, "c": 0.5}, 0.0),
]


@pytest.mark.parametrize("row", PUBLISHED, ids=[row.where for row in PUBLISHED])
def test_published_table(row: Published) -> None:
    assert_reproduced(row)


@pytest.mark.parametrize(
    ("rule", "betp"),
    [
        ("dempster", (0.538991, 0.447248, 0.013761)),
        ("yager", (0.445417, 0.395417, 0.159167)),
        ("dubois_prade", (0.521250, 0.471250, 0.0075)),
        ("pcr5", (0.529676, 0.462824, 0.0075)),
    ],
)
def test_weld_inspection_of_evidencelib(rule: str, betp: tuple[float, float, float]) -> None:
    """Accept, repair or reject a weld, by eye and by ultrasound: the paper's pignistic columns."""
    frame = frame_of("arj")
    visual = mass(frame, {"a": 0.70, "ar": 0.15, "arj": 0.15})
    ultrasonic = mass(frame, {"r": 0.65, "ar": 0.20, "arj": 0.15})
    combination = combine(rule, [visual, ultrasonic])
    assert combination.conflict == pytest.approx(0.455)
    assert tuple(combination.mass.pignistic().values()) == pytest.approx(betp, abs=5e-7)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("conjunctive", {"a": 0.3392, "b": 0.4112, "ab": 0.16, "": 0.0896}),
        ("pcr5", {"a": 0.3698, "b": 0.4702, "ab": 0.16}),
    ],
)
def test_discounted_sources_of_smarandache_dezert_and_tacnet_2010_table_3(
    rule: str, expected: dict[str, float]
) -> None:
    frame = frame_of("ab")
    one = discount(mass(frame, {"a": 0.8, "b": 0.2}), 0.2)
    other = discount(mass(frame, {"a": 0.4, "b": 0.6}), 0.8)
    assert table(combine(rule, [one, other]).mass) == pytest.approx(expected, rel=0, abs=5e-5)
