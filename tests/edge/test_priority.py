"""A box's niceness counts against other programs, and touches nobody else's session."""

import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
SHOW = """
import os
from edge.priority import go_first
go_first(3)  # lowers it, which needs no privilege
print(os.getpriority(os.PRIO_PROCESS, 0), *open("/proc/self/autogroup").read().split()[-1:])
"""

pytestmark = pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel has no autogroups")


def _niceness(*, own_session: bool) -> list[int]:
    """Of the process, and of its session."""
    said = subprocess.run(
        [sys.executable, "-c", SHOW],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=own_session,
    )
    return [int(word) for word in said.stdout.split()]


def test_a_process_that_leads_its_session_takes_the_session_with_it() -> None:
    assert _niceness(own_session=True) == [3, 3]


def test_a_process_in_somebodys_shell_leaves_the_shell_alone() -> None:
    before = [int(word) for word in AUTOGROUP.read_text().split()[-1:]]  # none: of no autogroup
    assert _niceness(own_session=False) == [3, *before]
