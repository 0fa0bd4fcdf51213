"""Where journal and outbox will live: room, rights, and how long a safe write takes."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from edge.checkup.finding import Finding, ok, problem, warning
from edge.trial.figures import Spread, spread

MAX_WRITES = 1100  # enough for a p99
MAX_SECONDS = 3.0
NEEDED_BYTES = 2**30  # seven days of verdicts of a busy line, with room to spare
LEAST_BYTES = 200 * 2**20
SLOW_MS = 10.0  # of the 50 ms that a verdict may take
TOO_SLOW_MS = 50.0


def check_disk(folder: Path) -> list[Finding]:
    """Room and speed of the disk that holds `folder`, which need not exist yet."""
    present = folder.resolve()
    while not present.exists():
        present = present.parent
    if not present.is_dir() or not os.access(present, os.W_OK | os.X_OK):
        return [
            problem(
                "state folder",
                f"{folder}: {present} may not be written by user {os.getuid()}",
                "chown it to the daemon's user, or set storage.folder to a folder of that user",
            )
        ]
    return [
        ok("state folder", f"{folder} may be written"),
        judge_room(shutil.disk_usage(present).free, present),
        judge_sync(spread(measure_sync_ms(present)), present),
    ]


def judge_room(free: int, folder: Path) -> Finding:
    found = f"{free / 2**30:.1f} GiB free at {folder}"
    if free < LEAST_BYTES:
        return problem("disk room", found, "free 1 GiB: a full disk stops the journal and the line")
    if free < NEEDED_BYTES:
        return warning("disk room", found, "free 1 GiB, or lower storage.retention_days")
    return ok("disk room", found)


def judge_sync(times: Spread, folder: Path) -> Finding:
    slow_ms = times.p99
    found = f"fsync of 4 KiB at {folder}: {times.in_words()}"
    if slow_ms > TOO_SLOW_MS:
        return problem(
            "disk speed",
            found,
            "put storage.folder on a local SSD, or set storage.synchronous = NORMAL and accept "
            "that a power cut may take the last milliseconds",
        )
    if slow_ms > SLOW_MS:
        return warning(
            "disk speed",
            found,
            "end what else writes to this disk, or put storage.folder on a local SSD",
        )
    return ok("disk speed", found)


def measure_sync_ms(folder: Path) -> list[float]:
    """How long each of some appended and synchronised pages took, as a journal writes them."""
    page = os.urandom(4096)
    times_ms: list[float] = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".edge-doctor-") as file:
        until = time.perf_counter() + MAX_SECONDS
        while len(times_ms) < MAX_WRITES and time.perf_counter() < until:
            before = time.perf_counter()
            file.write(page)
            file.flush()
            os.fdatasync(file.fileno())
            times_ms.append((time.perf_counter() - before) * 1e3)
    return times_ms
