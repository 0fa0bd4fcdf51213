"""Clock, disk and files, on real ones where they can be made."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.checkup.clock import KernelClock, judge_clock, read_kernel_clock
from edge.checkup.disk import check_disk, judge_room, judge_sync
from edge.checkup.files import check_files
from edge.checkup.finding import State
from edge.config import Line
from edge.trial.figures import spread


def test_the_kernels_own_word_is_read() -> None:
    """Against the same system call made by an independent program, where there is one."""
    clock = read_kernel_clock()
    assert clock is not None
    asked = subprocess.run(
        [sys.executable, "-c", _ADJTIMEX], capture_output=True, text=True, check=True
    )
    status, max_error = map(int, asked.stdout.split())
    assert clock.is_synchronised == (status & 0x40 == 0)
    assert abs(clock.max_error_us - max_error) < 10_000  # it grows by 500 us a second


# struct timex as raw 64-bit words (x86-64 and aarch64): maxerror is word 3, status word 5
_ADJTIMEX = """
import ctypes
words = (ctypes.c_long * 64)()
ctypes.CDLL(None).adjtimex(words)
print(words[5] & 0xFFFFFFFF, words[3])
"""


@pytest.mark.parametrize(
    ("clock", "state", "word"),
    [
        (None, State.WARNING, "refused"),
        (KernelClock(False, 16_000_000), State.WARNING, "not synchronised"),
        (KernelClock(True, 20_000), State.WARNING, "20.0 ms off"),
        (KernelClock(True, 350), State.OK, "0.35 ms"),
    ],
)
def test_a_clock_is_believed_within_five_milliseconds(
    clock: KernelClock | None, state: State, word: str
) -> None:
    found = judge_clock(clock, ["chrony"])
    assert found.state is state
    assert word in found.found
    assert "chrony" in found.found


def test_a_real_folder_passes_and_keeps_nothing(tmp_path: Path) -> None:
    found = {one.subject: one for one in check_disk(tmp_path / "state" / "deep")}
    assert set(found) == {"state folder", "disk room", "disk speed"}
    assert found["state folder"].state is State.OK
    assert "max" in found["disk speed"].found
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_below_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    (found,) = check_disk(tmp_path / "state" / "x")
    assert found.state is State.PROBLEM
    assert "storage.folder" in found.cure


def test_room_and_speed_have_limits(tmp_path: Path) -> None:
    assert judge_room(100 * 2**20, tmp_path).state is State.PROBLEM
    assert judge_room(500 * 2**20, tmp_path).state is State.WARNING
    assert judge_room(5 * 2**30, tmp_path).state is State.OK
    fast, slow, useless = [0.3] * 1000, [0.3] * 980 + [12.0] * 20, [0.3] * 980 + [80.0] * 20
    assert judge_sync(spread(fast), tmp_path).state is State.OK
    assert judge_sync(spread(slow), tmp_path).state is State.WARNING
    assert judge_sync(spread(useless), tmp_path).state is State.PROBLEM


def line_with(folder: Path) -> Line:
    for name in ("box.pem", "key.pem", "plc.pem", "password"):
        path = folder / name
        path.touch()
        path.chmod(0o600)
    return Line.model_validate(
        {
            "site": "s",
            "line": "l",
            "links": {
                "plc": {
                    "kind": "opcua",
                    "endpoint": "opc.tcp://127.0.0.1:1",
                    "certificate_file": folder / "box.pem",
                    "key_file": folder / "key.pem",
                    "trusted_files": [folder / "plc.pem"],
                    "username": "box",
                    "password_file": folder / "password",
                },
                "broker": {"kind": "mqtt"},
            },
            "stations": [
                {
                    "id": "a",
                    "bundles": {"*": "shipped:motor"},
                    "trigger": {"link": "broker", "topic": "t"},
                    "sensors": [{"id": "x", "input": "x", "link": "broker", "topic": "x"}],
                }
            ],
        }
    )


def test_files_that_are_in_order_are_one_line(tmp_path: Path) -> None:
    (found,) = check_files(line_with(tmp_path))
    assert (found.state, found.found) == (State.OK, "4 keys, certificates and devices")


def test_a_password_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    line = line_with(tmp_path)
    os.chmod(tmp_path / "password", stat.S_IRUSR | stat.S_IROTH)  # noqa: PTH101 - as a user would
    (found,) = check_files(line)
    assert found.state is State.WARNING
    assert found.cure == f"chmod 600 {tmp_path / 'password'}"


def test_a_missing_certificate_is_a_problem(tmp_path: Path) -> None:
    line = line_with(tmp_path)
    (tmp_path / "plc.pem").unlink()
    (found,) = check_files(line)
    assert (found.subject, found.state) == ("plc", State.PROBLEM)
    assert "plc.pem is not there" in found.found
