"""Figures are what textbooks say, intervals cover, no limit is measured on what set it."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("torch")

from edge.bundle import load
from edge.config import SHIPPED
from models import intervals
from models.measuring import bundles, drawn, figures
from models.measuring.seen import Decided, Seen
from models.statistics import clopper_pearson

pytestmark = pytest.mark.workshop


def test_a_rate_of_independent_parts_has_the_exact_interval() -> None:
    events = np.arange(430) < 3
    found = intervals.rate(events, [str(one) for one in range(430)])
    assert found is not None
    assert (found.low, found.high) == clopper_pearson(3, 430)
    assert found.high == pytest.approx(0.0203, abs=5e-5)  # 3 of 430: at most 2.03 %
    assert intervals.rate(events[:0], []) is None


def test_alike_parts_count_by_their_groups() -> None:
    """Ten copies of each of 40 parts say no more than 40 parts do."""
    once = np.arange(40) < 12
    groups = [f"g{one}" for one in range(40)]
    exact = intervals.rate(once, groups)
    copied = intervals.rate(np.repeat(once, 10), [one for one in groups for _ in range(10)])
    assert exact is not None
    assert copied is not None
    assert (copied.examples, copied.groups) == (400, 40)
    assert copied.high - copied.low == pytest.approx(exact.high - exact.low, rel=0.15)
    none = intervals.rate(np.zeros(400, bool), [one for one in groups for _ in range(10)])
    assert none is not None
    assert none.high == clopper_pearson(0, 40)[1]


def test_the_bootstrap_covers_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for turn in range(100):
        level = random.normal(size=30)  # of each group; its members share it
        values = np.repeat(level, 5) + 0.3 * random.normal(size=150)
        groups = [str(one) for one in range(30) for _ in range(5)]
        found = intervals.bootstrap(
            lambda rows, values=values: float(values[rows].mean()), groups, seed=turn, draws=300
        )
        covered += found.low <= 0.0 <= found.high
    assert 85 <= covered <= 100


def test_auroc_is_mann_whitneys() -> None:
    random = np.random.default_rng(2)
    positive = random.uniform(size=300) < 0.3
    score = np.round(random.normal(size=300) + positive, 1)  # with ties
    u = stats.mannwhitneyu(score[positive], score[~positive]).statistic
    assert figures.auroc(score, positive) == pytest.approx(u / (positive.sum() * (~positive).sum()))
    assert np.isnan(figures.auroc(score, np.zeros(300, bool)))
    across, up = figures.roc(score, positive)
    assert np.trapezoid(up, across) == pytest.approx(figures.auroc(score, positive))


def test_reliability_and_the_brier_score_of_shares_that_are_as_right_as_they_say() -> None:
    shares = np.tile([0.75, 0.25], (400, 1))
    labels = (np.arange(400) % 4 == 0).astype(np.int64)
    assert figures.reliability(shares, labels) == [(0.75, 0.75, 400)]
    assert figures.brier(shares, labels) == pytest.approx(
        2 * 0.75 * 0.25
    )  # p (1 - p), both classes
    assert figures.reliability(shares, 1 - labels) == [(0.75, 0.25, 400)]
    assert figures.brier(np.eye(2)[labels], labels) == 0.0


def _seen(parts: int = 4000, seed: int = 3) -> Seen:
    random = np.random.default_rng(seed)
    labels = (random.uniform(size=parts) < 0.5).astype(np.int64)
    good = 1.0 / (1.0 + np.exp(-(random.normal(size=parts) + 2.0 - 4.0 * labels)))
    shares = np.stack([good, 1.0 - good], axis=1)
    groups = tuple(f"p{one}" for one in range(parts))
    return Seen("eye", ("good", "bad"), labels, shares, groups, labels.astype(np.float32), "test")


def test_escapes_are_counted_at_the_false_reject_rate_asked_for() -> None:
    seen = _seen()
    said = figures.detector(seen, 0.05)
    assert said["false_reject_rate"]["low"] <= 0.05 <= said["false_reject_rate"]["high"]
    # two normals four deviations apart: 1.645 below the mean of the good ones
    expected = 1.0 - stats.norm.cdf(4.0 - 1.645)
    assert said["escape_rate"]["low"] <= expected <= said["escape_rate"]["high"]
    assert said["auroc_good_or_defective"]["value"] == pytest.approx(
        stats.norm.cdf(4.0 / np.sqrt(2.0)), abs=0.003
    )
    assert np.sum(said["confusion"]) == said["parts"] == 4000
    recall = said["classes"]["bad"]["named_right"]
    assert recall["value"] == pytest.approx(stats.norm.cdf(2.0), abs=0.01)


def test_a_limit_is_never_set_on_the_parts_it_is_measured_on() -> None:
    """One half whose good parts all look worse fails by the other half's limit, as it should."""
    seen = _seen(400)
    passes = figures.passing(seen, 0.05, seed=1)
    changed = seen.shares.copy()
    names = sorted(set(seen.groups))
    order = np.random.default_rng(1).permutation(len(names))
    first = np.isin(seen.groups, [names[place] for place in order[::2]])
    changed[first & seen.is_good] = [1e-6, 1.0 - 1e-6]
    worse = Seen(seen.name, seen.classes, seen.labels, changed, seen.groups, seen.severity, "test")
    again = figures.passing(worse, 0.05, seed=1)
    assert not again[first & seen.is_good].any()  # by the other half's limit, which did not move
    np.testing.assert_array_equal(again[first & ~seen.is_good], passes[first & ~seen.is_good])
    assert again[~first].all()


def test_parts_below_their_limit_are_left_out_and_counted() -> None:
    seen = _seen(200)
    severity = seen.severity.copy()
    severity[seen.labels == 1] = 0.8
    below = Seen("eye", seen.classes, seen.labels, seen.shares, seen.groups, severity, "test")
    said = figures.detector(below)
    assert said["left_out_below_limit"] == int((seen.labels == 1).sum())
    assert said["escape_rate"] is None


def test_verdicts_are_counted_as_an_acceptance_counts_them() -> None:
    decided = Decided(
        ("ok", "ok", "ok", "rub", "rub", "crack", "crack"),
        np.array([0, 0, 0, 1.0, 2.0, 0.5, 3.0], np.float32),
        np.array(["ok", "defect", "uncertain", "ok", "defect", "ok", "defect"]),
        ("", "rub", "", "", "rub", "", "rub"),
        np.array([0.9, 0.1, 0.3, 0.8, 0.1, 0.7, 0.0]),
        tuple("abcdefg"),
        "ok",
    )
    said = figures.verdicts(decided)
    assert said["escape_rate"]["value"] == pytest.approx(1 / 3, abs=1e-5)  # 0.5 is below its limit
    assert said["false_reject_rate"]["value"] == pytest.approx(1 / 3, abs=1e-5)
    assert said["good_not_passed"]["value"] == pytest.approx(2 / 3, abs=1e-5)
    assert said["right_names"]["value"] == pytest.approx(1 / 2)
    assert said["escape_rate_by_defect"]["rub"]["value"] == pytest.approx(1 / 2)
    assert said["escape_rate_by_defect"]["crack"]["value"] == 0.0
    assert said["left_out_below_limit"] == 1


def test_a_bundle_is_measured_and_drawn_on_parts_it_was_never_taught(tmp_path: Path) -> None:
    measured = bundles.on_simulator(load(SHIPPED / "motor"), 6)
    assert [len(one) for one in measured.alone] == [6, 6, 6]
    for one in measured.alone:
        np.testing.assert_allclose(one.shares.sum(axis=1), 1.0, atol=1e-6)
        assert one.classes[0] == "good"
    said = figures.verdicts(measured.fused)
    assert json.loads(json.dumps(said)) == said
    files = drawn.verdicts(measured.fused, measured.alone, tmp_path)
    files += drawn.detector(measured.alone[0], tmp_path)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
