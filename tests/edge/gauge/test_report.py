"""`edge bench engines` on small real networks: nothing in its report is made up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from inference.conftest import MakeBundle
from inference.networks import SERIES, series, write_vibration

import edge
from edge.gauge import tool
from edge.gauge.at_once import ONE_THREAD, THREAD_EACH
from edge.gauge.soak import soak
from edge.inference.runner import Outputs, opener


def test_it_reports_every_engine_of_every_detector(make_bundle: MakeBundle, tmp_path: Path) -> None:
    one, file = make_bundle(), tmp_path / "found.json"
    command = [sys.executable, "-m", "edge", "bench", "engines", str(one.folder)]
    ended = subprocess.run(  # a process of its own: it goes before others
        [*command, "--runs", "20", "--soak", "300", "--json", str(file)],
        env=os.environ | {"PYTHONPATH": str(Path(edge.__file__).parents[1])},
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    said, found = ended.stdout, json.loads(file.read_text())
    assert set(found["detectors"]) == {"camera", "vibration"}
    for name, row in found["detectors"].items():
        engines = {(t["candidate"]["engine"], t["candidate"]["precision"]) for t in row["tried"]}
        assert {("openvino", "int8"), ("onnxruntime", "fp32")} <= engines
        assert row["chosen"]
        assert row["limit_ms"]["whole_ms"] > 0.0
        assert row["benchmark_app"]["tool_p50_ms"] > 0.0
        beside = row["benchmark_app"]
        assert 0.0 < beside["library_p50_ms"] < beside["ours_p50_ms"]
        assert beside["around_us"] < 1e3 * beside["ours_p50_ms"]
        assert row["soak"]["inferences"] == 300
        assert f"motor 1.2.3 {name}" in said
    assert [row["way"] for row in found["at_once"]] == [ONE_THREAD, THREAD_EACH]
    for row in found["at_once"]:
        assert row["rounds"] == 20
        assert 0.0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"] <= row["max_ms"]
        assert f"host to host, {row['way']} (camera" in " ".join(said.split())
    assert [row["workers"] for row in found["together"]] == [1, 2]
    for row in found["together"]:
        assert row["rounds"] == 20
        half = sum(row["alone_p50_ms"].values()) / 2
        assert row["ratio"] == pytest.approx(row["together_p50_ms"] / half, rel=0.02)
    paced = [(row["in_step"], row["workers"]) for row in found["paced"]]
    assert paced == [(False, 1), (False, 2), (True, 1), (True, 2)]
    for row in found["paced"]:
        assert 0.0 < row["p50_ms"] <= row["p95_ms"] <= row["max_ms"]


def test_it_needs_no_openvino_and_nothing_that_speaks_to_a_plant(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    """As on a GPU box with little but ONNX Runtime: what is not here is said, the rest measured."""
    one, file = make_bundle(), tmp_path / "found.json"
    missing = ["openvino", "cv2", "asyncua", "paho", "amqtt", "aiohttp", "cryptography", "msgpack"]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({missing}))\n"
        "from importlib import metadata\n"
        "found = metadata.version\n"
        "def version(package):\n"
        "    if package == 'openvino': raise metadata.PackageNotFoundError(package)\n"
        "    return found(package)\n"
        "metadata.version = version\n"
        "from edge.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [
            *(sys.executable, "-c", program, "bench", "engines", str(one.folder)),
            *("--runs", "20", "--json", str(file)),
        ],
        env=os.environ | {"PYTHONPATH": str(Path(edge.__file__).parents[1])},
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "benchmark_app: openvino is not here" in ended.stdout
    found = json.loads(file.read_text())
    for row in found["detectors"].values():
        assert row["chosen"].startswith("onnxruntime ")
        assert row["operations"]["floating"] > 0
        assert row["limit_ms"]["whole_ms"] > 0.0
    assert len(found["at_once"]) == 2


def test_a_tool_that_gives_no_figure_is_told(tmp_path: Path) -> None:
    file = write_vibration(tmp_path / "net.onnx")
    wrong = SERIES.model_copy(update={"name": "another"})
    with pytest.raises(Exception, match="another"):
        tool.beside(file, wrong, series()[0], threads=1, runs=1)


class Leaking:
    """A network that keeps 64 kB of every run."""

    name, precision, most = "leaking", "fp32", 1

    def __init__(self) -> None:
        self.kept: list[Outputs] = []

    def run(self, data: object) -> Outputs:
        self.kept.append({"logits": np.ones(2**14, np.float32)})
        return self.kept[-1]


def test_memory_that_grows_is_seen() -> None:
    found = soak(Leaking(), series(2), 2000)  # type: ignore[arg-type]
    grown = 0.9 * 2000 * 2**16 / 2**20  # of the settled nine tenths
    assert found.growth_mib == pytest.approx(grown, rel=0.15)
    assert found.last_mib - found.first_mib == pytest.approx(grown, rel=0.15)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_memory_of_a_running_network_is_flat(engine: str, tmp_path: Path) -> None:
    """A leak of 200 bytes a run would be 2 MiB; one of the inputs or outputs, 5 or more."""
    file = write_vibration(tmp_path / "net.onnx")
    runner = opener(engine)(file, SERIES, threads=1)
    found = soak(runner, series(4), 10_000)
    assert abs(found.growth_mib) < 1.0
    assert len(found.curve_mib) == 200
