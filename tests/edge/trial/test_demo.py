"""The whole plant on real protocols: daemon killed, Ctrl-C, the fallback broker, the replay."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from edge.checkup.box import CPU_INFO, int8_sums

pytestmark = pytest.mark.timeout(300)  # whole plants: on a busy machine they start twice
PID = re.compile(r"daemon (\d+) \(kill -9 it")


@contextmanager
def edge(cache: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """The command, its output readable line by line; it does not outlive the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "edge", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], output: IO[str]) -> str:
    """The rest of what it says; it must end well."""
    rest = output.read()
    assert process.wait(timeout=30) == 0, rest
    return rest


def read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def test_a_killed_daemon_loses_no_part_and_its_recording_replays_the_same(
    cache: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    with edge(
        cache, "demo", "--parts", "12", "--stations", "2", "--rate", "4",
        "--json", str(tmp_path / "out.json"), "--keep", str(kept),
    ) as (process, output):  # fmt: skip
        pid, verdicts = 0, 0
        for line in output:
            if found := PID.search(line):
                pid = int(found[1])
            verdicts += "Bel(ok)" in line
            if verdicts == 4 and pid:
                os.kill(pid, signal.SIGKILL)
                break
        rest = ended(process, output)
    assert "daemon was killed (SIGKILL); started again" in rest
    data = read(tmp_path / "out.json")
    assert (data["parts"], data["missing"], data["duplicates"]) == (12, 0, 0)
    assert (data["unannounced"], data["contradicted"], data["restarts"]) == (0, 0, 1)
    assert sum(sum(row.values()) for row in data["confusion"].values()) == 12
    assert set(data["engines"]) == {"camera", "vibration", "audio"}
    has_int8 = int8_sums(CPU_INFO.read_text())  # without, a network may have to run in float
    assert all("int8" in one or not has_int8 for names in data["engines"].values() for one in names)
    assert data["latency_ms"]["max"] > 0
    replayed = tmp_path / "replayed.json"
    for station in ("cell1", "cell2"):
        with edge(cache, "replay", str(kept / "recordings" / station), "--json", str(replayed)) as (
            process,
            output,
        ):
            ended(process, output)
        again = read(replayed)
        assert again["compared"] == again["parts"] > 0
        assert again["different"] == 0


def test_ctrl_c_ends_with_a_summary_of_what_was_judged(cache: Path, tmp_path: Path) -> None:
    with edge(
        cache, "demo", "--parts", "10", "--rate", "2", "--transport", "mqtt",
        "--fault", "camera:silent", "--json", str(tmp_path / "out.json"),
    ) as (process, output):  # fmt: skip
        for line in output:
            if "Bel(ok)" in line:
                assert "camera: silent" in line
                process.send_signal(signal.SIGINT)
                break
        summary = ended(process, output)
    assert "missing 0 (triggers without a verdict)" in summary
    data = read(tmp_path / "out.json")
    assert 1 <= data["parts"] < 10
    assert data["missing"] == 0
    assert data["degraded"] == data["parts"]  # every part lacked its camera


def test_the_bench_measures_floor_and_daemon_in_one_run(cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ("--parts", "40", "--stations", "4", "--rate", "8", "--json", str(out))
    with edge(cache, "bench", *arguments) as (process, output):
        shown = ended(process, output)
    data = read(out)
    assert (data["parts"], data["missing"], data["duplicates"]) == (40, 0, 0)
    assert data["distinct_parts"] == 40
    floor, points = data["floor"], data["points_ms"]
    assert floor["lost"] == 0
    assert floor["whole_ms"]["count"] == points["witnessed"]["count"] == 40
    # floor and daemon are two passes, minutes apart on a long run: which is quicker, a short one
    # on a busy machine does not tell
    assert 0.0 < floor["ingest_ms"]["p50"] < floor["whole_ms"]["p50"]
    assert points["ready"]["p50"] < points["sealed"]["p50"] < points["published"]["p50"]
    ratio = points["witnessed"]["p50"] / floor["whole_ms"]["p50"]
    assert data["ratio_to_floor"]["p50"] == pytest.approx(ratio, rel=0.01)
    assert data["ratio_to_floor"]["p99"] is None  # forty parts do not carry it
    assert 0.0 < data["daemon"]["cpu_of_one_core"] < 2.0
    assert 30 < data["daemon"]["rss_mib"] < 1000
    assert "witnessed / floor: p50" in shown
