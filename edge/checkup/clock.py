"""Whether the wall clock of the box can be believed.

Inside, everything runs on the monotonic clock; the wall clock only dates verdicts, and places data
of sources that say they are synchronised.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path

from edge.checkup.finding import Finding, ok, warning

STA_UNSYNC = 0x40  # linux/timex.h
MAX_ERROR_US = 5_000  # more, and a synchronised camera is placed into the wrong window
KEEPERS = {
    "chrony": Path("/run/chrony/chronyd.pid"),
    "systemd-timesyncd": Path("/run/systemd/timesync/synchronized"),
    "ntpd": Path("/run/ntpd.pid"),
    "ptp4l": Path("/var/run/ptp4l"),
}
_CURE = (
    "run chrony or systemd-timesyncd against a server of the plant (or ptp4l and phc2sys); until "
    'then leave sensors at clock = "free" and do not compare dates with other machines'
)


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h, with its padding."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


@dataclass(frozen=True, slots=True)
class KernelClock:
    """What the kernel thinks of its own clock."""

    is_synchronised: bool
    max_error_us: int


def read_kernel_clock() -> KernelClock | None:
    """From adjtimex(2); None where it may not be asked."""
    state = _Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(state)) < 0:
        return None
    return KernelClock(not state.status & STA_UNSYNC, state.maxerror)


def check_clock() -> Finding:
    """The check of this file, on this machine."""
    keepers = [name for name, sign in KEEPERS.items() if sign.exists()]
    return judge_clock(read_kernel_clock(), keepers)


def judge_clock(clock: KernelClock | None, keepers: list[str]) -> Finding:
    kept = f"kept by {', '.join(keepers)}" if keepers else "no time service seen"
    if clock is None:
        return warning("clock", f"the kernel does not say (adjtimex refused); {kept}", _CURE)
    if not clock.is_synchronised:
        return warning("clock", f"not synchronised; {kept}", _CURE)
    error_ms = clock.max_error_us / 1000
    if clock.max_error_us > MAX_ERROR_US:
        return warning("clock", f"synchronised, may be {error_ms:.1f} ms off; {kept}", _CURE)
    return ok("clock", f"synchronised to within {error_ms:.2f} ms; {kept}")
