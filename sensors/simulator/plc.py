"""The simulated PLC: announces the plan's parts, takes the verdicts, keeps the ledger.

It stands in for the controller of the line: part identity and recipe are in its variables before
the sequence changes, a result is taken on the rising edge of ResultReady and acknowledged by its
sequence. Killed and started again with the same plan, it goes on with the schedule; parts that
passed meanwhile were never announced.
"""

import asyncio
import contextlib
import time

from asyncua.common.callback import Callback, CallbackService, CallbackType

from sensors.simulator import process, server
from sensors.simulator.broker import Broker
from sensors.simulator.cell import Cell
from sensors.simulator.ledger import Ledger
from sensors.simulator.plan import Plan
from sensors.simulator.tags import Board
from sensors.simulator.timepiece import Timepiece, as_datetime, epoch_at

SLOW_SCAN_S = 0.1
SLOW_PUBLISHING_MS = 500.0


async def serve(plan: Plan) -> None:
    """Be the PLC until cancelled."""
    is_slow = plan.profile == "slow"
    clock = Timepiece(plan.plc_clock, plan.start_ns, epoch_at(plan.start_ns))
    board = Board(plan, SLOW_SCAN_S if is_slow else 0.0)
    async with contextlib.AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger(plan.ledger))
        served = await stack.enter_async_context(
            server.serving(
                plan.plc,
                "simulated PLC",
                board.create,
                min_publishing_ms=SLOW_PUBLISHING_MS if is_slow else 0.0,
                now=lambda: as_datetime(clock.stamp(time.monotonic_ns())),
            )
        )
        broker = None
        if any(station.trigger_topic for station in plan.stations):
            broker = await stack.enter_async_context(
                Broker(plan.broker_host, plan.broker_port, f"plc-{plan.start_ns}")
            )
        cells = [
            Cell(plan, station, board, clock=clock, ledger=ledger, broker=broker)
            for station in plan.stations
        ]
        programs = {cell.station.id: cell for cell in cells}

        async def on_write(event: Callback, _: CallbackService) -> None:
            written = board.written(event)
            for station in {station for station, _ in written}:
                await programs[station].take({name for owner, name in written if owner == station})

        for cell in cells:
            await cell.restore()
        served.iserver.subscribe_server_callback(CallbackType.PostWrite, on_write)  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as tasks:
            for cell in cells:
                tasks.create_task(cell.announce(), name=f"{cell.station.id} triggers")
            if is_slow:
                tasks.create_task(board.scan(), name="scan")
            process.say_ready()
            await asyncio.Event().wait()
