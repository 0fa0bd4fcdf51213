"""What is known of a source, or found out afterwards, brought into its mass.

Every correction returns a new mass on the same frame.
"""

from collections.abc import Mapping

from edge.fusion.errors import TotalConflict
from edge.fusion.mass import Mass


def discount(mass: Mass, reliability: float) -> Mass:
    """Keep this share of every mass; the rest becomes ignorance.

    Shafer 1976, ch. 11 (p. 252).

    Raises:
        ValueError: a reliability outside 0 to 1.
    """
    _check_reliability(reliability, "")
    everything = mass.frame.everything
    focal = {mask: reliability * value for mask, value in mass.items()}
    focal[everything] = focal.get(everything, 0.0) + (1.0 - reliability)
    return Mass(mass.frame, focal)


def discount_by_context(mass: Mass, reliabilities: Mapping[int, float]) -> Mass:
    """Discount a source that is less reliable for some truths than for others.

    `reliabilities` gives to each context, a set of hypotheses, how far the source is reliable when
    the truth lies there: for a camera that may overlook cracks, its set of cracks. What is not in
    any context is believed wholly. One context that is the whole frame is Shafer's discounting.

    Each context A of reliability b turns the mass m into m or (empty: b, A: 1 - b), the disjunctive
    combination: Mercier, Quost & Denoeux 2008, Information Fusion 9, 246-258, section 4 (there the
    contexts are a partition); Pichon, Mercier, Lefevre & Delmotte 2016, Int. J. Approximate
    Reasoning 72, 4-42 (any sets). The order does not matter.

    Raises:
        ValueError: a reliability outside 0 to 1, a foreign set, or the empty one.
    """
    focal = dict(mass.items())
    for context, reliability in reliabilities.items():
        label = mass.frame.label(context)
        if not context:
            raise ValueError("the empty set is no context: no truth lies there; leave it out")
        _check_reliability(reliability, f" in context {label}")
        widened: dict[int, float] = {}
        for mask, value in focal.items():
            widened[mask] = widened.get(mask, 0.0) + reliability * value
            wider = mask | context
            widened[wider] = widened.get(wider, 0.0) + (1.0 - reliability) * value
        focal = widened
    return Mass(mass.frame, focal)


def condition(mass: Mass, given: int, *, keeps_conflict: bool = False) -> Mass:
    """What the mass says once it is certain that the truth lies in `given`.

    Each mass goes to the part of its set inside `given`. What has none there is conflict:
    Dempster's rule of conditioning divides it out (Shafer 1976, ch. 3), Smets' leaves it on the
    empty set (`keeps_conflict`).

    Raises:
        TotalConflict: `given` is not plausible at all, and its conflict is not to be kept.
        ValueError: a foreign set.
    """
    mass.frame.check(given)
    focal: dict[int, float] = {}
    for mask, value in mass.items():
        focal[mask & given] = focal.get(mask & given, 0.0) + value
    if keeps_conflict:
        return Mass(mass.frame, focal)
    focal.pop(0, None)
    left = sum(focal.values())
    if left <= 0.0:
        raise TotalConflict(
            f"{mass.frame.label(given)} has plausibility 0 and cannot be given; discount the source"
        )
    return Mass(mass.frame, {mask: value / left for mask, value in focal.items()})


def _check_reliability(reliability: float, where: str) -> None:
    if not 0.0 <= reliability <= 1.0:  # NaN too
        raise ValueError(
            f"reliability{where} is {reliability}; expected 0 to 1: 1 believes the source wholly, "
            "0 not at all"
        )
