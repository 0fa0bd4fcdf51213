"""The engine's detectors at a car that was commissioned: what `edge commission` gains there.

Two detectors are taught on the other two cars: the irregularity, whose logarithm is scaled and
shifted by a logistic fit to their recordings, and the shipped microphone's network. The unseen car
is commissioned by some of its normal recordings, in every choice that leaves out the one judged, as
in the study's own rows.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from models.study.recordings import commissioned, engine_network
from models.study.recordings.commissioned import Recording
from models.study.recordings.engine import REFERENCES, Engine
from models.study.recordings.evidence import platt
from models.study.recordings.figures import Figure, Real, two_rates
from models.study.recordings.irregularity import WINDOW_S

NORMAL, FAULTY = "normal", "faulty"
AS_TAUGHT = 0  # normal recordings that the car is commissioned by

Ask = Callable[[Engine], Recording]
Teach = Callable[[Sequence[Engine]], tuple[bytes, Ask]]  # what it weighs, and how it is asked


def figures(study: str, engines: Sequence[Engine]) -> list[Figure]:
    """Each car unseen in turn: as taught, and commissioned by three, two and one of its normals."""
    found = []
    for what, teach in (("irregularity as a detector", irregular), ("CRNN", listening)):
        right: dict[int, dict[bool, list[bool]]] = {
            count: {True: [], False: []} for count in (AS_TAUGHT, *REFERENCES)
        }
        cars = sorted({one.car for one in engines})
        for car in cars:
            own, others = ([e for e in engines if (e.car == car) == mine] for mine in (True, False))
            network, ask = teach(others)
            taught = [ask(one) for one in others if not one.is_faulty]
            bundle = commissioned.bundle((NORMAL, FAULTY), NORMAL, network, taught)
            recorded = [ask(one) for one in own]
            normal = [r for r, one in zip(recorded, own, strict=True) if not one.is_faulty]
            for count, each in right.items():
                for one, engine in zip(recorded, own, strict=True):
                    known = combinations([r for r in normal if r is not one], count)
                    votes = [
                        commissioned.is_right(
                            commissioned.judged(one, bundle, good), engine.is_faulty
                        )
                        for good in known
                    ]
                    each[engine.is_faulty].append(float(np.mean(votes)) > 0.5)
        for count, each in right.items():
            words = f"commissioned by the appliance, {count} normal recordings"
            bad, good = ((sum(each[state]), len(each[state])) for state in (True, False))
            name = f"{what}, {words if count else 'as taught'}"
            found.append(two_rates(study, name, bad, good, len(cars), "each car unseen in turn"))
    return found


def irregular(engines: Sequence[Engine]) -> tuple[bytes, Ask]:
    """The one number; a window is 8 s, half of it in the next."""
    values = np.array([np.log(one.heard.irregularity).mean() for one in engines])
    slope, offset = platt(values, np.array([one.is_faulty for one in engines]))

    def ask(one: Engine) -> Recording:
        length = round(WINDOW_S * one.rate_hz)
        heard: Real = np.log(one.heard.irregularity)
        starts = [place * length // 2 for place in range(len(heard))]
        cuts = [one.sound[None, start : start + length] for start in starts]
        logits = np.stack([np.zeros(len(heard)), slope * heard + offset], axis=1)
        return commissioned.recording(one.car, cuts, logits, heard[:, None], one.rate_hz)

    return repr((slope, offset)).encode(), ask


def listening(engines: Sequence[Engine]) -> tuple[bytes, Ask]:
    """The network; a window is half a second, every second one of them asked."""
    network = engine_network.teach(engines, engine_network.Lesson())

    def ask(one: Engine) -> Recording:
        cuts, logits, embeddings = engine_network.asked(network, one)
        return commissioned.recording(one.car, cuts, logits, embeddings, one.rate_hz)

    return engine_network.weights(network), ask
