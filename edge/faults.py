"""An exception anywhere on the loop ends the process, as one in a task of its group does."""

import asyncio
from typing import Any


def fail_loudly(group: asyncio.TaskGroup) -> None:
    """So does one in a callback from now on."""

    async def fail(error: BaseException) -> None:
        raise error

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            loop.default_exception_handler(context)
        else:
            group.create_task(fail(error), name="fault")

    asyncio.get_running_loop().set_exception_handler(handle)
