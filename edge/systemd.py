"""Telling systemd how the daemon is: READY, WATCHDOG, STOPPING (sd_notify(3))."""

import os
import socket


def notify(message: str) -> bool:
    """Send one state line to the supervisor; False when there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):  # abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(message.encode(), address)
    return True


def watchdog_s() -> float | None:
    """How often systemd wants to hear from this process, or None."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    usec = os.environ.get("WATCHDOG_USEC")
    return int(usec) / 1e6 if usec else None
