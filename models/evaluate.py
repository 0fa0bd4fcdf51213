"""How good a bundle is on parts it has never seen: each detector alone, and all of them fused.

An *escape* is a part at or above its reject limit that is judged ok. A *false reject* is a good
part judged a defect. *Uncertain* is neither, and is stated beside them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.fusion.combination import Combination, combine
from edge.fusion.decision import Decided, decide
from edge.fusion.evidence import excludes, statement
from edge.fusion.frame import Frame
from edge.manifest import Manifest
from models.answers import Answered, Findings
from models.dataset import Parts
from sensors.simulator.cause import HYPOTHESES

Real = NDArray[np.float64]

RATES = ("escape_rate", "false_reject_rate", "uncertain_good", "uncertain_defective")
FUSED = frozenset(  # metrics that thresholds decide
    {"good_parts", "defective_parts", "right_names", *RATES}
    | {f"escape_rate_{one}" for one in HYPOTHESES[1:]}
    | {f"float_{one}" for one in RATES}
)
FALSE_REJECTS = 0.01  # share of good parts that may fail to pass where methods are compared


def measure(manifest: Manifest, found: Findings) -> dict[str, float]:
    """All metrics on the test parts; `float_*` are those of the networks before quantisation."""
    test = found.test
    metrics = fused_metrics(verdicts(test.int8, manifest), test.truth)
    exact = fused_metrics(verdicts(test.exact, manifest), test.truth)
    metrics |= {f"float_{rate}": exact[rate] for rate in RATES}
    return metrics | networks_metrics(manifest, found)


def networks_metrics(manifest: Manifest, found: Findings) -> dict[str, float]:
    """Of each detector alone: what does not depend on the thresholds."""
    metrics: dict[str, float] = {}
    for name in manifest.detectors:
        metrics |= alone_metrics(name, found, manifest)
    return metrics


def verdicts(logits: Mapping[str, Real], manifest: Manifest) -> list[Decided]:
    """The decision on every part, by the appliance's own fusion."""
    frame = Frame(manifest.hypotheses)
    limits = manifest.thresholds_for(frozenset(logits))
    watched = 0
    for name in logits:
        watched |= excludes(manifest.detectors[name], frame, manifest.good)
    fused = _fused(logits, manifest, frame)
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


def alone_metrics(name: str, found: Findings, manifest: Manifest) -> dict[str, float]:
    """One detector by itself, failing as many good calibration parts as fusion may fail.

    `escape_rate` counts every defect of the frame, also those this detector cannot see;
    `own_escape_rate` only those it has a class for.
    """
    detector = manifest.detectors[name]
    passing = [manifest.good in one.hypotheses for one in detector.classes]
    own = {
        h for one in detector.classes if manifest.good not in one.hypotheses for h in one.hypotheses
    }
    frame = Frame(manifest.hypotheses)

    def belief(answered: Answered) -> Real:
        said = [statement(row, detector, frame, 1.0) for row in answered.int8[name]]
        return np.array([[*one.probabilities.values()][passing.index(True)] for one in said])

    healthy = belief(found.calibration)[found.calibration.truth.hypothesis == 0]
    passes = belief(found.test) >= np.quantile(healthy, FALSE_REJECTS)
    parts = found.test.truth
    truth = np.array(HYPOTHESES)[parts.hypothesis]
    is_reject = (truth != "ok") & (parts.severity >= 1.0)
    same = found.test.int8[name].argmax(axis=1) == found.test.exact[name].argmax(axis=1)
    return {
        f"{name}_false_alarms": _share(~passes, truth == "ok"),
        f"{name}_escape_rate": _share(passes, is_reject),
        f"{name}_own_escape_rate": _share(passes, is_reject & np.isin(truth, sorted(own))),
        f"{name}_int8_agreement": round(float(same.mean()), 5),
    }


def _fused(logits: Mapping[str, Real], manifest: Manifest, frame: Frame) -> list[Combination]:
    """The combined mass of every part, from the detectors in `logits` alone."""
    said = [
        [statement(row, manifest.detectors[name], frame, 1.0).mass for row in rows]
        for name, rows in logits.items()
    ]
    return [combine(manifest.rule, masses) for masses in zip(*said, strict=True)]


def _share(event: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return round(float(event[among].mean()), 5) if among.any() else 0.0
