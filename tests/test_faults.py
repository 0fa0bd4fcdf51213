"""Every kind of fault against verdicts: named where a sensor's data is of no use any more, and
without a trace where a free-running clock is all that is wrong."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from upset import bench, sound

from edge.trial.account import Row
from edge.trial.setup import Setup
from edge.verdict import Status
from sensors.simulator.plan import Fault, FaultKind

pytestmark = pytest.mark.usefixtures("cache")
PERIOD_S, PHASE_S = 4 / 3, 1 / 3  # of each station; from each station to the next
BEFORE, WITHIN = range(1, 5), range(5, 9)  # parts; each time all four that were recorded
# What is tested is what is decided, not how soon: a busy machine shall decide the same.
DEADLINE_MS = 200.0

Rows = Mapping[tuple[str, int], Row]


@dataclass(frozen=True)
class Useless:
    """A fault that makes a sensor's data useless, and what its verdicts say of it."""

    station: int
    sense: str
    kind: FaultKind
    amount: float
    status: Status
    reason: str

    @property
    def sensor(self) -> str:
        return f"cell{self.station}-{self.sense}"

    @property
    def fault(self) -> Fault:
        """Begins after the window of 0.5 s of the last part before, and its deadline."""
        start_s = (self.station - 1) * PHASE_S + BEFORE[-1] * PERIOD_S - 0.5
        return Fault(sensor=self.sensor, kind=self.kind, amount=self.amount, start_s=start_s)


USELESS = (
    Useless(1, "camera", "silent", 0.0, "silent", "no data"),
    # twice the deadline: at it, two fifths of the window have not come
    Useless(1, "audio", "late", 0.4, "incomplete", "came in time"),
    Useless(2, "camera", "stuck", 0.0, "sick", "stuck"),
    Useless(3, "audio", "clipped", 0.05, "sick", "clipped"),  # at a twentieth of the range
    Useless(4, "vibration", "gaps", 0.3, "sick", "incomplete"),
)
# Set, and set back, in the middle of a part's window; and faster than any crystal drifts
CLOCKS = (
    Fault(sensor="cell2-vibration", kind="clock_step", amount=1.0, start_s=1.9, duration_s=2.65),
    Fault(sensor="cell3-vibration", kind="clock_drift", amount=500.0),
    Fault(sensor="cell4-camera", kind="clock_step", amount=-1.0, start_s=2.55, duration_s=2.7),
)


def assert_named(rows: Rows, sick: Useless) -> None:
    """From its beginning: no part passes, none is rejected for it, and the verdict says why."""
    station = f"cell{sick.station}"
    for k in BEFORE:
        assert rows[station, k].verdict.sensors[sick.sensor].status != sick.status
    for k in WITHIN:
        verdict, truth = rows[station, k].verdict, rows[station, k].truth
        report = verdict.sensors[sick.sensor]
        assert (report.status, verdict.degraded) == (sick.status, True)
        assert sick.reason in report.reason
        assert sick.sensor in verdict.degraded_reason
        assert verdict.decision != "ok"
        assert truth is not None
        assert truth.hypothesis != "ok" or verdict.decision == "uncertain"


def assert_no_trace(rows: Rows, fault: Fault) -> None:
    """No window is cut elsewhere or called incomplete: parts are judged for what they are."""
    station, _, _ = fault.sensor.partition("-")
    for k in (*BEFORE, *WITHIN):
        report = rows[station, k].verdict.sensors[fault.sensor]
        assert report.status in ("ok", "late")  # late: of the engine, on a busy machine
        assert (report.coverage, report.gaps) == (1.0, 0)
    for k in BEFORE:  # while every other sensor is well
        verdict, truth = rows[station, k].verdict, rows[station, k].truth
        assert truth is not None
        if truth.is_reject:
            assert verdict.decision != "ok"
        if truth.hypothesis == "ok":
            assert verdict.decision == ("uncertain" if verdict.degraded else "ok")


async def test_useless_data_is_named_and_passes_no_part_and_a_wrong_clock_leaves_no_trace(
    tmp_path: Path,
) -> None:
    setup = Setup(
        parts=4 * len([*BEFORE, *WITHIN]),
        stations=4,
        rate=4 / PERIOD_S,
        seed=20,  # cracks, scratches, rub, imbalance, loose covers, and good parts at each station
        recorded=4,
        faults=(*(sick.fault for sick in USELESS), *CLOCKS),
        broker="mosquitto",
        deadline_ms=DEADLINE_MS,
    )
    async with bench(setup, tmp_path) as (upset, observer):
        await observer.run(asyncio.Event())
        sound(observer.account, setup.parts)
    rows = {(r.verdict.station, r.verdict.sequence): r for r in upset.rows}
    for sick in USELESS:
        assert_named(rows, sick)
    for fault in CLOCKS:
        assert_no_trace(rows, fault)
