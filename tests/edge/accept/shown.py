"""Showings as a set would give them, without recording anything."""

from edge.accept.labels import Label
from edge.accept.showing import Showing
from edge.fusion.decision import Outcome


def shown(
    group: str,
    decision: Outcome,
    *,
    severity: float = 0.0,
    hypothesis: str = "scratch",
    appraiser: str = "",
    trial: str = "",
    index: int = 1,
    **passing: float | None,
) -> Showing:
    """One part shown once; `passing` is what each sensor alone thinks of it."""
    name = hypothesis if severity else "ok"
    label = Label("cell1", index, name, severity, group, appraiser, trial)
    detectors = {sensor: sensor for sensor in passing}
    return Showing(label, decision, "", detectors, passing, frozenset(), False, None)
