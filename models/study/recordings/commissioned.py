"""A study's network as the appliance would have it, at a machine that was commissioned.

What is learnt from good recordings and how every recording is judged are `edge commission`'s own
functions. Only the network is not asked by the appliance: its answers come from the study, since
what it eats (readings in orders of a known speed; seconds of cycles) is no input of a bundle.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.baseline import Baselines, offsets
from edge.bundle import Bundle
from edge.commission.learn import GoodPart, baselines, judge, shift, usable
from edge.config import Sensor
from edge.fusion.doubt import measures
from edge.fusion.evidence import log_odds
from edge.inference.detector import Score
from edge.judge import Answer, Judged
from edge.manifest import Detector, DetectorClass, Manifest, Origin, SeriesInput, Thresholds
from edge.monitor import typical
from models.study.recordings.figures import Real
from sensors.condition import assessed
from sensors.signal import Quality, Window

DETECTOR = "detector"
SENSOR = Sensor(id="sensor", input=DETECTOR, link="plant", topic="sensor")
EVEN = Thresholds(ok_belief=0.5, defect_belief=0.5, conflict=1.0)  # no bundle certified others
DAY = "2026-01-01"


@dataclass(frozen=True, slots=True)
class Recording:
    """One machine, recorded: a part to judge, or windows to learn from."""

    whole: GoodPart  # by the mean of its windows
    windows: tuple[GoodPart, ...]


def recording(
    name: str, cuts: Sequence[NDArray[np.float32]], logits: Real, embeddings: Real, rate_hz: float
) -> Recording:
    """Of windows (channel, sample) each, with their logits (window, class) and embeddings.

    The whole is as sick as its first window: recordings are of one piece.
    """
    looks = [_look(cut, rate_hz) for cut in cuts]
    parts = [
        GoodPart(f"{name} {number}", [[_answer(window, *answer)]])
        for number, (window, *answer) in enumerate(zip(looks, logits, embeddings, strict=True))
    ]
    whole = _answer(looks[0], logits.mean(axis=0), embeddings.mean(axis=0))
    return Recording(GoodPart(name, [[whole]]), tuple(parts))


def bundle(
    classes: Sequence[str],
    good: str,
    network: bytes,
    taught: Sequence[Recording],
    margin: float | None = None,
) -> Bundle:
    """Of one detector; each class is a hypothesis. `taught` are the good recordings it was shown.

    With a `margin` its machines are judged by their own limits (`Detector.limit_margin`).
    Classes are as likely as they were taught to be, temperature 1: too few machines to fit one.
    """
    share = 1.0 / len(classes)
    detector = Detector(
        sense="vibration",
        file="network.onnx",
        input=SeriesInput(
            kind="series", name="samples", unit="", channels=1, rate_hz=1.0, length=1
        ),
        classes=tuple(DetectorClass(name=c, hypotheses=(c,), prior=share) for c in classes),
        limit_margin=margin,
    )
    manifest = Manifest(
        format=1, name="study", version="0.0.0", hypotheses=tuple(classes), good=good,
        detectors={DETECTOR: detector}, thresholds=(EVEN,),
        files={"network.onnx": hashlib.sha256(network).hexdigest()},
        origin=Origin(command="python -m models study", data="recordings", created=DAY),
    )  # fmt: skip
    answers = [part.answers[0][0] for one in taught for part in one.windows]
    rows = [measures(*_of(one), None, 1.0, None) for one in answers]
    middle = typical(
        np.array([_of(one)[1] for one in answers]),
        np.array([one.score.embedding for one in answers if one.score]),
        {name: np.array([row[name] for row in rows]) for name in rows[0]},
    )
    return Bundle(manifest=manifest, folder=Path(), sha256="", typical={DETECTOR: middle})


def judged(one: Recording, known: Bundle, good: Sequence[Recording]) -> Judged:
    """A recording at a machine commissioned by these good ones; as the workshop taught by none.

    Raises:
        ConfigError: the good ones have too few whole windows.
    """
    if not good:
        return judge(one.whole, {}, known)
    return judge(one.whole, offsets(_learnt(known, good), {SENSOR.id: SENSOR}, known), known)


def moved(known: Bundle, good: Sequence[Recording]) -> float:
    """How far a machine is from those taught, in natural units: beyond 4 the command warns."""
    (own,) = _learnt(known, good).baselines
    if own.limit is not None:
        return own.limit
    classes = known.manifest.detectors[DETECTOR].classes
    is_passing = [known.manifest.good in one.hypotheses for one in classes]
    return shift(own.logits, known.typical[DETECTOR], is_passing)


def is_right(said: Judged, is_faulty: bool) -> bool:
    """Rejected if it is faulty, passed if it is good: uncertain is wrong for both."""
    return said.decided.decision == ("defect" if is_faulty else "ok")


def passes(said: Judged) -> bool:
    """As a good one."""
    return said.decided.decision == "ok"


def odds(one: Recording, known: Bundle) -> float:
    """The log-odds of a fault of a whole recording, as taught."""
    score = one.whole.answers[0][0].score
    assert score is not None
    return log_odds(score.logits, known.manifest.detectors[DETECTOR], known.manifest.good)


def _learnt(known: Bundle, good: Sequence[Recording]) -> Baselines:
    """By its windows; a limit by whole recordings, as they are judged, however few."""
    if known.manifest.detectors[DETECTOR].limit_margin is not None:
        wholes = [part for each in good for part in _reference(each, known)]
        return baselines(wholes, [SENSOR], known, "machine", DAY, fewest=1)
    parts = [part for each in good for part in each.windows]
    return baselines(parts, [SENSOR], known, "machine", DAY)


def _reference(one: Recording, known: Bundle) -> list[GoodPart]:
    """The whole, as healthy as its first window that teaches anything; else none."""
    healthy = (w.answers[0][0] for w in one.windows if usable(w.answers[0][0], known))
    whole = one.whole.answers[0][0]
    return [
        GoodPart(one.whole.name, [[replace(whole, window=w.window)]]) for w in islice(healthy, 1)
    ]


def _look(cut: NDArray[np.float32], rate_hz: float) -> Window:
    end_ns = round(cut.shape[1] * 1e9 / rate_hz)
    return assessed(Window(SENSOR.id, cut, 0, end_ns, end_ns, end_ns, "synchronised", Quality()))


def _answer(window: Window, logits: Real, embedding: Real) -> Answer:
    score = Score(
        SENSOR.id, DETECTOR, logits.astype(np.float32), None, embedding.astype(np.float32),
        0, 0, "torch", "fp32",
    )  # fmt: skip
    return Answer(SENSOR, "ok", window=window, score=score)


def _of(one: Answer) -> tuple[Quality, NDArray[np.float32]]:
    assert one.window is not None
    assert one.score is not None
    return one.window.quality, one.score.logits
