"""The straight path: simulated faults in, verdicts out, with broker, PLC and daemon pulled out."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.trial.account import Account, Row
from edge.trial.demo import witness_at
from edge.trial.observe import Observer
from edge.trial.plant import Plant, beside, plant, site
from edge.trial.setup import Setup
from sensors.simulator.plan import Fault


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


class Bench:
    """A plant whose parts may be pulled out, and what its witnesses saw."""

    def __init__(self, plant: Plant, rows: list[Row]) -> None:
        self.plant = plant
        self.rows = rows

    async def at(self, after_s: float) -> None:
        """Wait until so long after the first part."""
        wait_s = (self.plant.plan.start_ns - time.monotonic_ns()) / 1e9 + after_s
        await asyncio.sleep(max(0.0, wait_s))

    async def pull_broker(self, at_s: float, down_s: float) -> None:
        await self.at(at_s)
        await self.plant.site.broker.kill()
        await asyncio.sleep(down_s)
        await self.plant.site.broker.start()

    async def pull_plc(self, at_s: float, down_s: float) -> None:
        await self.at(at_s)
        plc = next(c for c in self.plant.site.field.children if c.name == "plc")
        plc.kill()
        await plc.wait()
        await asyncio.sleep(down_s)
        await plc.spawn()

    async def freeze_plc(self, at_s: float, down_s: float) -> None:
        await self.at(at_s)
        plc = next(c for c in self.plant.site.field.children if c.name == "plc")
        os.kill(plc.pid, signal.SIGSTOP)
        await asyncio.sleep(down_s)
        os.kill(plc.pid, signal.SIGCONT)

    async def kill_daemon(self, *at_s: float) -> None:
        for one_s in at_s:
            await self.at(one_s)
            self.plant.daemon.child.kill()


@asynccontextmanager
async def bench(setup: Setup, folder: Path) -> AsyncIterator[tuple[Bench, Observer]]:
    said: list[str] = []
    async with (
        site(setup, folder, said.append) as at,
        witness_at(at) as witness,
        plant(at, may_die=True) as running,
    ):
        rows: list[Row] = []
        yield Bench(running, rows), Observer(running, witness, rows.append, lambda _: None)


def sound(account: Account, parts: int) -> None:
    """Every trigger has its verdict, none has two."""
    assert len(account.announced) == parts
    assert account.missing == []
    assert account.duplicates == []


async def test_a_silent_camera_and_a_broker_killed_midway_lose_no_verdict(tmp_path: Path) -> None:
    faults = (Fault(sensor="cell1-camera", kind="silent", start_s=3.0, duration_s=2.0),)
    setup = Setup(parts=28, stations=2, rate=4.0, recorded=7, faults=faults, broker="mosquitto")
    async with bench(setup, tmp_path) as (upset, observer), beside(upset.pull_broker(5.3, 1.0)):
        await observer.run(asyncio.Event())
        sound(observer.account, 28)
        rows = {(r.verdict.station, r.verdict.sequence): r.verdict for r in upset.rows}
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


async def test_a_plc_killed_and_one_frozen_lose_no_accepted_trigger(tmp_path: Path) -> None:
    setup = Setup(parts=52, stations=2, rate=4.0, recorded=6, transport="mqtt", broker="mosquitto")
    async with (
        bench(setup, tmp_path) as (upset, observer),
        beside(upset.pull_plc(1.2, 0.5), upset.freeze_plc(10.2, 2.0)),
    ):
        await observer.run(asyncio.Event())
        announced = observer.account.announced  # a dead PLC announces nothing
        sound(observer.account, len(announced))
        assert {("cell1", 1), ("cell2", 1), ("cell1", 26), ("cell2", 26)} <= announced.keys()


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
