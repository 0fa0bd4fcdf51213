"""Temperatures and priors are found again where they were put in."""

import numpy as np
import pytest

pytest.importorskip("torch")

from models.temperature import priors, temperature

pytestmark = pytest.mark.workshop

RNG = np.random.default_rng(11)


def _drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their own softmax: calibrated at temperature 1."""
    logits = 3.0 * RNG.standard_normal((count, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < RNG.random((count, 1))).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_known_scaling(scale: float) -> None:
    logits, labels = _drawn(20_000)
    found = temperature(scale * logits, labels, np.ones(labels.size))
    assert found == pytest.approx(scale, rel=0.05)


def test_priors_are_weighted_shares() -> None:
    shares = priors(np.array([0, 0, 1, 2]), np.array([1.0, 1.0, 0.5, 1.5]), 3)
    np.testing.assert_allclose(shares, [0.5, 0.125, 0.375])
