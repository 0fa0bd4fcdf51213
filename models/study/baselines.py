"""Ways to fuse that need no theory of evidence: what Dempster-Shafer has to be better than.

All start from the same numbers as the masses do: each class's probability at the detector's fitted
temperature, its share in the training data divided out. Nothing is discounted.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Detector, Manifest
from models.study.believed import Logits
from models.study.opinion import EVEN_BELIEF, Opinion, Real, Truths, open_minded
from models.study.stacking import predict, predict_held_out, teach

Judge = Callable[[Logits], Opinion]
ALONE = " alone"


def log_likelihoods(logits: Real, detector: Detector) -> Real:
    """Of each class, up to a factor a part that no class shares: (part, class)."""
    scores = logits / detector.temperature - np.log([one.prior for one in detector.classes])
    return np.asarray(scores - _log_sum(scores)[:, None])


def log_odds_of_defect(logits: Real, detector: Detector, good: str) -> Real:
    """By one detector alone, of all its classes that do not allow `good`: (part,)."""
    scores = log_likelihoods(logits, detector)
    passing = np.array([good in one.hypotheses for one in detector.classes])
    return _log_sum(scores[:, ~passing]) - _log_sum(scores[:, passing])


def alone(name: str, manifest: Manifest, logits: Logits) -> Opinion:
    """One detector, as if there were no other."""
    return open_minded(log_odds_of_defect(logits[name], manifest.detectors[name], manifest.good))


def mean(manifest: Manifest, logits: Logits) -> Opinion:
    """The mean over the detectors of the probability of a defect."""
    odds = [log_odds_of_defect(x, manifest.detectors[n], manifest.good) for n, x in logits.items()]
    shares = [np.exp(-np.logaddexp(0.0, -one)) for one in odds]
    return open_minded(np.mean(shares, axis=0), EVEN_BELIEF)


def any_defect(healthy: Mapping[str, Real], manifest: Manifest, logits: Logits) -> Opinion:
    """OR: a defect, when any detector says so.

    Each has a limit of its own, which as many `healthy` parts overstep (log-odds by detector, of
    good calibration parts, sorted), so that none of them eats up the false rejects of the others.
    As one number: the least share of good parts that a detector finds as bad as this one
    (Tippett 1931's combination of p-values).
    """
    shares = []
    for name, rows in logits.items():
        odds = log_odds_of_defect(rows, manifest.detectors[name], manifest.good)
        below = np.searchsorted(healthy[name], odds, side="left")
        shares.append(1.0 - below / healthy[name].size)
    return open_minded(-np.min(shares, axis=0), -np.inf)


def naive_bayes(manifest: Manifest, logits: Logits) -> Opinion:
    """The product of the detectors' likelihoods of each hypothesis, all as likely beforehand.

    A class stands for a set of hypotheses: each of them has the likelihood of the class. One that
    several classes of a detector allow is answered by each of these as often.
    """
    total: Real = np.zeros((len(next(iter(logits.values()))), len(manifest.hypotheses)))
    for name, rows in logits.items():
        detector = manifest.detectors[name]
        scores = log_likelihoods(rows, detector)
        for column, hypothesis in enumerate(manifest.hypotheses):
            allowing = [hypothesis in one.hypotheses for one in detector.classes]
            total[:, column] += _log_sum(scores[:, allowing]) - np.log(np.sum(allowing))
    return _by_hypothesis(total, manifest)


def stacking(weights: Real, manifest: Manifest, logits: Logits) -> Opinion:
    """Multinomial logistic regression on every class's log-likelihood against the first."""
    scores = predict(weights, features(logits, manifest))
    return _by_hypothesis(scores, manifest)


def features(logits: Logits, manifest: Manifest) -> Real:
    """What stacking is taught on: (part, feature)."""
    scores = [log_likelihoods(rows, manifest.detectors[name]) for name, rows in logits.items()]
    return np.concatenate([one[:, 1:] - one[:, :1] for one in scores], axis=1)


def taught(
    logits: Logits, hypothesis: NDArray[np.int64], is_good: Truths, manifest: Manifest
) -> tuple[dict[str, Judge], dict[str, Opinion]]:
    """Every baseline, taught on calibration parts; and its opinions on the good ones of these.

    Stacking's are those of regressions that were not taught the part in question: on its own
    lessons it would look surer than it is, and its limit would fail more good parts than allowed.
    """
    count = len(manifest.hypotheses)
    weights = teach(features(logits, manifest), hypothesis, count)
    good = {name: rows[is_good] for name, rows in logits.items()}
    healthy = {
        name: np.sort(log_odds_of_defect(rows, manifest.detectors[name], manifest.good))
        for name, rows in good.items()
    }
    judges: dict[str, Judge] = {
        "naive Bayes": partial(naive_bayes, manifest),
        "stacking": partial(stacking, weights, manifest),
        "mean": partial(mean, manifest),
        "OR": partial(any_defect, healthy, manifest),
    }
    judges |= {name + ALONE: partial(alone, name, manifest) for name in logits}
    opinions = {name: judge(good) for name, judge in judges.items()}
    held_out = predict_held_out(features(logits, manifest), hypothesis, count)[is_good]
    opinions["stacking"] = _by_hypothesis(held_out, manifest)
    return judges, opinions


def _by_hypothesis(scores: Real, manifest: Manifest) -> Opinion:
    """Log-odds of any defect, from a logarithm for each hypothesis.

    A defect that no working detector sees is as likely as ok on every part: it adds the same to all
    odds and leaves their order as it is, so that no missing detector asks for another formula.
    """
    is_good = np.array([one == manifest.good for one in manifest.hypotheses])
    return open_minded(_log_sum(scores[:, ~is_good]) - _log_sum(scores[:, is_good]))


def _log_sum(scores: Real) -> Real:
    """Logarithm of the sum of exponentials over the last axis, without overflow."""
    return np.asarray(np.logaddexp.reduce(scores, axis=1))
