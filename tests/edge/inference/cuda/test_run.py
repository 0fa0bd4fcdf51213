"""Networks on a GPU, host to host, held against onnx's reference; through both CUDA siblings."""

import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge.inference import ort_cuda
from edge.inference.cuda.layer import Device
from edge.inference.cuda.run import GpuRunner
from inference.networks import (
    CLIP,
    SERIES,
    Network,
    clips,
    reference,
    series,
    write_camera,
    write_vibration,
)


@pytest.fixture(autouse=True)
def through(gpu: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    if ort_cuda.PROVIDER not in ort_cuda.ort.get_available_providers():
        pytest.skip("this onnxruntime has no CUDA: pip install 'edge-verdict[gpu]'")
    monkeypatch.setattr(ort_cuda, "device", lambda: gpu)


def free(file: Path) -> Path:
    """The same network with a batch axis that is free."""
    model = onnx.load(file)
    for one in (*model.graph.input, *model.graph.output):
        one.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, file)
    return file


def test_it_answers_as_the_reference_does(tmp_path: Path) -> None:
    camera, lstm = write_camera(tmp_path / "c.onnx"), write_vibration(tmp_path / "v.onnx")
    exact = ort_cuda.open_runner(camera, CLIP, threads=1, precision="fp32")
    assert exact.precision == "fp32"
    assert exact.is_graph
    for one in clips(3):
        expected, found = reference(camera, one), exact.run(one)
        assert found.keys() == expected.keys()
        assert found["logits"] == pytest.approx(expected["logits"], abs=1e-3)
        assert np.abs(found["activation"] - expected["activation"]).max() <= 4 / 127 * 1.001
    runner = ort_cuda.open_runner(lstm, SERIES, threads=1, precision="fp32")
    assert runner.run(series()[0])["logits"] == pytest.approx(
        reference(lstm, series()[0])["logits"], abs=2e-5
    )


def test_half_precision_is_near(tmp_path: Path) -> None:
    camera = write_camera(tmp_path / "c.onnx")
    runner = ort_cuda.open_runner(camera, CLIP, threads=1, precision="fp16")
    assert runner.precision == "fp16"
    for one in clips(3):
        assert runner.run(one)["logits"] == pytest.approx(
            reference(camera, one)["logits"], abs=0.05
        )


def test_int8_asks_for_the_fastest_and_says_what_it_got(tmp_path: Path) -> None:
    runner = ort_cuda.open_runner(write_camera(tmp_path / "c.onnx"), CLIP, threads=1)
    assert runner.precision == "fp16"
    assert runner.name.startswith("onnxruntime ")
    assert " cuda " in runner.name


def test_a_batch_gives_what_its_windows_give_alone(tmp_path: Path) -> None:
    file = free(write_camera(tmp_path / "c.onnx"))
    runner = ort_cuda.open_runner(file, CLIP, threads=1, precision="fp32", most=6)
    alone = [runner.run(one) for one in clips(6)]
    for count in (6, 1, 3, 2, 5):
        together = runner.start(list(clips(6)[:count])).wait()
        assert len(together) == count
        for one, expected in zip(together, alone, strict=False):
            assert one["logits"] == pytest.approx(expected["logits"], abs=1e-3)
    assert runner.most == 6
    with pytest.raises(ValueError, match="7 windows, 1 to 6"):
        runner.start(list(clips(7)))


def test_a_fixed_batch_takes_one_window(tmp_path: Path) -> None:
    runner = ort_cuda.open_runner(write_camera(tmp_path / "c.onnx"), CLIP, threads=1, most=8)
    assert runner.most == 1


def test_an_answer_outlives_the_next_run_and_late_waiting(tmp_path: Path) -> None:
    runner = ort_cuda.open_runner(write_camera(tmp_path / "c.onnx"), CLIP, threads=1)
    one, other = clips(2)
    alone = runner.run(one)["logits"].copy(), runner.run(other)["logits"].copy()
    first, second = runner.start([one]), runner.start([other])
    assert np.array_equal(second.wait()[0]["logits"], alone[1])
    assert np.array_equal(first.wait()[0]["logits"], alone[0])
    assert np.array_equal(first.wait()[0]["logits"], alone[0])


def test_networks_run_side_by_side_on_another_thread_than_they_were_loaded_on(
    tmp_path: Path,
) -> None:
    camera = ort_cuda.open_runner(write_camera(tmp_path / "c.onnx"), CLIP, threads=1)
    lstm = ort_cuda.open_runner(write_vibration(tmp_path / "v.onnx"), SERIES, threads=1)
    expected = camera.run(clips()[0])["logits"], lstm.run(series()[0])["logits"]
    found: list[bool] = []

    def part() -> None:
        for _ in range(200):
            pending = camera.start([clips()[0]]), lstm.start([series()[0]])
            logits = [one.wait()[0]["logits"] for one in pending]
            found.append(all(map(np.array_equal, logits, expected)))

    thread = threading.Thread(target=part)
    thread.start()
    thread.join()
    assert len(found) == 200
    assert all(found)


def test_what_cannot_be_captured_runs_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A determinant, which this library calculates on the processor: no graph can hold that."""
    net = Network(0)
    weights = net.normal("weights", 64, 3, scale=0.3)
    net.add("Det", [net.add("MatMul", ["acceleration", weights], "square")], "det")
    net.add("Reshape", ["det", net.weight("one", np.array([1, 1]))], "logits")
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 1)})
    runner = ort_cuda.open_runner(file, SERIES, threads=1, precision="fp32")
    assert not runner.is_graph
    assert "without a CUDA graph" in caplog.text
    held = {one.name: numpy_helper.to_array(one) for one in onnx.load(file).graph.initializer}
    for one in series(3):
        expected = np.linalg.det(one.astype(np.float64) @ held["weights"])
        assert runner.run(one)["logits"] == pytest.approx(expected, rel=1e-3)


def test_memory_stays_where_it_is_and_comes_back(tmp_path: Path, gpu: Device) -> None:
    file = write_camera(tmp_path / "c.onnx")

    def load() -> GpuRunner:
        return ort_cuda.open_runner(file, CLIP, threads=1)

    load().run(clips()[0])  # libraries take what they keep for the process
    before = gpu.free_bytes()
    for _ in range(5):
        runner = load()
        for _ in range(1000):
            runner.run(clips()[0])
        del runner
    assert before - gpu.free_bytes() < 8 * 2**20
