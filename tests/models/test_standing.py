"""The words say what the counts say."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edge.fusion.rules import RULES
from models.statistics import mcnemar
from models.study.comparison import Comparison, Paired, Rate, Row
from models.study.scenarios import Scenario
from models.study.standing import BASELINES, paragraph, standings

pytestmark = pytest.mark.workshop

COUNTS = {  # scenario: discordant escapes (opponent's, default's), the same of good parts failed
    "alike": ((3, 2), (4, 4)),
    "more escape there": ((20, 0), (1, 0)),
    "more escape here": ((0, 20), (0, 1)),
    "other parts": ((20, 0), (0, 20)),
    "once by chance": ((6, 0), (0, 0)),  # p .031 alone; one of twelve asked for
    "nothing": ((0, 0), (0, 0)),
}


def _row(scenario: str, method: str) -> Row:
    escaped, failed = COUNTS[scenario]
    rate = Rate(escaped[method == "yager"], 100, 0.0, 1.0)
    pair = Paired("yager", *escaped, mcnemar(*escaped), *failed, mcnemar(*failed))
    against = () if method == "yager" else (pair,)
    return Row(scenario, method, rate, rate, rate, rate, rate, 0, against)


@pytest.fixture
def comparison() -> Comparison:
    methods = [*RULES, *BASELINES, "camera alone"]
    return Comparison(
        rows=tuple(_row(scenario, method) for scenario in COUNTS for method in methods),
        scenarios=tuple(
            Scenario(name, name, lambda logits, _good, _random: logits) for name in COUNTS
        ),
        default="yager",
        best_alone=dict.fromkeys(COUNTS, "camera alone"),
        calibration_good=100,
        false_rejects=0.01,
        seed=1,
        engine="none",
    )


def test_it_stands_as_the_discordant_parts_have_it(comparison: Comparison) -> None:
    expected = ["ties", "wins", "loses", "trades", "ties", "ties"]
    for stands in standings(comparison).values():
        assert list(stands.values()) == expected


def test_a_win_and_a_loss_are_told_with_their_counts(comparison: Comparison) -> None:
    said = paragraph(comparison)
    assert (
        "Against naive Bayes the default rule (yager) ties on alike, once by chance, nothing"
        in said
    )
    assert "wins on more escape there (escapes 0 to 20" in said
    assert "loses on more escape here (escapes 20 to 0" in said
