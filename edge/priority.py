"""Who goes first when cores are short. Lowering one's own priority needs no privilege."""

import contextlib
import os
import threading
from pathlib import Path

NICENESS = -10  # of the daemon: a verdict has a deadline, whatever else runs on the box has none
LAST = 19  # of what only has to be done some time
# A thread that is woken asks for the interpreter this long before it is given: twice a verdict, the
# disk thread and the loop wait for each other
SWITCH_INTERVAL_S = 0.0005
AUTOGROUP = Path("/proc/self/autogroup")


def go_first(niceness: int) -> None:
    """This process before others, where it may: systemd/edge.service grants it, and so is root.

    Linux may share the processor out among sessions first (autogroup, sched(7)), so that niceness
    counts within the session alone. A process that leads a session of its own raises that too; in
    somebody's shell it leaves the shell's alone.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
        if os.getsid(0) == os.getpid():
            AUTOGROUP.write_text(str(niceness))


def give_way(steps: int) -> None:
    """The calling thread lets the others of this process go first: raise its niceness (Linux)."""
    with contextlib.suppress(OSError):  # other systems have one niceness a process
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + steps)


def go_last(pid: int) -> None:
    """A process just started behind everything else, and what it will start: it gets what is left.

    Where it leads a session of its own, the session's share among others goes with it.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, LAST)
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(LAST))
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
