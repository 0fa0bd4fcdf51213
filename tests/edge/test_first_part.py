"""The first part after a start waits for no module: reading one off a cold disk takes longer than
the whole of what is kept back before a deadline."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
FIRST_PART = """
import asyncio, sys, time
from pathlib import Path
from test_pipeline import MS, Metrics, cell

async def judge(folder):
    async with cell(folder, Metrics()) as station:
        edge_ns = time.monotonic_ns() - 80 * MS
        before = set(sys.modules)
        await station.trigger(1, edge_ns)
        for name in ("st1-left", "st1-right"):
            station.feel(name, edge_ns - 16 * MS, 12)
        said = await station.verdict()
        assert {s["status"] for s in said["sensors"].values()} == {"ok"}
        print(*sorted(set(sys.modules) - before))

asyncio.run(judge(Path(sys.argv[1])))
"""


def test_judging_the_first_part_loads_nothing(tmp_path: Path) -> None:
    places = [str(TESTS / "edge"), str(TESTS), str(TESTS.parent)]
    said = subprocess.run(
        [sys.executable, "-c", FIRST_PART, str(tmp_path)],
        env={"PYTHONPATH": ":".join(places)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.split() == []
