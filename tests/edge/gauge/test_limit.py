"""Operations are counted as a textbook counts them; a limit is what follows from them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from inference.networks import CLIP, SERIES, write_camera, write_vibration
from onnx import numpy_helper

import edge
from edge import bundle
from edge.errors import BundleError
from edge.gauge import limit, probe
from edge.gauge.limit import Limit
from edge.inference import operations_onnx, operations_openvino
from edge.inference.operations import Operations, count
from edge.inference.runner import Candidate, Input, opener
from edge.inference.unquantised import unquantised

SHIPPED = Path(edge.__file__).parent / "bundles/motor"


def counted(file: Path, wanted: Input) -> Operations:
    """By both counters, which have to agree but for constants that say shapes and steps."""
    first, second = (one.count(file, wanted) for one in (operations_openvino, operations_onnx))
    assert replace(first, weight_bytes=0) == replace(second, weight_bytes=0)
    assert first.weight_bytes == pytest.approx(second.weight_bytes, rel=0.01, abs=1000)
    assert count(file, wanted) == first
    return first


def test_a_convolution_costs_its_filter_at_every_output(tmp_path: Path) -> None:
    """32 filters of 3 x 3 x 3 over 4 x 16 x 16 places, two operations each; a head of 32 x 3."""
    needs = counted(write_camera(tmp_path / "net.onnx"), CLIP)
    assert needs.integer == 2 * 32 * 27 * 4 * 16 * 16
    assert needs.floating == 2 * 32 * 3
    assert needs.window_bytes == 4 * 16 * 16 + 4 * (3 + 32 * 4 * 16 * 16 + 32)


def test_the_same_convolution_in_float_is_counted_as_float(tmp_path: Path) -> None:
    needs = counted(write_camera(tmp_path / "net.onnx", is_int8=False), CLIP)
    assert (needs.integer, needs.floating) == (0, 2 * 32 * 27 * 4 * 16 * 16 + 2 * 32 * 3)


def test_an_lstm_costs_its_four_gates_at_every_step(tmp_path: Path) -> None:
    """64 steps of four gates of 16 from 3 inputs and 16 states; a head of 16 x 3."""
    needs = counted(write_vibration(tmp_path / "net.onnx"), SERIES)
    assert needs.integer == 0
    assert needs.floating == 64 * 2 * 4 * 16 * (3 + 16) + 2 * 16 * 3


def test_a_free_batch_is_counted_as_one_window(tmp_path: Path) -> None:
    free = counted(write_vibration(tmp_path / "free.onnx", batch="batch"), SERIES)
    assert free.floating == counted(write_vibration(tmp_path / "net.onnx"), SERIES).floating


@pytest.mark.parametrize("name", ["camera", "vibration", "audio"])
def test_both_counters_agree_on_the_shipped_networks(name: str) -> None:
    one = bundle.load(SHIPPED)
    passport = one.manifest.detectors[name]
    needs = counted(one.folder / passport.file, passport.input)
    assert needs.integer > needs.floating


@pytest.mark.parametrize("counter", [operations_openvino, operations_onnx])
def test_a_file_that_is_no_network_cannot_be_counted(counter: Any, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"none")
    with pytest.raises(BundleError, match=r"net\.onnx: (openvino|onnx) cannot read it"):
        counter.count(tmp_path / "net.onnx", SERIES)


@pytest.mark.parametrize(
    ("missing", "expected"), [(["openvino"], "3072"), (["openvino", "onnx"], "None")]
)
def test_whatever_library_is_here_counts_and_none_is_said(
    missing: list[str], expected: str, tmp_path: Path
) -> None:
    """A convolution of 4 channels to 4, of width 3, over 32 samples: 2 x 4 x 4 x 3 x 32."""
    file = probe.write(tmp_path / "net.onnx", [4, 4], 32)
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({missing}))\n"
        "from pathlib import Path\n"
        "from edge.gauge.probe import passport\n"
        "from edge.inference.operations import count\n"
        f"found = count(Path({str(file)!r}), passport(4, 32))\n"
        "print(found and found.floating)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(SHIPPED.parents[2])},
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.strip() == expected


def test_a_limit_is_operations_over_peak() -> None:
    needs = Operations(integer=2_000_000, floating=1_000_000, weight_bytes=4000, window_bytes=96)
    found = limit.limit(needs, {"a int8": 10.0, "b int8": 20.0, "b fp32": 5.0})
    assert found is not None
    assert found.compute_ms == pytest.approx(2e6 / 20e9 * 1e3 + 1e6 / 5e9 * 1e3)
    assert found.whole_ms >= found.compute_ms
    assert Limit(compute_ms=1.0, memory_ms=2.0).whole_ms == 2.0


def test_a_limit_that_was_beaten_has_no_share() -> None:
    least = Limit(compute_ms=0.3, memory_ms=0.1)
    assert least.share(0.6) == pytest.approx(0.5)
    assert least.share(0.3) == 1.0
    assert least.share(0.2055) is None  # else it would be 146 %


def test_integers_that_no_engine_is_faster_in_are_bounded_by_float() -> None:
    needs = Operations(integer=1_000_000, floating=0, weight_bytes=4000, window_bytes=96)
    found = limit.limit(needs, {"a fp32": 5.0})
    assert found is not None
    assert found.compute_ms == pytest.approx(0.2)
    assert limit.limit(needs, {}) is None


@pytest.mark.parametrize("integers", ["none", "weights", "all"])
def test_the_probe_is_a_chain_that_onnx_accepts_and_counts_alike(
    integers: probe.Integers, tmp_path: Path
) -> None:
    file = probe.write(tmp_path / "probe.onnx", [8, 16, 16, 8], 32, integers)
    onnx.checker.check_model(onnx.load(file), full_check=True)
    needs = counted(file, probe.passport(8, 32))
    products = 3 * 32 * (8 * 16 + 16 * 16 + 16 * 8)
    assert needs.integer + needs.floating == 2 * products
    assert probe.operations([8, 16, 16, 8], 32) == 2 * products
    assert (needs.integer > 0) is (integers == "all")
    data = np.random.default_rng(0).normal(size=(8, 32)).astype(np.float32)
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": data[None]})[0][0]
    runner = opener("openvino")(file, probe.passport(8, 32), threads=1)
    assert next(iter(runner.run(data).values())) == pytest.approx(expected, abs=0.05)
    assert 0.5 < float(expected.std()) < 2.0  # nothing overflows or fades, in float16 neither


@pytest.mark.parametrize(("integers", "kind"), [("none", "float32"), ("weights", "float16")])
def test_the_probes_layers_reach_a_gpu_as_they_are_in_the_precision_that_is_meant(
    integers: probe.Integers, kind: str, tmp_path: Path
) -> None:
    """Our own rewriting takes long sums in four parts, which would be measured in their place."""
    sizes = limit.Chain(channels=512, length=64, short=2, long=4).sizes(2)
    file = probe.write(tmp_path / "probe.onnx", sizes, 64, integers)
    model = onnx.load_from_string(unquantised(file, is_half=integers == "weights"))
    inside = [one for one in model.graph.initializer if list(one.dims) == [512, 512, 3]]
    assert [numpy_helper.to_array(one).dtype.name for one in inside] == [kind]
    readers = [node for node in model.graph.node if inside[0].name in node.input]
    assert [node.op_type for node in readers] == ["Conv", "Conv"]


def test_a_gpus_probe_fills_a_large_gpu() -> None:
    """In tiles of 128 x 128, which cuDNN's large kernels calculate, more than twice 132 of them."""
    tiles = limit.ON_GPU.channels // 128 * (limit.ON_GPU.length // 128)
    assert tiles >= 2 * 132
    carried = 2 * 4 * limit.ON_GPU.outside * limit.ON_GPU.length  # bytes there and back
    assert carried < 2**21
    assert limit.ON_GPU.operations == 8 * 2 * 512 * 512 * 3 * 16384


def test_a_peak_is_measured_of_what_runs_and_of_nothing_else() -> None:
    rows = [Candidate("openvino", "fp32"), Candidate("abacus", "int8")]
    peaks = limit.peaks(rows, 1)
    assert set(peaks) == {"openvino fp32"}
    assert peaks["openvino fp32"] > 0.1
    assert set(limit.overheads_us(rows)) == {"openvino fp32"}


def test_reading_takes_time() -> None:
    assert 1e8 < limit.bandwidth(2**20) < 1e13
