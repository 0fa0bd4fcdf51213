"""The attribute study against the manual's example: AIAG MSA, 4th edition, chapter III C.

50 parts, 16 of them to be rejected, three appraisers, three trials. Its tables give each one's
decisions against the reference (48 on reject parts, 102 on accept parts) and its kappa.
"""

import math

import pytest

from edge.accept.agreement import Rating, agreement, appraisal, cohen, grade, ratings

from .shown import shown

# passed of 48, stopped of 102, kappa, miss rate, false alarm rate
AIAG = {
    "A": (3, 5, 0.88, 0.063, 0.049),
    "B": (3, 2, 0.92, 0.063, 0.020),
    "C": (6, 9, 0.77, 0.125, 0.088),
}


def decisions(missed: int, alarms: int) -> list[Rating]:
    """Of one appraiser: the first decisions on each kind of part are the wrong ones."""
    rejects = [(f"R{k % 16}", str(k // 16), True, k >= missed) for k in range(48)]
    accepts = [(f"G{k % 34}", str(k // 34), False, k < alarms) for k in range(102)]
    return [Rating(g, "A", trial, ref, stop) for g, trial, ref, stop in rejects + accepts]


@pytest.mark.parametrize("name", AIAG)
def test_the_manuals_example_comes_out(name: str) -> None:
    missed, alarms, kappa, miss_rate, alarm_rate = AIAG[name]
    found = appraisal(name, decisions(missed, alarms))
    assert found.kappa == pytest.approx(kappa, abs=0.005)
    assert found.miss.share == pytest.approx(miss_rate, abs=0.0006)
    assert found.false_alarm.share == pytest.approx(alarm_rate, abs=0.0006)
    assert found.effectiveness.trials == 50  # by part: right at every trial


@pytest.mark.parametrize(
    ("both_stop", "only_first", "only_second", "neither", "kappa"),
    [(44, 6, 3, 97, 0.86), (43, 8, 8, 91, 0.76)],  # A x B as in the manual; hand computation
)
def test_kappa_between_two(
    both_stop: int, only_first: int, only_second: int, neither: int, kappa: float
) -> None:
    pairs = [(True, True)] * both_stop + [(True, False)] * only_first
    pairs += [(False, True)] * only_second + [(False, False)] * neither
    assert cohen(pairs) == pytest.approx(kappa, abs=0.005)


def test_kappa_of_chance_is_0_and_of_opposites_below_it() -> None:
    even = [(a, b) for a in (True, False) for b in (True, False)] * 5
    assert cohen(even) == pytest.approx(0.0)
    assert cohen([(True, False), (False, True)]) == pytest.approx(-1.0)
    assert math.isnan(cohen([(True, True)] * 9))  # one answer throughout: chance explains it


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((0.90, 0.02, 0.05), "acceptable"),
        ((0.89, 0.02, 0.05), "marginal"),
        ((0.99, 0.021, 0.0), "marginal"),
        ((0.80, 0.05, 0.10), "marginal"),
        ((0.99, 0.0, 0.11), "not acceptable"),
        ((0.79, 0.0, 0.0), "not acceptable"),
        ((0.99, math.nan, 0.0), "not measured"),
    ],
)
def test_the_worst_of_three_figures_grades(
    figures: tuple[float, float, float], expected: str
) -> None:
    assert grade(*figures) == expected


def study(*wrong: tuple[str, str, str]) -> list[Rating]:
    """10 reject and 10 accept parts, 2 appraisers, 3 trials; right but for those named."""
    shown_all = [
        (f"{kind}{k}", who, trial)
        for kind in "RG"
        for k in range(10)
        for who in ("s1", "s2")
        for trial in "123"
    ]
    return [
        Rating(
            group, who, trial, group[0] == "R", (group[0] == "R") != ((who, trial, group) in wrong)
        )
        for group, who, trial in shown_all
    ]


def test_one_wrong_decision_costs_its_part_its_appraiser_and_the_agreement() -> None:
    found = agreement(study(("s2", "3", "R4")))
    first, second = found.appraisers
    assert first.grade == "acceptable"
    assert (second.effectiveness.events, second.effectiveness.trials) == (19, 20)
    assert (second.miss.events, second.miss.trials) == (1, 30)
    assert second.grade == found.grade == "marginal"  # 3.3 % missed
    assert first.repeatable is not None
    assert second.repeatable is not None
    assert (first.repeatable.events, second.repeatable.events) == (20, 19)
    assert found.reproducible is not None
    assert (found.reproducible.events, found.reproducible.trials) == (19, 20)
    # 59 of 60 pairs agree; 30 and 29 stopped: (59/60 - 1/2) / (1 - 1/2)
    assert found.between == {"s1 x s2": pytest.approx((59 / 60 - 0.5) / 0.5)}


def test_without_repeats_repeatability_is_not_measured() -> None:
    found = agreement([one for one in study() if (one.appraiser, one.trial) == ("s1", "1")])
    assert not found.has_repeats
    assert found.appraisers[0].repeatable is None
    assert found.reproducible is None
    assert agreement([]).grade == "not measured"


def test_a_set_with_repeats_is_rated_by_them_alone() -> None:
    sample = [shown(f"P{k}", "ok") for k in range(5)]
    repeats = [shown("M1", "ok", appraiser="s1", trial=str(k)) for k in range(3)]
    assert [r.group for r in ratings([*sample, *repeats], strict=False)] == ["M1"] * 3
    assert len(ratings(sample, strict=False)) == 5


def test_a_defect_below_its_limit_may_go_either_way_or_has_to_pass() -> None:
    seen = [shown("P1", "defect", severity=0.8), shown("P2", "uncertain", severity=1.0)]
    assert [r.group for r in ratings(seen, strict=False)] == ["P2"]
    strict = ratings(seen, strict=True)
    assert [(r.is_reject, r.is_stopped) for r in strict] == [(False, True), (True, True)]
