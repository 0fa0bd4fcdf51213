"""From a detector's logits to a mass, and from the look of a window to how far to believe it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.fusion.corrections import discount
from edge.fusion.doubt import LEAST, Doubt
from edge.fusion.frame import Frame
from edge.fusion.mass import Mass
from edge.manifest import Detector
from sensors.signal import ClockKind, Quality


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


def log_odds(logits: NDArray[np.floating], detector: Detector, good: str) -> float:
    """Of all classes that a good part cannot have, against those it can: natural units.

    Of the same probabilities as `statement`: calibrated, every class as likely beforehand.
    """
    scores = logits / detector.temperature - np.log([one.prior for one in detector.classes])
    passing = is_passing(detector, good)
    return float(np.logaddexp.reduce(scores[~passing]) - np.logaddexp.reduce(scores[passing]))


def is_passing(detector: Detector, good: str) -> NDArray[np.bool_]:
    """Of each class, whether a good part may have it."""
    return np.array([good in one.hypotheses for one in detector.classes])


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
    may_be_part: bool = False  # a part, broken as none before it, could look like this too


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
    # Nor is it known whether the amplifier was set too high or the part shook as none should.
    Sign(
        lambda q: q.clipped,
        0.001,
        0.05,
        lambda x: f"clipped: {_percent(x)} of samples",
        may_be_part=True,
    ),
    # Scenes have dark corners; a covered lens is black all over.
    Sign(
        lambda q: q.appearance.dark if q.appearance else 0.0,
        0.95,
        0.995,
        lambda x: f"black: {_percent(x)} of pixels",
        may_be_part=True,
    ),
    # A converter too coarse for its signal, or one that gives every sample twice.
    Sign(
        lambda q: q.waveform.held if q.waveform else 0.0,
        0.25,
        0.75,
        lambda x: f"coarse: {_percent(x)} of samples equal the one before",
        may_be_part=True,
    ),
    # Stamps that are off and blocks that were held up look alike, and the latter are whole: a link
    # that takes 50 ms longer is forgiven. By a quarter of a second it may be another moment.
    Sign(lambda q: q.skew_ms, 50.0, 250.0, lambda x: f"clock off: stamps disagree by {x:.0f} ms"),
    # No crystal is off by 500 ppm; an estimate of it may be, a little.
    Sign(
        lambda q: abs(q.drift_ppm), 700.0, 2000.0, lambda x: f"clock off: it drifts by {x:.0f} ppm"
    ),
)


def signs(quality: Quality, rejecting: float = 1.0) -> list[Doubt]:
    """Every sign of a sick sensor that a window shows, whichever machine it watches.

    `rejecting` is the belief in a defect that rejects a part. Evidence is believed no further than
    its window, so that one kept below it can reject none without another sensor's.

    Their limits were not learnt from healthy parts of this line: until one leaves less than
    `LEAST` of belief, the sensor is at work, and forbids nothing.
    """
    found = [(_share_kept(sign, quality, rejecting), sign) for sign in SIGNS]
    return [
        Doubt(kept, sign.words(sign.measure(quality)), sign.may_be_part and kept < LEAST)
        for kept, sign in found
        if kept < 1.0
    ]


def placed(clock: ClockKind) -> list[Doubt]:
    """Where a window's place in time is doubtful, it may show another moment, or another part."""
    if clock != "doubtful":
        return []
    words = "mis-timed: it comes later than it used to, or its clock was set back"
    return [Doubt(0.0, words, may_be_part=False)]


def _share_kept(sign: Sign, quality: Quality, rejecting: float) -> float:
    found = sign.measure(quality)
    if found <= sign.healthy:
        return 1.0
    most = 1.0 if sign.rejects_alone else rejecting
    return most * max(0.0, (sign.sick - found) / (sign.sick - sign.healthy))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
