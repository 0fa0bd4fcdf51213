"""Watch a plant until every part is judged: the witness and the ledger into one set of books."""

import asyncio
import time
from collections.abc import Callable

from edge.trial.account import Account, Row
from edge.trial.errors import TrialFailed
from edge.trial.ledger import Tail, enter
from edge.trial.plant import Plant
from edge.trial.witness import Witness

TICK_S = 0.2
GRACE_S = 20.0  # after the last part's window, for what was interrupted
STOP_GRACE_S = 5.0  # after the user ends it
SETTLE_S = 1.5  # for redeliveries, and for the PLC to take its last results

OnRow = Callable[[Row], None]
OnTick = Callable[[Account], None]


class Observer:
    """Reads both witnesses of a plant into the books."""

    def __init__(self, plant: Plant, witness: Witness, on_row: OnRow, on_tick: OnTick) -> None:
        self.account = Account(plant.site.window_ns, plant.site.truths())
        self._plant = plant
        self._witness = witness
        self._tail = Tail(plant.site.files.ledger)
        self._on_row = on_row
        self._on_tick = on_tick

    async def run(self, stop: asyncio.Event) -> None:
        """Until all the plan's parts are judged, or none can come any more, or `stop`."""
        total, window_ns = self._plant.parts, self._plant.site.window_ns
        end_ns = self._plant.last_edge_ns + window_ns + round(GRACE_S * 1e9)
        while self.account.judged < total and time.monotonic_ns() < end_ns and not stop.is_set():
            await self._step()
        if stop.is_set():
            await self._finish_open_parts()
        settled_s = time.monotonic() + SETTLE_S
        while time.monotonic() < settled_s:
            await self._step()

    async def _finish_open_parts(self) -> None:
        self.account.close(time.monotonic_ns() - self._plant.site.window_ns)
        end_s = time.monotonic() + STOP_GRACE_S
        while self.account.missing and time.monotonic() < end_s:
            await self._step()

    async def _step(self) -> None:
        try:
            async with asyncio.timeout(TICK_S):
                receipt = await self._witness.next()
        except TimeoutError:
            receipt = None
        for line in self._tail.lines():
            enter(self.account, line)
        if receipt is not None:
            try:
                key = self.account.receive(receipt)
            except ValueError as error:
                raise TrialFailed(f"not a verdict: {receipt.body[:80]!r}: {error}") from error
            if key is not None:
                self._on_row(self.account.row(key))
        self._on_tick(self.account)
