"""Loop lag and quantiles are measured, not believed."""

import asyncio
import time

import numpy as np
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from edge.health import Health, LoopLag, application
from edge.metrics import Metrics, Quantile


async def test_a_loop_blocked_for_60_ms_shows_in_the_lag() -> None:
    metrics = Metrics()
    lag = asyncio.create_task(LoopLag(metrics).run())
    for step in range(30):
        await asyncio.sleep(0.05)
        if step == 10:
            time.sleep(0.06)  # noqa: ASYNC251 - blocking the loop is what is measured
    lag.cancel()
    families = text_string_to_metric_families(metrics.text().decode())
    values = {
        s.labels["quantile"]: s.value
        for f in families
        if f.name == "edge_loop_lag_seconds"
        for s in f.samples
    }
    assert 0.05 <= values["1.0"] < 0.5
    assert values["0.5"] < 0.03


async def test_parts_do_not_wait_while_the_page_of_metrics_is_written() -> None:
    """Written on the loop, the page would let it turn a handful of times; beside it, dozens."""
    metrics = Metrics()
    for number in range(10_000):
        metrics.count(f"sensor{number}", "gap")
    app = application(Health(metrics, (), set()), metrics, dict)
    turns = 0
    async with TestClient(TestServer(app)) as client:
        asked = asyncio.create_task(client.get("/metrics"))
        while not asked.done():
            await asyncio.sleep(0.001)
            turns += 1
        assert 'source="sensor9999"' in await (await asked).text()
    assert turns > 15


def test_a_quantile_is_numpys_over_the_last_values_and_its_default_before() -> None:
    rng = np.random.default_rng(7)
    values = rng.exponential(1.0, 1000)
    tracked = Quantile(0.99, 5.0, size=400, every=20)
    assert tracked.value == 5.0
    for value in values:
        tracked.add(float(value))
    assert tracked.value == float(np.quantile(values[-400:], 0.99))
