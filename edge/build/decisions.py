"""What the golden parts of a bundle are judged to be, whoever calculates the answers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BundleError
from edge.fusion.combination import combine
from edge.fusion.decision import decide
from edge.fusion.evidence import excludes, statement
from edge.fusion.frame import Frame
from edge.inference import golden
from edge.inference.golden import Golden

Logits = NDArray[np.float32]


def golden_parts(bundle: Bundle) -> dict[str, Golden]:
    """By detector; the same parts in the same order.

    Raises:
        BundleError: there are none, or not as many of each detector.
    """
    found: dict[str, Golden] = {}
    for name in bundle.manifest.detectors:
        one = golden.read(bundle, name)
        if one is None:
            raise BundleError(
                f"{bundle.label}: no golden data to prove an engine on; make the bundle again"
            )
        found[name] = one
    if len(counts := {len(one.logits) for one in found.values()}) > 1:
        raise BundleError(f"{bundle.label}: golden data of {sorted(counts)} parts, by detector")
    return found


def changed(bundle: Bundle, parts: Mapping[str, Golden], name: str, logits: Logits) -> int:
    """Golden parts that are decided otherwise when detector `name` answers `logits`."""
    known = {other: one.logits for other, one in parts.items()}
    before, after = decisions(bundle, known), decisions(bundle, known | {name: logits})
    return sum(one != other for one, other in zip(before, after, strict=True))


def decisions(bundle: Bundle, logits: Mapping[str, Logits]) -> list[tuple[str, str]]:
    """Decision and defect of every part, all sensors at work and healthy."""
    manifest = bundle.manifest
    frame = Frame(manifest.hypotheses)
    watched = 0
    for one in manifest.detectors.values():
        watched |= excludes(one, frame, manifest.good)
    limits = manifest.thresholds_for(frozenset(manifest.detectors))
    found: list[tuple[str, str]] = []
    for row in range(len(next(iter(logits.values())))):
        masses = [
            statement(logits[name][row], one, frame, 1.0).mass
            for name, one in manifest.detectors.items()
        ]
        combination = combine(manifest.rule, masses)
        decided = decide(combination, frame, manifest.good, limits, (), watched=watched)
        found.append((decided.decision, decided.defect))
    return found
