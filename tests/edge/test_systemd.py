"""systemd hears the daemon through its notification socket."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def heard(address: str, bind: str) -> bytes:
    """What a supervisor's socket receives from a real child process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(bind)
        supervisor.settimeout(10)
        subprocess.run(
            [sys.executable, "-c", "from edge.systemd import notify; notify('READY=1')"],
            env=os.environ | {"NOTIFY_SOCKET": address},
            check=True,
            timeout=30,
        )
        return supervisor.recv(1024)


def test_ready_reaches_a_socket_in_the_file_system(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    assert heard(path, path) == b"READY=1"


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_ready_reaches_an_abstract_socket() -> None:
    name = f"edge-test-{os.getpid()}"
    assert heard("@" + name, "\0" + name) == b"READY=1"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "None"),
        ({"WATCHDOG_USEC": "10000000"}, "10.0"),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, "None"),
    ],
)
def test_the_watchdog_interval_is_systemds_and_only_for_this_process(
    environment: dict[str, str], expected: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from edge.systemd import watchdog_s; print(watchdog_s())"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.strip() == expected
