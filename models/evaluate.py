"""How good a bundle is on parts it has never seen: each detector alone, and all of them fused.

An *escape* is a part at or above its reject limit that is judged ok. A *false reject* is a good
part judged a defect. *Uncertain* is neither, and is stated beside them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Manifest
from edge.fusion.decision import Decided, decide
from edge.fusion.evidence import excludes, statement
from edge.fusion.frame import Frame
from models.calibrate import fuse
from models.dataset import Parts
from sensors.simulator.cause import HYPOTHESES

Real = NDArray[np.float64]


def verdicts(logits: Mapping[str, Real], manifest: Manifest) -> list[Decided]:
    """The decision on every part, by the appliance's own fusion."""
    frame = Frame(manifest.hypotheses)
    limits = manifest.thresholds_for(frozenset(logits))
    watched = 0
    for name in logits:
        watched |= excludes(manifest.detectors[name], frame, manifest.good)
    fused = fuse(logits, manifest.detectors, frame, manifest.rule)
    return [decide(one, frame, manifest.good, limits, (), watched=watched) for one in fused]


def fused_metrics(decided: list[Decided], parts: Parts) -> dict[str, float]:
    """Rates over the test parts; `*_parts` are the numbers they are shares of."""
    truth = np.array(HYPOTHESES)[parts.hypothesis]
    said = np.array([one.decision for one in decided])
    named = np.array([one.defect for one in decided])
    is_good = truth == "ok"
    is_reject = ~is_good & (parts.severity >= 1.0)
    found = is_reject & (said == "defect")
    metrics = {
        "good_parts": float(is_good.sum()),
        "defective_parts": float(is_reject.sum()),
        "escape_rate": _share(said == "ok", is_reject),
        "false_reject_rate": _share(said == "defect", is_good),
        "uncertain_good": _share(said == "uncertain", is_good),
        "uncertain_defective": _share(said == "uncertain", is_reject),
        "right_names": _share(named == truth, found),
    }
    for hypothesis in HYPOTHESES[1:]:
        of_it = is_reject & (truth == hypothesis)
        metrics[f"escape_rate_{hypothesis}"] = _share(said == "ok", of_it)
    return metrics


def alone_metrics(
    name: str,
    calibration: tuple[Real, Parts],
    test: tuple[Real, Parts],
    manifest: Manifest,
    false_alarms: float,
) -> dict[str, float]:
    """One detector by itself, alarming on this share of good calibration parts.

    `escape_rate` counts every defect of the frame, also those this detector cannot see;
    `own_escape_rate` only those it has a class for.
    """
    detector = manifest.detectors[name]
    good = [manifest.good in one.hypotheses for one in detector.classes].index(True)
    own = {
        h for one in detector.classes if manifest.good not in one.hypotheses for h in one.hypotheses
    }

    def belief(logits: Real) -> Real:
        frame = Frame(manifest.hypotheses)
        said = [statement(row, detector, frame, 1.0).probabilities for row in logits]
        return np.array([one[detector.classes[good].name] for one in said])

    healthy = belief(calibration[0])[calibration[1].hypothesis == 0]
    passes = belief(test[0]) >= np.quantile(healthy, false_alarms)
    parts = test[1]
    truth = np.array(HYPOTHESES)[parts.hypothesis]
    is_reject = (truth != "ok") & (parts.severity >= 1.0)
    return {
        f"{name}_false_alarms": _share(~passes, truth == "ok"),
        f"{name}_escape_rate": _share(passes, is_reject),
        f"{name}_own_escape_rate": _share(passes, is_reject & np.isin(truth, sorted(own))),
    }


def upper_bound(events: int, trials: int, confidence: float) -> float:
    """Clopper & Pearson's one-sided upper bound of a rate, by bisection."""
    low, high = events / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if _at_most(events, trials, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(events: int, trials: int, rate: float) -> float:
    """Probability of `events` or fewer in `trials`."""
    count = np.arange(events + 1)
    steps = np.log((trials - count[:-1]) / (count[:-1] + 1.0))
    log_ways = np.concatenate([[0.0], np.cumsum(steps)])
    return float(np.exp(log_ways + count * np.log(rate) + (trials - count) * np.log1p(-rate)).sum())


def _share(event: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return round(float(event[among].mean()), 5) if among.any() else 0.0
