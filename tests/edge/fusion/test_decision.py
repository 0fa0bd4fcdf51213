"""From a combined mass to ok, a defect or uncertain."""

import pytest

from edge.fusion.combination import Combination, combine
from edge.fusion.decision import Absence, Decided, decide
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass, vacuous
from edge.manifest import Thresholds

MOTOR = Frame(("ok", "scratch", "crack", "imbalance", "rub"))
LIMITS = Thresholds(ok_belief=0.9, defect_belief=0.8, conflict=0.3)
EVERY_DEFECT = MOTOR.mask(["scratch", "crack", "imbalance", "rub"])
CAMERA = MOTOR.mask(["scratch", "crack"])  # what each sensor can rule out
VIBRATION = MOTOR.mask(["imbalance", "rub"])
AUDIO = MOTOR.mask(["rub"])


def mass(**focal: float) -> Mass:
    return Mass(MOTOR, {MOTOR.mask(sets.split("_")): value for sets, value in focal.items()})


def judge(
    *sources: Mass,
    absent: tuple[Absence, ...] = (),
    watched: int = EVERY_DEFECT,
    rule: str = "yager",
) -> Decided:
    combination = combine(rule, sources)
    return decide(combination, MOTOR, "ok", LIMITS, absent, watched=watched)


def of(one: Mass, conflict: float) -> Decided:
    return decide(Combination(one, conflict, (one,)), MOTOR, "ok", LIMITS, (), watched=EVERY_DEFECT)


def test_a_part_is_ok_when_the_sensors_together_leave_no_defect() -> None:
    """The camera rules out what it sees, vibration what it feels; neither alone says ok."""
    camera = mass(ok_imbalance_rub=0.97, ok_scratch_crack_imbalance_rub=0.03)
    vibration = mass(ok_scratch_crack=0.97, ok_scratch_crack_imbalance_rub=0.03)
    assert judge(camera).decision == "uncertain"
    decided = judge(camera, vibration)
    assert (decided.decision, decided.defect) == ("ok", "")
    assert decided.reason == "belief in ok 0.9409 >= 0.9000; conflict 0.0000 <= 0.3000"


def test_a_defect_that_stands_out_is_named() -> None:
    decided = of(mass(crack=0.85, scratch_crack=0.1, ok=0.05), 0.0)
    assert (decided.decision, decided.defect) == ("defect", "crack")
    assert "belief in a defect 0.9500 >= 0.8000" in decided.reason
    assert "crack: belief 0.8500 > plausibility 0.1000 of any other" in decided.reason


def test_a_defect_that_might_be_another_is_unknown() -> None:
    decided = of(mass(crack=0.40, scratch_crack=0.55, ok=0.05), 0.0)
    assert (decided.decision, decided.defect) == ("defect", "unknown")
    assert "belief in crack 0.4000, another may have 0.5500" in decided.reason


def test_two_defects_equally_believed_are_unknown() -> None:
    assert of(mass(crack=0.5, scratch=0.5), 0.0).defect == "unknown"


def test_a_defect_needs_no_agreement_to_be_rejected() -> None:
    assert of(mass(crack=0.9, ok_scratch_crack_imbalance_rub=0.1), 0.9).decision == "defect"


def test_conflict_forbids_to_pass_and_says_so() -> None:
    decided = of(mass(ok=0.95, ok_scratch_crack_imbalance_rub=0.05), 0.31)
    assert decided.decision == "uncertain"
    assert "conflict 0.3100 > 0.3000" in decided.reason
    assert "belief in ok" not in decided.reason


def test_one_confident_liar_cannot_pass_a_part_that_another_rejects() -> None:
    """Zadeh's case on a line: a stuck sensor says ok, the camera sees a crack."""
    stuck = mass(ok=0.99, ok_scratch_crack_imbalance_rub=0.01)
    camera = mass(crack=0.99, ok_scratch_crack_imbalance_rub=0.01)
    assert judge(stuck, camera).decision == "uncertain"


def test_uncertain_says_every_doubt_with_its_number() -> None:
    decided = of(mass(ok=0.6, crack=0.2, ok_scratch_crack_imbalance_rub=0.2), 0.4)
    assert decided == Decided(
        "uncertain",
        "",
        "belief in ok 0.6000 < 0.9000; conflict 0.4000 > 0.3000; "
        "belief in a defect 0.2000 < 0.8000",
    )


# --- absent sensors ----------------------------------------------------------------------------

SEEN_GOOD = mass(ok_imbalance_rub=0.97, ok_scratch_crack_imbalance_rub=0.03)
HEARD_GOOD = mass(ok_scratch_crack_imbalance=0.97, ok_scratch_crack_imbalance_rub=0.03)


def vibration(*, is_accepted: bool) -> Absence:
    return Absence("vib1", is_accepted, VIBRATION)


def test_without_a_sensor_to_be_inspected_nothing_passes() -> None:
    certain = mass(ok=1.0)
    decided = judge(certain, absent=(vibration(is_accepted=False),), watched=CAMERA | AUDIO)
    assert decided.decision == "uncertain"
    assert decided.reason.startswith("vib1 is absent; ")


def test_without_an_accepted_sensor_nobody_asks_about_what_it_alone_could_rule_out() -> None:
    """Imbalance is felt only: without vibration {ok, imbalance} is as near to ok as one gets."""
    sources = (SEEN_GOOD, HEARD_GOOD, vacuous(MOTOR))
    decided = judge(*sources, absent=(vibration(is_accepted=True),), watched=CAMERA | AUDIO)
    assert decided.decision == "ok"
    assert decided.reason.startswith("belief in ok (nobody asked about imbalance) 0.9409 >= 0.9000")


def test_a_defect_that_another_sensor_watches_is_still_asked_about() -> None:
    """Rub is felt and heard: an ear that is half deaf leaves it open, accepted or not."""
    half_deaf = mass(ok_scratch_crack_imbalance=0.5, ok_scratch_crack_imbalance_rub=0.5)
    decided = judge(
        SEEN_GOOD, half_deaf, absent=(vibration(is_accepted=True),), watched=CAMERA | AUDIO
    )
    assert decided.decision == "uncertain"


def test_evidence_of_an_unasked_defect_never_speaks_for_ok() -> None:
    suspect = mass(imbalance=0.5, ok_imbalance=0.5)
    decided = judge(suspect, absent=(vibration(is_accepted=True),), watched=CAMERA | AUDIO)
    assert decided.decision == "uncertain"
    assert "(nobody asked about imbalance) 0.5000 < 0.9000" in decided.reason


def test_an_accepted_absence_hides_no_defect() -> None:
    cracked = mass(crack=0.95, ok_scratch_crack_imbalance_rub=0.05)
    decided = judge(cracked, absent=(vibration(is_accepted=True),), watched=CAMERA | AUDIO)
    assert (decided.decision, decided.defect) == ("defect", "crack")


def test_with_every_sensor_absent_and_accepted_nothing_passes() -> None:
    absent = (
        Absence("cam1", True, CAMERA),
        Absence("vib1", True, VIBRATION),
        Absence("mic1", True, AUDIO),
    )
    decided = judge(vacuous(MOTOR), absent=absent, watched=0)
    assert decided.decision == "uncertain"
    assert "no working sensor can rule out any defect" in decided.reason


@pytest.mark.parametrize("rule", ["dempster", "conjunctive", "dubois_prade", "disjunctive"])
def test_every_rule_gives_something_that_can_be_decided_upon(rule: str) -> None:
    both = mass(ok=0.98, ok_scratch_crack_imbalance_rub=0.02)
    assert judge(both, both, rule=rule).decision == "ok"
