"""The simulated plant's own processes, PLC and stations, started against one plan."""

import asyncio
from types import TracebackType

from edge.trial.errors import TrialFailed
from edge.trial.files import Files
from edge.trial.processes import Child, python
from sensors.simulator.plan import Plan

NAMES = ("plc", "stations")
POLL_S = 0.05


class Field:
    """PLC and stations; started again when the plan changes, ended when left."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.children: list[Child] = []

    async def __aenter__(self) -> "Field":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.end()

    async def start(self, plan: Plan) -> None:
        """Kill what runs, write the plan, start anew, and wait until both say that they are up."""
        for child in self.children:  # at once: a former plan's first part must not come
            child.kill()
        await self.end()
        self._files.plan.write_text(plan.model_dump_json(indent=1))
        for name in NAMES:
            self._files.log(name).unlink(missing_ok=True)
            command = python("sensors.simulator", name, str(self._files.plan))
            child = Child(name, command, self._files.log(name))
            self.children.append(child)
            await child.spawn()
        for child in self.children:
            await until_up(child)

    async def end(self) -> None:
        for child in self.children:
            await child.end()
        self.children.clear()

    @property
    def plc(self) -> Child:
        return next(child for child in self.children if child.name == "plc")

    async def kill_plc(self, every_s: float) -> None:
        """So often, and start it again at once; until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self.plc.kill()
            await self.plc.wait()
            await self.plc.spawn()

    async def watch(self) -> None:
        """Neither may die; stations stop by themselves a while after the plan's last part."""
        async with asyncio.TaskGroup() as group:
            for child in self.children:
                group.create_task(
                    child.watch(may_finish=child.name == "stations"), name=f"watch {child.name}"
                )


async def until_up(child: Child) -> None:
    """Wait for the `ready` that processes of the simulated plant print."""
    while "ready" not in child.last_words(lines=100).split():
        if child.returncode is not None:
            raise TrialFailed(f"{child.name} did not come up:\n{child.last_words()}")
        await asyncio.sleep(POLL_S)
