"""What the tests of the simulated PLC do as its client."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua
from asyncua.client.client import Client

from sensors.simulator import plc
from sensors.simulator.plan import Plan, node

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextlib.asynccontextmanager
async def serving(plan: Plan) -> AsyncIterator[Client]:
    """The PLC in this loop, and a client connected to it."""
    async with listening(plan), Client(plan.plc.endpoint) as client:
        yield client


@contextlib.asynccontextmanager
async def listening(plan: Plan) -> AsyncIterator[None]:
    """The PLC in this loop."""
    host, port = plan.plc.endpoint.removeprefix("opc.tcp://").split(":")

    async def listens() -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return True
        return False

    task = asyncio.create_task(plc.serve(plan))
    try:
        await until(listens, 20)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool | Awaitable[bool]], within_s: float = 10.0) -> None:
    """Wait for a condition, or fail."""
    async with asyncio.timeout(within_s):
        while True:
            now = holds()
            if now if isinstance(now, bool) else await now:
                return
            await asyncio.sleep(0.01)


async def read(client: Client, name: str) -> Any:
    return await client.get_node(node("S1", name)).read_value()


async def write(client: Client, **values: tuple[Any, ua.VariantType]) -> None:
    await client.write_values(
        [client.get_node(node("S1", name)) for name in values],
        [ua.DataValue(ua.Variant(*value)) for value in values.values()],
    )


def ledger(plan: Plan, event: str) -> list[dict[str, Any]]:
    lines = plan.ledger.read_text().splitlines() if plan.ledger.exists() else []
    return [row for line in lines if (row := json.loads(line))["event"] == event]


def epoch_us(stamp: datetime | None) -> int:
    """Microseconds since 1970 of a stamp as asyncua gives it."""
    assert stamp is not None
    return (stamp.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
