"""The baselines are what they are called."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edge.bundle import load
from edge.manifest import Manifest
from models.study import baselines, believed, stacking
from models.study.opinion import Opinion, decide, settle
from sensors.simulator.cause import HYPOTHESES

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"
DETECTORS = ("camera", "vibration", "audio")
Logits = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load(FOLDER).manifest


def _logits(manifest: Manifest, defect: dict[str, list[float]]) -> dict[str, np.ndarray]:
    """Answers by which each detector gives a defect these probabilities."""
    logits = {}
    for name, shares in defect.items():
        one = manifest.detectors[name]
        wanted = np.array([[1.0 - s, *[s / 3] * 3] for s in shares])
        priors = np.array([c.prior for c in one.classes])
        logits[name] = one.temperature * np.log(wanted * priors)
    return logits


def test_a_stuck_sensor_outvotes_the_mean_and_not_the_or(manifest: Manifest) -> None:
    """Of 100 good parts one looks bad (.6) to two sensors: the mean's limit is .4, OR's is .6.

    A defect that camera and vibration see (.99 each) has a mean of .66, with the camera stuck .33.
    """
    good = {
        "camera": [0.001] * 99 + [0.6],
        "vibration": [0.001] * 99 + [0.6],
        "audio": [0.001] * 100,
    }
    healthy = _logits(manifest, good)
    sorted_odds = {
        name: np.sort(baselines.log_odds_of_defect(rows, manifest.detectors[name], "ok"))
        for name, rows in healthy.items()
    }
    seen = _logits(manifest, {"camera": [0.99], "vibration": [0.99], "audio": [0.001]})
    stuck = _logits(manifest, {"camera": [0.001], "vibration": [0.99], "audio": [0.001]})

    def passes(method: Callable[[Logits], Opinion], logits: Logits) -> bool:
        limits = settle(method(healthy), 0.0, gated=False)
        return bool(decide(method(logits), limits).passed[0])

    def mean(logits: Logits) -> Opinion:
        return baselines.mean(manifest, logits)

    def any_defect(logits: Logits) -> Opinion:
        return baselines.any_defect(sorted_odds, manifest, logits)

    assert baselines.mean(manifest, seen).doubt == pytest.approx([(0.99 + 0.99 + 0.001) / 3])
    assert not passes(mean, seen)
    assert not passes(any_defect, seen)
    assert passes(mean, stuck)
    assert not passes(any_defect, stuck)


def test_naive_bayes_is_dempsters_rule_on_bayesian_masses(manifest: Manifest) -> None:
    """Shafer 1976, ch. 9: where every class is one hypothesis, undiscounted, both are Bayes."""
    alike = {
        name: one.model_copy(
            update={
                "discount": 0.999999999999,
                "classes": tuple(
                    one.classes[0].model_copy(
                        update={"name": h, "hypotheses": (h,), "prior": 1.0 / len(HYPOTHESES)}
                    )
                    for h in HYPOTHESES
                ),
            }
        )
        for name, one in manifest.detectors.items()
    }
    single = manifest.model_copy(update={"detectors": alike})
    random = np.random.default_rng(2)
    logits = {name: random.standard_normal((20, len(HYPOTHESES))) for name in DETECTORS}
    belief = 1.0 - believed.opinions(logits, single)["dempster"].doubt
    bayes = 1.0 / (1.0 + np.exp(baselines.naive_bayes(single, logits).doubt))
    np.testing.assert_allclose(bayes, belief, atol=1e-9)


def test_naive_bayes_ignores_a_detector_that_finds_every_class_as_likely(
    manifest: Manifest,
) -> None:
    some = {n: np.random.default_rng(4).standard_normal((12, 4)) for n in DETECTORS}
    one = manifest.detectors["camera"]
    indifferent = np.tile(one.temperature * np.log([c.prior for c in one.classes]), (12, 1))
    without = {name: rows for name, rows in some.items() if name != "camera"}
    expected = baselines.naive_bayes(manifest, without).doubt
    found = baselines.naive_bayes(manifest, {**some, "camera": indifferent}).doubt
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_missing_detector_leaves_what_the_others_see_to_them(manifest: Manifest) -> None:
    """With audio missing, the camera is heard on a loose cover, which it has a class for."""
    scores = {n: np.tile([9.0, 0.0, 0.0, 0.0], (2, 1)) for n in ("camera", "vibration")}
    scores["camera"][1] = [0.0, 0.0, 0.0, 9.0]
    doubt = baselines.naive_bayes(manifest, scores).doubt
    assert doubt[1] > doubt[0] + 5.0


def test_regression_on_one_yes_or_no_is_the_log_odds_ratio() -> None:
    """Of a fourfold table: the maximum likelihood is known. The penalty moves it by little."""
    table = {(0.0, 0): 40_000, (0.0, 1): 10_000, (1.0, 0): 15_000, (1.0, 1): 35_000}
    feature = np.concatenate([np.full(n, x) for (x, _), n in table.items()])[:, None]
    label = np.concatenate([np.full(n, y) for (_, y), n in table.items()])
    weights = stacking.teach(feature, label, 2)
    slope, intercept = weights[0, 1] - weights[0, 0], weights[1, 1] - weights[1, 0]
    assert slope == pytest.approx(np.log(40 * 35 / (10 * 15)), rel=1e-3)
    assert intercept == pytest.approx(np.log(10 / 40), rel=1e-3)
