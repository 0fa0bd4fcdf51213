"""Counted by hand: eight parts, every kind of right and wrong once."""

from edge.trial.score import score
from sensors.recording import Truth


def test_escapes_and_false_rejects_count_from_the_reject_limit() -> None:
    parts: list[tuple[Truth | None, str, str]] = [
        (Truth(1, "ok", 0.0, False), "ok", ""),
        (Truth(2, "ok", 0.0, False), "defect", "rub"),  # false reject
        (Truth(3, "ok", 0.0, False), "uncertain", ""),
        (Truth(4, "crack", 1.0, True), "defect", "crack"),
        (Truth(5, "crack", 2.0, True), "ok", ""),  # escape
        (Truth(6, "crack", 0.6, False), "ok", ""),  # small: may pass
        (Truth(7, "crack", 0.9, False), "defect", "crack"),  # small: may be rejected
        (Truth(8, "rub", 1.2, True), "defect", "crack"),  # caught under a wrong name
        (None, "ok", ""),  # nobody knows
    ]
    counted = score(parts)
    assert counted.confusion == {
        "crack": {"crack": 1, "ok": 1},
        "crack (small)": {"ok": 1, "crack": 1},
        "ok": {"ok": 1, "rub": 1, "uncertain": 1},
        "rub": {"crack": 1},
    }
    assert (counted.good, counted.rejects) == (3, 3)
    assert (counted.escapes, counted.false_rejects, counted.uncertain) == (1, 1, 1)
    assert counted.named == 1
