"""A shadow is promoted by what its last parts show, and by nothing less."""

import pytest

from edge.live.rules import PromoteAfter
from edge.live.tally import Compared, Tally


def part(
    said: str = "ok", published: str = "ok", took_ms: float = 10.0, failed: str = ""
) -> Compared:
    return Compared("st1-1-1", said, published, took_ms, took_ms - 1.0, failed)


def tally(rule: PromoteAfter, parts: list[Compared]) -> Tally:
    made = Tally(rule)
    for one in parts:
        made.add(one)
    return made


RULE = PromoteAfter(parts=200, agreement=0.99, failures=1, p99_ms=40.0)


def test_as_many_parts_as_the_rule_says_are_enough_and_one_less_is_not() -> None:
    assert tally(RULE, [part()] * 199).lacks == "199 of 200 parts"
    assert tally(RULE, [part()] * 200).lacks == ""


def test_agreement_is_of_decision_and_defect() -> None:
    differs = part("defect rub", "defect imbalance")
    assert tally(RULE, [differs] * 2 + [part()] * 198).lacks == ""  # 99.0 %
    assert tally(RULE, [differs] * 3 + [part()] * 197).lacks.startswith("agreement 98.50%")


def test_what_is_long_ago_counts_no_more() -> None:
    made = tally(RULE, [part("defect rub")] * 50 + [part()] * 197)
    assert made.lacks
    made.add(part())
    assert made.lacks == ""
    assert made.outcomes == {"differs": 50, "agrees": 198}
    assert made.differences == {("ok", "defect rub"): 50}


def test_a_part_without_answer_is_a_failure_and_agrees_with_nothing() -> None:
    failed = part("", "", failed="the driver gave up")
    assert not failed.agrees
    assert tally(RULE, [failed] + [part()] * 199).lacks == ""
    assert "2 failures" in tally(RULE, [failed] * 2 + [part()] * 198).lacks


@pytest.mark.parametrize(("slow", "lacks"), [(2, ""), (3, "p99 41.0 ms, at most 40")])
def test_the_99th_percentile_of_200_parts_is_the_198th(slow: int, lacks: str) -> None:
    """Nearest rank: the least value that at least 99 % do not exceed."""
    made = tally(RULE, [part(took_ms=41.0)] * slow + [part()] * (200 - slow))
    assert made.lacks == lacks


def test_parts_left_out_say_nothing_either_way() -> None:
    made = tally(RULE, [part()] * 199)
    made.skip()
    assert made.lacks == "199 of 200 parts"
    assert made.agreement == 1.0


def test_without_a_rule_nothing_is_promoted() -> None:
    made = Tally(None)
    for _ in range(2000):
        made.add(part())
    assert made.lacks
