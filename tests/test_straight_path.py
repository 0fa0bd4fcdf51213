"""The straight path: simulated faults in, verdicts out, with broker, PLC and daemon pulled out."""

import asyncio
from pathlib import Path

import pytest
from upset import bench, sound

from edge.trial.plant import beside
from edge.trial.setup import Setup
from edge.trial.wires import wired
from sensors.simulator.plan import Fault

pytestmark = pytest.mark.usefixtures("cache")


async def test_a_silent_camera_and_a_broker_killed_midway_lose_no_verdict(tmp_path: Path) -> None:
    faults = (Fault(sensor="cell1-camera", kind="silent", start_s=3.0, duration_s=2.0),)
    setup = Setup(parts=28, stations=2, rate=4.0, recorded=6, faults=faults, broker="mosquitto")
    async with bench(setup, tmp_path) as (upset, observer), beside(upset.pull_broker(5.3, 1.0)):
        await observer.run(asyncio.Event())
        sound(observer.account, 28)
        rows = upset.verdicts
        # part k of cell1 arrives at 0.5 k s; its windows lie wholly in the silence for k = 6..9
        for sequence in (7, 8, 9):
            verdict = rows["cell1", sequence]
            assert verdict.sensors["cell1-camera"].status == "silent"
            assert verdict.sensors["cell1-vibration"].status == "ok"
            assert verdict.decision != "ok"
            assert "cell1-camera" in verdict.degraded_reason
            assert rows["cell2", sequence].sensors["cell2-camera"].status != "silent"
        early = [r.verdict.sensors for r in upset.rows if r.verdict.sequence <= 5]
        assert len(early) == 10
        assert all(s.status != "silent" for sensors in early for s in sensors.values())


async def test_a_killed_plc_loses_no_accepted_trigger(tmp_path: Path) -> None:
    wires = wired("vibration=mqtt")
    setup = Setup(parts=40, stations=2, rate=4.0, recorded=6, wires=wires, broker="mosquitto")
    async with bench(setup, tmp_path) as (upset, observer), beside(upset.pull_plc(1.2, 0.5)):
        over = asyncio.Event()
        async with beside(upset.set_at(over, 11.0)):
            await observer.run(over)
        announced = observer.account.announced  # a dead PLC announces nothing
        sound(observer.account, len(announced))
        assert {("cell1", 1), ("cell2", 1), ("cell1", 20), ("cell2", 20)} <= announced.keys()


async def test_a_daemon_killed_again_and_again_owes_no_verdict(tmp_path: Path) -> None:
    # slow enough for the PLC's ring of 16 to outlast every absence, also on a busy machine
    setup = Setup(parts=24, stations=2, rate=2.0, recorded=6, broker="mosquitto")
    async with (
        bench(setup, tmp_path) as (upset, observer),
        beside(upset.kill_daemon(1.3, 4.2, 4.9, 8.6)),
    ):
        await observer.run(asyncio.Event())
        sound(observer.account, 24)
        assert upset.plant.daemon.restarts == 4


async def test_several_windows_of_each_sensor_make_one_verdict_a_part(tmp_path: Path) -> None:
    setup = Setup(parts=8, stations=2, rate=2.0, windows=2, recorded=3, broker="mosquitto")
    async with bench(setup, tmp_path) as (upset, observer):
        await observer.run(asyncio.Event())
        sound(observer.account, 8)
        for row in upset.rows:
            clock = row.verdict.clock
            # the waveforms' second windows end 0.25 s after the first ones', 0.5 s long
            assert clock.window_end_ns - clock.trigger_ns == 750_000_000
            for report in row.verdict.sensors.values():
                assert len(report.windows) == 2
                if report.reliability > 0.0:  # a busy machine may lose one, and says so
                    assert sum(report.mass.values()) == pytest.approx(1.0, abs=1e-5)
                else:
                    assert row.verdict.degraded
