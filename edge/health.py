"""What the box says about itself: loop lag, links, sensors, readiness; served over HTTP."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from aiohttp import web

from edge.metrics import Metrics

TICK_S = 0.01
WINDOW_TICKS = 6000  # one minute


class LoopLag:
    """How late the event loop runs what it was asked to run."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lags_s: deque[float] = deque(maxlen=WINDOW_TICKS)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        ticks = 0
        while True:
            before = loop.time()
            await asyncio.sleep(TICK_S)
            self._lags_s.append(max(0.0, loop.time() - before - TICK_S))
            ticks += 1
            if ticks % 100 == 0:
                self._show()

    def _show(self) -> None:
        lags = np.asarray(self._lags_s)
        for q in (0.5, 0.99, 0.999, 1.0):
            self._metrics.loop_lag.labels(str(q)).set(float(np.quantile(lags, q)))


class Health:
    """Links and sensors as last seen. `is_ready` is what the PLC's Ready bit and /readyz say."""

    def __init__(self, metrics: Metrics, sensors: tuple[str, ...], needed: set[str]) -> None:
        self._metrics = metrics
        self.links: dict[str, bool] = {}
        self.last_block_ns = dict.fromkeys(sensors, 0)
        self._needed = needed  # links without which no part can be announced
        self.engines_ready = False
        self.fault = ""

    def report_link(self, name: str, is_up: bool) -> None:
        self.links[name] = is_up
        self._metrics.link_up.labels(name).set(is_up)

    def seen(self, sensor: str, now_ns: int) -> None:
        self.last_block_ns[sensor] = now_ns

    @property
    def is_ready(self) -> bool:
        are_linked = all(self.links.get(name, False) for name in self._needed)
        return self.engines_ready and not self.fault and are_linked

    def state(self) -> dict[str, object]:
        now = time.monotonic_ns()
        ages = {s: (now - t) / 1e9 if t else None for s, t in self.last_block_ns.items()}
        for sensor, age_s in ages.items():
            self._metrics.data_age.labels(sensor).set(float("inf") if age_s is None else age_s)
        return {
            "ready": self.is_ready,
            "fault": self.fault,
            "engines_ready": self.engines_ready,
            "links": self.links,
            "sensor_data_age_s": ages,
        }


def application(
    health: Health, metrics: Metrics, engines: Callable[[], dict[str, str]]
) -> web.Application:
    """/healthz, /readyz, /metrics."""

    async def healthz(_: web.Request) -> web.Response:
        status = 503 if health.fault else 200
        return web.json_response(health.state() | {"engines": engines()}, status=status)

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response(
            health.state() | {"engines": engines()}, status=200 if health.is_ready else 503
        )

    async def metrics_page(_: web.Request) -> web.Response:
        health.state()
        page = await asyncio.to_thread(metrics.text)  # some ms of work: the loop does not wait
        return web.Response(body=page, content_type="text/plain", charset="utf-8")

    app = web.Application()
    for path, page in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics_page)):
        app.router.add_get(path, page)
    return app


async def serve(address: str, app: web.Application) -> None:
    """Answer at "host:port" until cancelled.

    Raises:
        OSError: the address is taken, or not of this box.
    """
    host, port = address.rsplit(":", 1)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, int(port)).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
