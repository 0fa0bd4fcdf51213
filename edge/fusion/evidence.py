"""From a detector's logits to a mass, and from the look of a window to how far to believe it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Detector
from edge.fusion.corrections import discount
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from sensors.signal import ClockKind, Quality

LEAST = 0.25  # of a window's worth, to be believed at all


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one sensor says of one part."""

    probabilities: dict[str, float]  # of each class: calibrated, every class as likely beforehand
    mass: Mass  # the same on sets of hypotheses, discounted
    sets: Mapping[int, str]  # every set it can speak of, and the classes that stand for it


def statement(
    logits: NDArray[np.floating], detector: Detector, frame: Frame, reliability: float
) -> Evidence:
    """Read a network's answer.

    Softmax at the temperature fitted on the quantised network (Guo et al. 2017) gives the posterior
    under the training data's shares of classes. Each share is divided out (in the exponent, as a
    logarithm): combining k posteriors would count the prior k times. A class is evidence for the
    *set* of hypotheses it cannot tell apart; classes of the same set add up. What the calibration
    and the state of the window leave unsure becomes ignorance.
    """
    scores = [
        float(logit) / detector.temperature - math.log(one.prior)
        for logit, one in zip(logits, detector.classes, strict=True)
    ]
    highest = max(scores)
    weights = [math.exp(score - highest) for score in scores]
    total = math.fsum(weights)
    probabilities: dict[str, float] = {}
    focal: dict[int, float] = {}
    sets: dict[int, str] = {}
    for one, weight in zip(detector.classes, weights, strict=True):
        probabilities[one.name] = weight / total
        mask = frame.mask(one.hypotheses)
        focal[mask] = focal.get(mask, 0.0) + weight / total
        sets[mask] = f"{sets[mask]}/{one.name}" if mask in sets else one.name
    mass = discount(Mass(frame, focal), detector.discount * reliability)
    return Evidence(probabilities, mass, sets)


def excludes(detector: Detector, frame: Frame, good: str) -> int:
    """Hypotheses this detector can rule out when it says that a part is good."""
    passing = [frame.mask(c.hypotheses) for c in detector.classes if good in c.hypotheses]
    allowed = 0
    for mask in passing:
        allowed |= mask
    return frame.everything & ~allowed


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of a sick sensor: believed wholly up to `healthy`, not at all from `sick`.

    Between them belief falls evenly to 0: from 1, or, where it `rejects_alone` no part, from the
    belief that rejects one.
    """

    measure: Callable[[Quality], float]
    healthy: float
    sick: float
    words: Callable[[float], str]
    rejects_alone: bool = True


SIGNS = (
    # A live sensor has noise; a constant is a dead one.
    Sign(lambda q: float(q.is_flat), 0.0, 1.0, lambda _: "flat: no variation at all"),
    # One doubled frame in a clip of eight is a camera's hiccup; four blocks in ten are a frozen
    # source, and no rule of combination survives a source that is stuck and confident.
    Sign(lambda q: q.repeated, 0.15, 0.40, lambda x: f"stuck: {_percent(x)} of blocks repeat"),
    # A hiccup doubles a frame; it does not bring back what other frames came after. Whatever such a
    # source shows, and where it stops, it is the past.
    Sign(lambda q: q.replayed, 0.0, 0.02, lambda x: f"stuck: {_percent(x)} of blocks are replayed"),
    # A block of 10 ms in half a second is forgiven; without a quarter, a short event may be missed.
    # A longer stretch is bridged by what lies around it, mirrored: no network was shown such a one,
    # so no sensor shall reject a part alone on a bridge.
    Sign(
        lambda q: 1.0 - q.coverage,
        0.025,
        0.25,
        lambda x: f"incomplete: {_percent(x)} of the window has no data",
        rejects_alone=False,
    ),
    # Every seam is a click that no bearing made.
    Sign(lambda q: float(q.gaps), 1.0, 5.0, lambda x: f"torn: {x:.0f} stretches are missing"),
    # A few clipped samples are a knock; from 5 % on, the spectrum is that of the clipping.
    Sign(lambda q: q.clipped, 0.001, 0.05, lambda x: f"clipped: {_percent(x)} of samples"),
)


def reliability(quality: Quality, rejecting: float = 1.0) -> tuple[float, str]:
    """How far to believe a window by its look: 1 healthy, 0 sick, and why when below 1.

    `rejecting` is the belief in a defect that rejects a part. Evidence is believed no further than
    its window, so that one kept below it can reject none without another sensor's.

    The worst sign decides: several signs are often one fault seen twice (a gap also lowers the
    coverage), so they are not multiplied. Below `LEAST` a window is not believed at all: nobody
    could pass a part on so weak a word, nor would the sensor count as absent.
    """
    found = [(_share_kept(sign, quality, rejecting), sign) for sign in SIGNS]
    doubts = sorted(((kept, s) for kept, s in found if kept < 1.0), key=lambda one: one[0])
    reasons = [sign.words(sign.measure(quality)) for _, sign in doubts]
    kept = doubts[0][0] if doubts else 1.0
    return (kept if kept >= LEAST else 0.0), "; ".join(reasons)


def placed(clock: ClockKind, believed: tuple[float, str]) -> tuple[float, str]:
    """The same where a window's place in time is doubtful: it may show another moment, or part."""
    if clock != "doubtful":
        return believed
    words = "mis-timed: it comes later than it used to, or its clock was set back"
    return 0.0, f"{words}; {believed[1]}" if believed[1] else words


def _share_kept(sign: Sign, quality: Quality, rejecting: float) -> float:
    found = sign.measure(quality)
    if found <= sign.healthy:
        return 1.0
    most = 1.0 if sign.rejects_alone else rejecting
    return most * max(0.0, (sign.sick - found) / (sign.sick - sign.healthy))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
