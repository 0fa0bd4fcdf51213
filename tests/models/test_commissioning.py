"""The study of commissioned stations counts parts, and pairs them with what was said before."""

import pytest

pytest.importorskip("torch")

from models.study.commissioning import Verdicts, rows

pytestmark = pytest.mark.workshop


def test_defects_that_pass_are_paired_with_what_was_said_without_a_baseline() -> None:
    """Two stations by hand: one defect passes with it alone, two without it alone."""
    one = Verdicts(
        2.0,
        good={0: ("ok", "defect"), 20: ("ok", "ok")},
        defective={0: ("ok", "ok", "defect"), 20: ("defect", "uncertain", "defect")},
    )
    other = Verdicts(
        2.0,
        good={0: ("uncertain", "ok"), 20: ("ok", "uncertain")},
        defective={0: ("defect", "ok", "defect"), 20: ("ok", "ok", "defect")},
    )
    plain, taught = rows([one, other])
    assert (plain.parts, plain.passed, plain.rejected, plain.escaped) == (0, 2, 1, 3)
    assert (taught.parts, taught.passed, taught.named, taught.escaped) == (20, 3, 3, 2)
    assert taught.escaped_only == (1, 2)
    assert taught.escape_p == 1.0  # exact binomial, 1 of 3
    # Clopper & Pearson 1934, 2 of 6 at 95 %: 4.3 to 77.7 %
    assert taught.escaped_interval == pytest.approx((0.0433, 0.7772), abs=1e-4)
