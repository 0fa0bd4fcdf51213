"""How deep idle cores may sleep: from a deep sleep a core takes longer to wake than evidence takes.

A file that stays open is the request (PM QoS of Linux, `/dev/cpu_dma_latency`, a native int32 of
microseconds; Documentation/admin-guide/pm/cpuidle.rst): no state that takes longer to leave is
entered, on any core. In a virtual machine sleep gives the core back to the host, which takes its
time to return it; there nothing but 0, an idle core that spins, keeps it.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

REQUEST = Path("/dev/cpu_dma_latency")
CPUIDLE = Path("/sys/devices/system/cpu/cpuidle/current_driver")
GUEST_DRIVER = "haltpoll"  # of a virtual machine
SHORTLY_US = 10  # wakes from the first sleep of x86 (C1, 1 to 4 us) and of ARM (WFI, 1 us) fit in

log = logging.getLogger(__name__)


def default_us(driver: str) -> int:
    """What to ask for where nobody said: `driver` is the text of `CPUIDLE`."""
    return 0 if driver.strip() == GUEST_DRIVER else SHORTLY_US


@contextlib.contextmanager
def awake(wake_us: int | None = None, *, request: Path = REQUEST) -> Iterator[bool]:
    """While inside, idle cores wake within `wake_us`; None: as suits this box. False: this process
    may not ask for it, or the system knows no such request."""
    if wake_us is None:
        wake_us = default_us(CPUIDLE.read_text() if CPUIDLE.exists() else "")
    is_held = True
    with contextlib.ExitStack() as held:
        try:
            file = held.enter_context(request.open("r+b", buffering=0))
            file.write(wake_us.to_bytes(4, sys.byteorder))
        except OSError as error:
            log.info("idle cores sleep as deep as they like: %s; edge doctor has the cure", error)
            is_held = False
        yield is_held
