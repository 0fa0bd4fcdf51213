"""Escapes count by physical part, and the comparison favours the single sensor."""

import math

import pytest

from edge.accept.escapes import escapes, good_parts
from edge.accept.singles import compare, kinds_seen, limit
from edge.manifest import Detector

from .shown import shown


def test_a_part_that_passed_once_of_three_times_has_escaped() -> None:
    seen = [shown("M1", "defect", severity=1.2, trial=str(k), index=k) for k in (1, 2)]
    seen.append(shown("M1", "ok", severity=1.2, trial="3", index=3))
    seen += [shown(f"P{k}", "uncertain", severity=1.0) for k in range(4)]
    found = escapes(seen, 0.007)
    assert (found.escaped, found.parts) == (1, 5)
    assert (found.showings.events, found.showings.trials) == (1, 7)
    assert found.who == ("M1: scratch 1.20, passed 1 of 3 times (part 3 of cell1)",)
    assert found.uncertain.events == 4  # caught, but somebody has to look


def test_parts_below_their_limit_and_good_ones_are_no_escapes() -> None:
    seen = [shown("P1", "ok", severity=0.999), shown("P2", "ok"), shown("P3", "defect")]
    found = escapes(seen, 0.007)
    assert found.parts == 0
    assert not found.is_met
    assert found.missing == 427
    good = good_parts(seen)
    assert (good.false_rejects.events, good.stopped.events, good.stopped.trials) == (1, 1, 2)


@pytest.mark.parametrize(
    ("parts", "escaped", "missing"), [(427, 0, 0), (426, 0, 1), (676, 1, 0), (1000, 3, 106)]
)
def test_it_says_how_many_parts_are_missing(parts: int, escaped: int, missing: int) -> None:
    seen = [shown(f"P{k}", "ok" if k < escaped else "defect", severity=2.0) for k in range(parts)]
    found = escapes(seen, 0.007)
    assert found.missing == missing
    assert found.is_met == (missing == 0)


def test_an_uncertain_good_part_is_stopped_too() -> None:
    good = good_parts([shown("P1", "uncertain"), shown("P2", "defect"), shown("P3", "ok")])
    assert (good.false_rejects.events, good.uncertain.events, good.stopped.events) == (1, 1, 2)


def test_a_single_sensor_may_stop_at_least_as_many_good_parts() -> None:
    scores = [0.9, 0.1, 0.5, 0.5, 0.7]
    for stopped in range(5):
        at = limit(scores, stopped)
        assert sum(score < at for score in scores) >= stopped
    assert limit(scores, 0) == 0.1  # none of them
    assert limit([], 0) == math.inf


def test_the_best_sensor_is_compared_part_by_part() -> None:
    """Camera sees P1, ear sees P2 and P3, all together see all; nobody fails a good part."""
    seen = [shown("G", "ok", camera=0.8, ear=0.9)]
    for group, camera, ear in (("P1", 0.1, 0.95), ("P2", 0.9, 0.2), ("P3", 0.9, 0.1)):
        seen.append(shown(group, "defect", severity=1.5, camera=camera, ear=ear))
    seen.append(shown("small", "ok", severity=0.5, camera=0.0, ear=0.0))  # in no rate
    own = {"camera": frozenset({"scratch"}), "ear": frozenset({"rub"})}
    found = compare(seen, own)
    assert found.best is not None
    assert [(one.sensor, one.missed) for one in found.sensors] == [("ear", 1), ("camera", 2)]
    assert (found.paired.only_first, found.paired.only_second, found.paired.pairs) == (1, 0, 3)
    assert found.missed == 0
    assert [(one.own_missed, one.own_parts) for one in found.sensors] == [(0, 0), (2, 3)]
    assert not found.is_better  # of three parts nothing is shown


def test_a_sensor_that_saw_nothing_passes_nothing() -> None:
    seen = [shown("G", "ok", ear=0.9), shown("P1", "defect", severity=2.0, ear=None)]
    found = compare(seen, {"ear": frozenset()})
    assert found.sensors[0].missed == 0


def test_seen_are_the_kinds_that_have_a_class_without_good() -> None:
    classes = [
        {"name": "good", "hypotheses": ["ok", "rub"], "prior": 0.5},
        {"name": "mark", "hypotheses": ["scratch", "crack"], "prior": 0.5},
    ]
    clip = {"kind": "series", "name": "x", "unit": "Pa", "channels": 1, "rate_hz": 9, "length": 9}
    one = Detector.model_validate(
        {"sense": "audio", "file": "a", "input": clip, "classes": classes}
    )
    assert kinds_seen(one, "ok") == {"scratch", "crack"}
