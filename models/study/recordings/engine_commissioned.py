"""The engine's detectors at a car that was commissioned: what `edge commission` gains there.

Two detectors are taught on the other two cars: the irregularity, whose logarithm is scaled and
shifted by a logistic fit to their recordings, and the shipped microphone's network. The unseen car
is commissioned by some of its normal recordings, in every choice that leaves out the one judged, as
in the study's own rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from edge.bundle import Bundle
from models.limits import Machine, best_margin
from models.study.recordings import commissioned, engine_network
from models.study.recordings.commissioned import DETECTOR, Recording
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
        cars = sorted({one.car for one in engines})
        shown = [_Car.shown(engines, car, teach) for car in cars]
        shifts = ", ".join(f"{car.moved:.1f}" for car in shown)
        for count in (AS_TAUGHT, *REFERENCES):
            by_limit = [one.limited(count) for one in shown] if count else []
            if by_limit:
                found.append(_limited(study, what, by_limit, count))
            each = [said for car in shown for said in car.judged(count)]
            bad, good = ([s for s in each if s.is_faulty == state] for state in (True, False))
            words = f"commissioned by the appliance, {count} normal recordings"
            named, passed = ((sum(s.is_right for s in kind), len(kind)) for kind in (bad, good))
            note = f"{sum(one.passes for one in bad)} defective pass"
            if count:
                note = f"shifts {shifts}; {note}"
            found.append(
                two_rates(
                    study, f"{what}, {words if count else 'as taught'}", named, passed,
                    len(cars), "each car unseen in turn", note=note,
                )
            )  # fmt: skip
    return found


def _limited(study: str, what: str, cars: Sequence["_Car"], count: int) -> Figure:
    """By the highest of so many normal recordings and a margin that the other cars chose."""
    each = [said for car in cars for said in car.judged(count)]
    bad, good = ([s for s in each if s.is_faulty == state] for state in (True, False))
    named, passed = ((sum(s.is_right for s in kind), len(kind)) for kind in (bad, good))
    margins = ", ".join(f"{car.margin:.2f}" for car in cars)
    note = f"margins {margins}; {sum(one.passes for one in bad)} defective pass"
    words = f"{what}, limit by the appliance, {count} normal recordings"
    return two_rates(
        study, words, named, passed, len(cars), "each car unseen in turn", note=note
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Said:
    """Of one recording, by more than half of the choices of normal ones that leave it out."""

    is_faulty: bool
    is_right: bool
    passes: bool


@dataclass(frozen=True, slots=True)
class _Car:
    """One that was not taught."""

    bundle: Bundle
    engines: Sequence[Engine]
    recorded: Sequence[Recording]
    others: Sequence[Machine]  # the cars that were taught

    @classmethod
    def shown(cls, engines: Sequence[Engine], car: str, teach: Teach) -> "_Car":
        own, others = ([e for e in engines if (e.car == car) == mine] for mine in (True, False))
        network, ask = teach(others)
        asked = [(one, ask(one)) for one in others]
        taught = [answer for one, answer in asked if not one.is_faulty]
        bundle = commissioned.bundle((NORMAL, FAULTY), NORMAL, network, taught)
        machines = [
            _machine([(e.is_faulty, r) for e, r in asked if e.car == name], bundle)
            for name in sorted({one.car for one in others})
        ]
        return cls(bundle, own, [ask(one) for one in own], machines)

    def limited(self, count: int) -> "_Car":
        """The same under limits that so many normal recordings set."""
        manifest = self.bundle.manifest
        detector = manifest.detectors[DETECTOR].model_copy(
            update={"limit_margin": best_margin(self.others, count)}
        )
        renewed = manifest.model_copy(update={"detectors": {DETECTOR: detector}})
        return replace(self, bundle=replace(self.bundle, manifest=renewed))

    @property
    def margin(self) -> float:
        return self.bundle.manifest.detectors[DETECTOR].limit_margin or 0.0

    @property
    def normal(self) -> list[Recording]:
        each = zip(self.recorded, self.engines, strict=True)
        return [one for one, engine in each if not engine.is_faulty]

    @property
    def moved(self) -> float:
        return commissioned.moved(self.bundle, self.normal)

    def judged(self, count: int) -> Iterator[_Said]:
        """Every recording, by so many normal ones."""
        for engine, one in zip(self.engines, self.recorded, strict=True):
            choices = combinations([r for r in self.normal if r is not one], count)
            said = [commissioned.judged(one, self.bundle, good) for good in choices]
            right = np.mean([commissioned.is_right(s, engine.is_faulty) for s in said])
            passing = np.mean([commissioned.passes(s) for s in said])
            yield _Said(engine.is_faulty, bool(right > 0.5), bool(passing > 0.5))


def _machine(recorded: Sequence[tuple[bool, Recording]], bundle: Bundle) -> Machine:
    odds = [(is_faulty, commissioned.odds(one, bundle)) for is_faulty, one in recorded]
    return Machine([x for faulty, x in odds if not faulty], [x for faulty, x in odds if faulty])


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
    """The network; a window of half a second is asked every second."""
    network = engine_network.teach(engines, engine_network.Lesson())

    def ask(one: Engine) -> Recording:
        cuts, logits, embeddings = engine_network.asked(network, one)
        return commissioned.recording(one.car, cuts, logits, embeddings, one.rate_hz)

    return engine_network.weights(network), ask
