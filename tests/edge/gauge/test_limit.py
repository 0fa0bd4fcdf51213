"""Operations are counted as a textbook counts them; a limit is what follows from them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from inference.networks import CLIP, SERIES, write_camera, write_vibration

from edge.errors import BundleError
from edge.gauge import limit, probe
from edge.gauge.limit import Limit
from edge.inference.operations import Operations, count
from edge.inference.runner import Candidate, opener


def test_a_convolution_costs_its_filter_at_every_output(tmp_path: Path) -> None:
    """32 filters of 3 x 3 x 3 over 4 x 16 x 16 places, two operations each; a head of 32 x 3."""
    needs = count(write_camera(tmp_path / "net.onnx"), CLIP)
    assert needs.integer == 2 * 32 * 27 * 4 * 16 * 16
    assert needs.floating == 2 * 32 * 3
    assert needs.window_bytes == 4 * 16 * 16 + 4 * (3 + 32 * 4 * 16 * 16 + 32)


def test_the_same_convolution_in_float_is_counted_as_float(tmp_path: Path) -> None:
    needs = count(write_camera(tmp_path / "net.onnx", is_int8=False), CLIP)
    assert (needs.integer, needs.floating) == (0, 2 * 32 * 27 * 4 * 16 * 16 + 2 * 32 * 3)


def test_an_lstm_costs_its_four_gates_at_every_step(tmp_path: Path) -> None:
    """64 steps of four gates of 16 from 3 inputs and 16 states; a head of 16 x 3."""
    needs = count(write_vibration(tmp_path / "net.onnx"), SERIES)
    assert needs.integer == 0
    assert needs.floating == 64 * 2 * 4 * 16 * (3 + 16) + 2 * 16 * 3


def test_a_free_batch_is_counted_as_one_window(tmp_path: Path) -> None:
    free = count(write_vibration(tmp_path / "free.onnx", batch="batch"), SERIES)
    assert free.floating == count(write_vibration(tmp_path / "net.onnx"), SERIES).floating


def test_a_file_that_is_no_network_cannot_be_counted(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"none")
    with pytest.raises(BundleError, match=r"net\.onnx: openvino cannot read it"):
        count(tmp_path / "net.onnx", SERIES)


def test_a_limit_is_operations_over_peak() -> None:
    needs = Operations(integer=2_000_000, floating=1_000_000, weight_bytes=4000, window_bytes=96)
    found = limit.limit(needs, {"a int8": 10.0, "b int8": 20.0, "b fp32": 5.0})
    assert found is not None
    assert found.compute_ms == pytest.approx(2e6 / 20e9 * 1e3 + 1e6 / 5e9 * 1e3)
    assert found.whole_ms >= found.compute_ms
    assert Limit(compute_ms=1.0, memory_ms=2.0).whole_ms == 2.0


def test_integers_that_no_engine_is_faster_in_are_bounded_by_float() -> None:
    needs = Operations(integer=1_000_000, floating=0, weight_bytes=4000, window_bytes=96)
    found = limit.limit(needs, {"a fp32": 5.0})
    assert found is not None
    assert found.compute_ms == pytest.approx(0.2)
    assert limit.limit(needs, {}) is None


@pytest.mark.parametrize("is_int8", [False, True])
def test_the_probe_is_a_convolution_that_onnx_accepts_and_counts_alike(
    is_int8: bool, tmp_path: Path
) -> None:
    file = probe.write(tmp_path / "probe.onnx", 8, 32, is_int8=is_int8)
    onnx.checker.check_model(onnx.load(file), full_check=True)
    needs = count(file, probe.passport(8, 32))
    assert needs.integer + needs.floating == probe.operations(8, 32) == 2 * 8 * 8 * 3 * 32
    assert (needs.integer > 0) is is_int8
    data = np.random.default_rng(0).normal(size=(8, 32)).astype(np.float32)
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": data[None]})[0][0]
    runner = opener("openvino")(file, probe.passport(8, 32), threads=1)
    assert runner.run(data)["y"] == pytest.approx(expected, abs=0.01)
    assert float(np.ptp(expected)) > 0.5


def test_a_peak_is_measured_of_what_runs_and_of_nothing_else() -> None:
    rows = [Candidate("openvino", "fp32"), Candidate("abacus", "int8")]
    peaks = limit.peaks(rows, 1)
    assert set(peaks) == {"openvino fp32"}
    assert peaks["openvino fp32"] > 0.1
    assert set(limit.overheads_us(rows)) == {"openvino fp32"}


def test_reading_takes_time() -> None:
    assert 1e8 < limit.bandwidth(2**20) < 1e13
