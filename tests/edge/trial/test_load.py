"""Processor and memory of a real process, and whether others were at work."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.trial.load import DaemonMeter, Load, Machine, read_lags, read_machine
from edge.trial.processes import Child, Kept

BUSY = [sys.executable, "-c", "held = b'x' * (50 << 20)\nwhile True: pass"]
METRICS = """\
# HELP edge_loop_lag_seconds Event loop lag of the last minute
# TYPE edge_loop_lag_seconds gauge
edge_loop_lag_seconds{quantile="0.5"} 0.0001
edge_loop_lag_seconds{quantile="0.999"} 0.0042
edge_loop_lag_seconds{quantile="1.0"} 3.2e-2
edge_link_up{link="plc"} 1.0
"""


def test_others_share_is_what_is_left_of_the_machine() -> None:
    # 10 s on 2 cores: everybody used 9 s, we 6 s: 3 of 20 core-seconds were others'
    before = Machine(at_s=100.0, busy_s=500.0, ours_s=20.0)
    after = Machine(at_s=110.0, busy_s=509.0, ours_s=26.0)
    assert before.others_share(after, cores=2) == pytest.approx(0.15)
    assert before.others_share(before, cores=2) == 0.0


def test_our_own_children_are_not_others() -> None:
    before = read_machine()
    with subprocess.Popen(BUSY) as hog:
        deadline_s = time.monotonic() + 20
        while (after := read_machine()).ours_s - before.ours_s < 0.5:
            assert time.monotonic() < deadline_s, "its work is not seen"
            time.sleep(0.05)
        hog.kill()
    buried = read_machine()
    assert buried.ours_s >= after.ours_s  # a child that has ended is not forgotten


async def test_the_daemons_processor_and_memory_are_its_own(tmp_path: Path) -> None:
    load = Load()
    async with Child("daemon", BUSY, tmp_path / "log") as child:
        meter = DaemonMeter(load, Kept(child, print))
        for _ in range(4):
            meter.look()
            await asyncio.sleep(0.2)
    assert len(load.cpu_shares) == 3
    assert 0.01 < load.mean_cpu_share < 1.2  # it wants a core, but others may be at work here
    assert max(load.rss_bytes) > 50 << 20
    meter.look()  # it is gone: nothing is added, nothing breaks
    assert len(load.rss_bytes) == 4


def test_loop_lag_is_read_from_the_daemons_metrics() -> None:
    assert read_lags(METRICS) == {"0.5": 0.0001, "0.999": 0.0042, "1.0": 0.032}


def test_looks_that_still_see_the_start_do_not_count() -> None:
    """A look every 5 s at the last 60 s: the first twelve saw what was before the run."""
    load = Load(lags_s=[{"0.999": 0.030}] * 12 + [{"0.999": 0.002}, {"0.999": 0.003}])
    assert load.worst_lag_ms("0.999") == pytest.approx(3.0)
    short = Load(lags_s=[{"0.999": 0.030}, {"0.999": 0.010}])
    assert short.worst_lag_ms("0.999") == pytest.approx(10.0)


def test_a_run_beside_which_others_took_a_tenth_is_disturbed() -> None:
    assert Load(others_share=0.11).is_disturbed
    assert not Load(others_share=0.09).is_disturbed
