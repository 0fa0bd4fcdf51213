"""A whole plant whose parts may be pulled out or frozen, and what its witnesses saw."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from edge.trial.account import Account, Row
from edge.trial.demo import witness_at
from edge.trial.observe import Observer
from edge.trial.plant import Plant, plant, site
from edge.trial.processes import Child
from edge.trial.setup import Setup
from edge.verdict import Verdict

LOOK_S = 0.02  # between two looks at the daemon's links


class Bench:
    """A plant, and the verdicts that its witness got."""

    def __init__(self, plant: Plant, rows: list[Row]) -> None:
        self.plant = plant
        self.rows = rows

    @property
    def plc(self) -> Child:
        return self.plant.site.field.plc

    @property
    def verdicts(self) -> dict[tuple[str, int], Verdict]:
        """By station and sequence."""
        return {(r.verdict.station, r.verdict.sequence): r.verdict for r in self.rows}

    async def at(self, after_s: float) -> None:
        """Wait until so long after the first part."""
        wait_s = (self.plant.plan.start_ns - time.monotonic_ns()) / 1e9 + after_s
        await asyncio.sleep(max(0.0, wait_s))

    async def set_at(self, event: asyncio.Event, after_s: float) -> None:
        await self.at(after_s)
        event.set()

    async def pull_broker(self, at_s: float, down_s: float) -> None:
        await self.at(at_s)
        await self.plant.site.broker.kill()
        await asyncio.sleep(down_s)
        await self.plant.site.broker.start()

    async def pull_plc(self, at_s: float, down_s: float) -> None:
        await self.at(at_s)
        self.plc.kill()
        await self.plc.wait()
        await asyncio.sleep(down_s)
        await self.plc.spawn()

    async def kill_daemon(self, *at_s: float) -> None:
        for one_s in at_s:
            await self.at(one_s)
            self.plant.daemon.child.kill()

    async def links(self) -> dict[str, bool]:
        """Which links the daemon says are up."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.plant.site.http}/metrics") as page,
        ):
            families = text_string_to_metric_families(await page.text())
        samples = [s for f in families if f.name == "edge_link_up" for s in f.samples]
        return {s.labels["link"]: s.value == 1.0 for s in samples}

    async def until_up(self, names: Collection[str]) -> None:
        up = await self.links()
        while not all(up[name] for name in names):
            await asyncio.sleep(LOOK_S)
            up = await self.links()


@contextmanager
def frozen(child: Child) -> Iterator[None]:
    """Its connections stand, and nobody answers."""
    os.kill(child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(child.pid, signal.SIGCONT)


@asynccontextmanager
async def bench(setup: Setup, folder: Path) -> AsyncIterator[tuple[Bench, Observer]]:
    """A plant at work."""
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
