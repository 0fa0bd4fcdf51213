"""A promoted bundle goes with one fault more than it may have, and stays when its time is over."""

from edge.live.probation import OnProbation
from edge.live.rules import Probation

RULE = Probation(parts=20, failures=2, slow=3)


def judged(*parts: tuple[bool, bool, float]) -> OnProbation:
    made = OnProbation(RULE, 50.0, "a" * 64)
    for failed, unanswered, took_ms in parts:
        made.add(failed=failed, unanswered=unanswered, took_ms=took_ms)
    return made


GOOD, FAILED, UNANSWERED, SLOW = (
    (False, False, 12.0),
    (True, False, 12.0),
    (False, True, 12.0),
    (False, False, 50.1),
)


def test_it_may_fail_twice_and_not_three_times() -> None:
    assert judged(GOOD, FAILED, FAILED).fault == ""
    assert "failed on 3 of its first 4 parts" in judged(GOOD, FAILED, FAILED, FAILED).fault


def test_an_answer_that_did_not_come_in_time_is_as_slow_as_a_late_verdict() -> None:
    assert judged(SLOW, UNANSWERED, SLOW).fault == ""
    assert "took longer than 50 ms" in judged(SLOW, UNANSWERED, SLOW, UNANSWERED).fault


def test_the_deadline_itself_is_in_time() -> None:
    assert judged(*[(False, False, 50.0)] * 10).slow == 0


def test_it_is_over_after_as_many_parts_as_the_rule_says() -> None:
    assert not judged(*[GOOD] * 19).is_over
    assert judged(*[GOOD] * 20).is_over
