"""The least change of evidence that decides otherwise: held against the change itself, applied."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.fusion.combination import combine
from edge.fusion.counterfactual import STRAIGHT, Flip, flips, least, moved, search
from edge.fusion.decision import Absence, Criteria, Outcome, criteria, decide
from edge.fusion.mass import Mass, vacuous
from edge.manifest import Thresholds
from fusion.masses import ABCD, drawn, mass

GOOD = "a"
DEFECTS = ABCD.mask("bcd")
BESIDE = 1e-6  # of a share: near enough to be just before, or just beyond
Sets = Sequence[Sequence[int]]


def limits(ok: float, defect: float, conflict: float) -> Thresholds:
    return Thresholds(ok_belief=ok, defect_belief=defect, conflict=conflict)


def held_to(limit: Thresholds, *absent: Absence, watched: int = DEFECTS) -> Criteria:
    return criteria(ABCD, GOOD, limit, absent, watched=watched)


def outcome(rule: str, masses: Sequence[Mass], held: Criteria) -> Outcome:
    return held.outcome(held.standing(combine(rule, masses)))


def found(rule: str, masses: Sequence[Mass], sets: Sets, held: Criteria) -> list[Flip | None]:
    return flips(rule, masses, sets, held, held.standing(combine(rule, masses)))


def after(
    rule: str, masses: Sequence[Mass], held: Criteria, source: int, share: float, to: int
) -> Outcome:
    changed = list(masses)
    changed[source] = moved(masses[source], share, to)
    return outcome(rule, changed, held)


SHARES = st.floats(0.02, 0.98)
LIMITS = st.builds(limits, SHARES, SHARES, SHARES)
OPEN = st.lists(drawn(), min_size=1, max_size=4)
SETS = st.lists(st.integers(1, ABCD.everything - 1), min_size=1, max_size=3, unique=True)
ABSENCES = st.lists(
    st.builds(Absence, st.just("away"), st.booleans(), st.sampled_from([2, 4, 6])), max_size=1
)
WATCHED = st.sampled_from([DEFECTS, ABCD.mask("bc"), ABCD.mask("d"), 0])


@pytest.mark.parametrize("rule", sorted(STRAIGHT))
@given(st.data())
def test_beyond_its_share_a_change_decides_otherwise_and_before_it_nothing_does(
    rule: str, data: st.DataObject
) -> None:
    """The change is applied to the mass, all are combined again and decided upon again."""
    masses, absent = data.draw(OPEN), data.draw(ABSENCES)
    sets = [data.draw(SETS) for _ in masses]
    held = held_to(data.draw(LIMITS), *absent, watched=data.draw(WATCHED))
    before = outcome(rule, masses, held)
    for source, flip in enumerate(found(rule, masses, sets, held)):
        targets = [ABCD.everything, *sets[source]]
        if flip is None:
            shares = [i / 40 for i in range(40)]
        else:
            assert (flip.source, flip.to in targets) == (source, True)
            shares = [flip.share * i / 20 for i in range(20)] + [flip.share - BESIDE]
            assume(flip.share + BESIDE < 1.0)
            beyond = after(rule, masses, held, source, flip.share + BESIDE, flip.to)
            assert (beyond, beyond != before) == (flip.becomes, True)
        for to in targets:
            for share in shares:
                if share >= 0.0:
                    assert after(rule, masses, held, source, share, to) == before


@pytest.mark.parametrize("rule", sorted(STRAIGHT))
@given(st.data())
def test_closed_form_and_search_agree(rule: str, data: st.DataObject) -> None:
    masses = data.draw(st.lists(drawn(), min_size=2, max_size=3))
    sets = [data.draw(SETS) for _ in masses]
    held = held_to(data.draw(LIMITS))
    for exact, walked in zip(
        found(rule, masses, sets, held), search(rule, masses, sets, held), strict=True
    ):
        if walked:  # what comes and goes within a step, the search may overlook
            assert exact is not None
            assert exact.share <= walked.share + BESIDE
        if exact and walked and walked.to == exact.to and walked.becomes == exact.becomes:
            assert walked.share == pytest.approx(exact.share, abs=BESIDE)


@pytest.mark.parametrize("rule", ["dubois_prade", "disjunctive", "murphy", "pcr6", "cautious"])
def test_a_rule_without_closed_form_is_searched(rule: str) -> None:
    masses = [mass(ABCD, {"a": 0.9, "abcd": 0.1}), mass(ABCD, {"ab": 0.8, "abcd": 0.2})]
    held = held_to(limits(0.5, 0.6, 0.9))
    before = outcome(rule, masses, held)
    flip = least(search(rule, masses, [[1, 2], [1, 2]], held))
    assert flip is not None
    assert after(rule, masses, held, flip.source, flip.share + BESIDE, flip.to) == flip.becomes
    assert after(rule, masses, held, flip.source, flip.share - BESIDE, flip.to) == before


@given(st.data())
def test_criteria_and_decision_are_one(data: st.DataObject) -> None:
    """What the counterfactual flips is what `decide` decides."""
    masses, absent, limit = data.draw(OPEN), data.draw(ABSENCES), data.draw(LIMITS)
    watched, combination = data.draw(WATCHED), combine("yager", masses)
    said = decide(combination, ABCD, GOOD, limit, absent, watched=watched)
    assert said.decision == outcome("yager", masses, held_to(limit, *absent, watched=watched))


# --- by hand -----------------------------------------------------------------------------------

SURE = mass(ABCD, {"a": 0.9, "abcd": 0.1})


def test_one_source_believed_less_falls_below_the_threshold() -> None:
    """Bel'(a) = 0.9 (1 - s) < 0.6 beyond s = 1/3; moved to b: conflict none, the same root."""
    (flip,) = found("yager", [SURE], [[1, 2]], held_to(limits(0.6, 0.8, 0.5)))
    assert flip == Flip(0, pytest.approx(1 / 3), ABCD.everything, "uncertain")


def test_a_contradiction_may_decide_before_a_doubt_does() -> None:
    """K' = 0.9 s > 0.05 beyond s = 1/18, where belief in a is far above 0.5 still."""
    flip = least(found("yager", [SURE, SURE], [[1, 2], [1, 2]], held_to(limits(0.5, 0.8, 0.05))))
    assert flip == Flip(0, pytest.approx(1 / 18), 2, "uncertain")


def test_an_absent_sensor_cannot_be_talked_away() -> None:
    """No evidence makes it ok; enough of a defect (0.8 of the mass) still rejects."""
    held = held_to(limits(0.5, 0.8, 0.5), Absence("cam1", False, 2), watched=ABCD.mask("cd"))
    masses = [SURE, vacuous(ABCD)]
    assert found("yager", masses, [[1], []], held) == [None, None]
    assert held.bars == ("cam1 is absent",)
    (flip, silent) = found("yager", masses, [[1, 4], []], held)
    assert silent is None
    assert flip == Flip(0, pytest.approx(0.8), 4, "defect")


def test_a_defect_unseen_by_any_other_falls_when_its_source_is_doubted() -> None:
    masses = [mass(ABCD, {"b": 0.95, "abcd": 0.05}), mass(ABCD, {"ab": 0.6, "abcd": 0.4})]
    flip = least(found("yager", masses, [[1, 2], [3]], held_to(limits(0.9, 0.8, 0.9))))
    assert flip == Flip(0, pytest.approx(1 - 0.8 / 0.95), ABCD.everything, "uncertain")


def test_with_nobody_at_work_nothing_flips() -> None:
    masses = [vacuous(ABCD), vacuous(ABCD)]
    held = held_to(limits(0.5, 0.8, 0.5), watched=0)
    assert least(found("yager", masses, [[], []], held)) is None


def test_dempster_stays_silent_where_it_has_no_answer() -> None:
    """At s = 1 the two agree on nothing: no decision there, so none that it becomes."""
    sure = [mass(ABCD, {"a": 1.0}), mass(ABCD, {"a": 1.0})]
    held = held_to(limits(0.5, 0.5, 1.0))
    assert found("dempster", sure, [[2], [2]], held)[0] is None


def test_a_decision_that_holds_at_a_single_share_is_none() -> None:
    """Bel'(a) = K' = s / 2: at 1/2 both thresholds are met, beyond it conflict is too much."""
    masses = [vacuous(ABCD), mass(ABCD, {"ab": 0.5, "c": 0.5})]
    held = held_to(limits(0.25, 0.9, 0.25))
    assert found("yager", masses, [[1], []], held) == [None, None]
