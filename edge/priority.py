"""Which thread goes first when cores are short. Lowering one's own priority needs no privilege."""

import contextlib
import os
import threading


def give_way(steps: int) -> None:
    """The calling thread lets the others of this process go first: raise its niceness (Linux)."""
    with contextlib.suppress(OSError):  # other systems have one niceness a process
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + steps)
