"""A broker and a PLC that freeze for ten seconds, then burst: links come back, nothing is lost."""

import asyncio
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from upset import Bench, bench, frozen, sound

from edge.trial.plant import beside
from edge.trial.processes import Child
from edge.trial.setup import Setup

pytestmark = pytest.mark.usefixtures("cache")
FROZEN_S = 10.0
BACK_WITHIN_S = 5.0


async def _freeze(
    upset: Bench, child: Child, at_s: float, links: Collection[str], back_s: dict[str, float]
) -> None:
    """Freeze it, and note how long after its return every link of it was up again."""
    await upset.at(at_s)
    with frozen(child):
        await asyncio.sleep(FROZEN_S)
        up = await upset.links()
    returned = time.monotonic()
    assert not any(up[name] for name in links), "ten seconds of silence were not noticed"
    await upset.until_up(links)
    back_s[child.name] = time.monotonic() - returned


async def test_links_are_back_5_s_after_a_freeze_of_10_s_and_no_trigger_is_lost(
    tmp_path: Path,
) -> None:
    # one part a second of each station: the PLC's ring of 16 outlasts its absence
    setup = Setup(parts=36, stations=2, rate=2.0, seed=20, recorded=4, broker="mosquitto")
    back_s: dict[str, float] = {}
    async with bench(setup, tmp_path) as (upset, observer):
        broker, plc = upset.plant.site.broker.child, upset.plc
        async with beside(
            _freeze(upset, broker, 0.8, ("broker", "broker/verdicts"), back_s),
            _freeze(upset, plc, 1.8, ("plc", "plc/plc"), back_s),
        ):
            await observer.run(asyncio.Event())
        print(f"links are up again after {back_s} s")
        sound(observer.account, 36)
        assert back_s.keys() == {broker.name, plc.name}
        assert max(back_s.values()) < BACK_WITHIN_S
        # the box works as before: its last parts were seen by every sensor
        for verdict in (upset.verdicts["cell1", 18], upset.verdicts["cell2", 18]):
            assert not verdict.recovered
            assert all(s.clock for s in verdict.sensors.values())
