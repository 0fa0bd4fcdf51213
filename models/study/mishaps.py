"""What may go wrong with one sensor's signal: each row draws, for one part, when and how badly.

Times count from the part's edge; its window lasts half a second from there. A fault either *lasts*
(it began while the part before stood there, or long ago) or begins *now*, in the window or just
before it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator

from sensors.clock import Trust
from sensors.simulator.plan import Fault, FaultKind
from sensors.simulator.virtual import HEARD_S, PERIOD_S

LASTS_S = (-0.75, -0.55)  # while the part before stands there
NOW_S = (-0.1, 0.45)
LONG_S = 90.0  # as long as a fault lasts that does its harm slowly
ALWAYS_S = 1e6
SHIFT_S = (0.02, 2.0)  # by which clocks are set
DRIFT_PPM = 500.0

TRUSTS: tuple[Trust, ...] = ("free", "synchronised")

Draw = Callable[[Generator], tuple[Fault, ...]]


@dataclass(frozen=True, slots=True)
class Mishap:
    """One row; `draw` says what happens to one part."""

    group: str
    name: str  # unlike any other's
    draw: Draw
    trust: Trust = "free"  # what the appliance was told of the sensor's clock
    heard_s: float = HEARD_S  # how long before the part it has heard of the sensor


def mishaps() -> tuple[Mishap, ...]:
    """All of them; the order is part of their seeds."""
    rows = []
    for name, onset in (("lasts", LASTS_S), ("now", NOW_S)):
        rows += [
            Mishap("stuck", f"shows one block, {name}", _one("stuck", onset)),
            Mishap("stuck", f"shows the last half second, {name}", _one("looped", onset, 0.5)),
            Mishap("silent", f"silent, {name}", _one("silent", onset)),
        ]
    # The harm of clipping has no memory: it need not last longer than from the edge on.
    rows += [
        Mishap(
            "clipped", f"clipped at {share:.0%} of the range", _one("clipped", (-0.1, 0.0), share)
        )
        for share in (0.7, 0.3)
    ]
    rows += [Mishap("clipped", "clipped at 10% of the range, now", _one("clipped", NOW_S, 0.1))]
    rows += [
        Mishap("gaps", f"{share:.0%} of blocks lost", _one("gaps", LASTS_S, share))
        for share in (0.1, 0.3)
    ]
    rows += [Mishap("mis-timed", "late by 100 ms, lasts", _one("late", LASTS_S, 0.1))]
    rows += [Mishap("mis-timed", "late by 20 ms to 2 s, now", _shifted("late", NOW_S, (1,)))]
    rows += [_long(f"late by {1e3 * delay:.0f} ms", "late", delay) for delay in (0.06, 0.4)]
    always = (-ALWAYS_S, -ALWAYS_S)
    rows += [Mishap("mis-timed", "late by 100 ms, always", _one("late", always, 0.1))]
    for name, onset in (("lasts", LASTS_S), ("now", NOW_S)):
        rows.append(_set("free", "forward or back", name, _shifted("clock_step", onset, (1, -1))))
        for way, sign in (("forward", 1), ("back", -1)):
            rows.append(_set("synchronised", way, name, _shifted("clock_step", onset, (sign,))))
    for trust in TRUSTS:
        rows += _wrong(trust)
    stale = Mishap("mis-timed", "shows the part before under this one's stamps", _stale)
    return (*rows, stale)


def _set(trust: Trust, way: str, name: str, draw: Draw) -> Mishap:
    return Mishap("mis-timed", f"{trust} clock set {way} 20 ms to 2 s, {name}", draw, trust)


def _wrong(trust: Trust) -> list[Mishap]:
    another = _drawn_of("clock_step", LASTS_S, (PERIOD_S, -PERIOD_S))
    onset_s = (-LONG_S, -LONG_S)
    return [
        Mishap("mis-timed", f"{trust} clock, stamps of another part", another, trust),
        *(
            Mishap(
                "mis-timed",
                f"{trust} clock drifts {ppm:+.0f} ppm for {LONG_S:.0f} s",
                _one("clock_drift", onset_s, ppm),
                trust,
                LONG_S + HEARD_S,
            )
            for ppm in (DRIFT_PPM, -DRIFT_PPM)
        ),
    ]


def _long(words: str, kind: FaultKind, amount: float) -> Mishap:
    draw = _one(kind, (-LONG_S, -LONG_S), amount)
    return Mishap("mis-timed", f"{words} for {LONG_S:.0f} s", draw, heard_s=LONG_S + HEARD_S)


def _one(kind: FaultKind, onset_s: tuple[float, float], amount: float = 0.0) -> Draw:
    return _drawn_of(kind, onset_s, (amount,))


def _drawn_of(kind: FaultKind, onset_s: tuple[float, float], amounts: tuple[float, ...]) -> Draw:
    def draw(chance: Generator) -> tuple[Fault, ...]:
        start_s, amount = float(chance.uniform(*onset_s)), float(chance.choice(amounts))
        return (
            Fault(sensor="", kind=kind, start_s=start_s, duration_s=2 * ALWAYS_S, amount=amount),
        )

    return draw


def _shifted(kind: FaultKind, onset_s: tuple[float, float], signs: tuple[int, ...]) -> Draw:
    """By a time between 20 ms and 2 s, evenly on a logarithmic scale."""

    def draw(chance: Generator) -> tuple[Fault, ...]:
        size_s = SHIFT_S[0] * (SHIFT_S[1] / SHIFT_S[0]) ** chance.random()
        return _drawn_of(kind, onset_s, tuple(sign * size_s for sign in signs))(chance)

    return draw


def _stale(chance: Generator) -> tuple[Fault, ...]:
    """A queue in the device that is off by one: what it took of one part it stamps as the next."""
    always = (-ALWAYS_S, -ALWAYS_S)
    late, step = _one("late", always, PERIOD_S), _one("clock_step", always, PERIOD_S)
    return late(chance) + step(chance)
