"""Both engines, against onnx's reference, on a 3D convolution in INT8 and an LSTM."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import openvino as ov
import pytest

import edge
from edge import config
from edge.errors import BundleError, ConfigError
from edge.inference.compiled import layers
from edge.inference.runner import AUTO, ENGINES, Opener, RunFailed, opener
from edge.manifest import ClipInput
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


@pytest.fixture(params=[row.name for row in ENGINES if not row.needs_gpu])
def open_runner(request: pytest.FixtureRequest) -> Opener:
    return opener(request.param)


def test_an_int8_convolution_answers_as_the_reference_does(
    open_runner: Opener, tmp_path: Path
) -> None:
    """But for single steps of the activations' scale, where a rounding fell the other way."""
    file = write_camera(tmp_path / "net.onnx")
    answer = open_runner(file, CLIP, threads=1).run(clips()[0])
    expected = reference(file, clips()[0])
    assert answer["logits"] == pytest.approx(expected["logits"], abs=0.02)
    assert np.ptp(expected["logits"]) > 1.0  # the answer is not a constant
    assert np.abs(answer["activation"] - expected["activation"]).max() <= 4 / 127 * 1.001
    assert answer["embedding"].shape == expected["embedding"].shape


def test_a_float_network_is_computed_in_float32(open_runner: Opener, tmp_path: Path) -> None:
    """bfloat16, to which OpenVINO helps itself on some processors, would be off by 1e-2."""
    for file, wanted, one in (
        (write_vibration(tmp_path / "lstm.onnx"), SERIES, series()[0]),
        (write_camera(tmp_path / "conv.onnx", is_int8=False), CLIP, clips()[0]),
    ):
        answer = open_runner(file, wanted, threads=1).run(one)
        assert answer["logits"] == pytest.approx(reference(file, one)["logits"], abs=2e-5)


def test_precision_is_what_the_engine_executes(open_runner: Opener, tmp_path: Path) -> None:
    integer = write_camera(tmp_path / "int8.onnx")
    floating = write_camera(tmp_path / "fp32.onnx", is_int8=False)
    assert open_runner(integer, CLIP, threads=1).precision == "int8"
    assert open_runner(floating, CLIP, threads=1).precision == "fp32"
    exact = open_runner(integer, CLIP, threads=1, precision="fp32")
    assert exact.precision == "fp32"
    rounded = reference(integer, clips()[0])["logits"]  # steps of rounding are kept
    assert exact.run(clips()[0])["logits"] == pytest.approx(rounded, abs=1e-3)
    lstm = write_vibration(tmp_path / "lstm.onnx")
    assert open_runner(lstm, SERIES, threads=1).precision == "fp32"


def test_openvino_executes_every_quantised_convolution_in_integers(tmp_path: Path) -> None:
    file = write_camera(tmp_path / "net.onnx")
    compiled = ov.Core().compile_model(file, "CPU", {"INFERENCE_NUM_THREADS": 1})
    used = [precision for kind, precision in layers(compiled) if kind == "Convolution"]
    assert used
    assert set(used) <= {"u8", "i8"}


def test_an_answer_outlives_the_next_run(open_runner: Opener, tmp_path: Path) -> None:
    runner = open_runner(write_camera(tmp_path / "net.onnx"), CLIP, threads=1)
    one, other = clips(2)
    first = runner.run(one)["logits"]
    kept = first.copy()
    second = runner.run(other)["logits"]
    assert not np.array_equal(kept, second)
    assert np.array_equal(first, kept)
    assert np.array_equal(runner.run(one)["logits"], kept)


def test_a_window_need_not_be_contiguous(open_runner: Opener, tmp_path: Path) -> None:
    runner = open_runner(write_vibration(tmp_path / "net.onnx"), SERIES, threads=1)
    window = series()[0]
    strided = np.repeat(window, 2, axis=1)[:, ::2]
    assert not strided.flags.c_contiguous
    assert np.array_equal(runner.run(strided)["logits"], runner.run(window)["logits"])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_batch_answers_each_window_as_it_does_alone(
    count: int, open_runner: Opener, tmp_path: Path
) -> None:
    for file, wanted, windows in (
        (write_camera(tmp_path / "conv.onnx", batch="batch"), CLIP, clips(5)),
        (write_vibration(tmp_path / "lstm.onnx", batch="batch"), SERIES, series(5)),
    ):
        many = open_runner(file, wanted, threads=1, most=5)
        assert many.most >= 4
        answers = many.start(windows[:count]).wait()
        assert len(answers) == count
        for answer, one in zip(answers, windows, strict=False):
            expected = reference(file, one)
            assert answer["logits"] == pytest.approx(expected["logits"], abs=0.02)
            assert {name: value.shape for name, value in answer.items()} == {
                name: value.shape for name, value in expected.items()
            }


def test_a_free_batch_is_one_window_unless_more_are_asked_for(
    open_runner: Opener, tmp_path: Path
) -> None:
    free = write_vibration(tmp_path / "free.onnx", batch="batch")
    fixed = write_vibration(tmp_path / "fixed.onnx")
    assert open_runner(free, SERIES, threads=1).most == 1
    assert open_runner(fixed, SERIES, threads=1, most=8).most == 1
    one = series()[0]
    answer = open_runner(free, SERIES, threads=1).run(one)["logits"]
    assert answer == pytest.approx(open_runner(fixed, SERIES, threads=1).run(one)["logits"])


def test_a_free_axis_that_is_no_batch_is_refused(open_runner: Opener, tmp_path: Path) -> None:
    net = Network(0)
    net.add("Identity", ["acceleration"], "logits")
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 3, 64)})
    model = onnx.load(file)
    for one in (model.graph.input[0], model.graph.output[0]):
        one.type.tensor_type.shape.dim[2].dim_param = "length"
    onnx.save(model, file)
    with pytest.raises(BundleError, match=r"its input is float32 \(1, 3, .*\), the manifest says"):
        open_runner(file, SERIES, threads=1)


def test_name_says_engine_and_version(open_runner: Opener, tmp_path: Path) -> None:
    name = open_runner(write_camera(tmp_path / "net.onnx"), CLIP, threads=1).name
    assert name.split()[0] in ("openvino", "onnxruntime")
    assert name.split()[1][0].isdigit()
    assert name.endswith(" cpu")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"name": "pictures"}, r"inputs \['clip'\], the manifest says pictures"),
        ({"frames": 8}, r"uint8 \(1, 4, 16, 16\), the manifest says uint8 \(1, 8, 16, 16\)"),
    ],
)
def test_a_network_that_is_not_the_passports_is_refused(
    open_runner: Opener, tmp_path: Path, change: dict[str, object], match: str
) -> None:
    wanted: ClipInput = CLIP.model_copy(update=change)
    with pytest.raises(BundleError, match=match):
        open_runner(write_camera(tmp_path / "net.onnx"), wanted, threads=1)


def test_a_network_of_another_type_is_refused(open_runner: Opener, tmp_path: Path) -> None:
    file = write_vibration(tmp_path / "net.onnx")
    wanted = CLIP.model_copy(update={"name": "acceleration"})
    with pytest.raises(BundleError, match=r"float32 \(1, 3, 64\), the manifest says uint8"):
        open_runner(file, wanted, threads=1)


def test_a_file_that_is_no_network_is_refused(open_runner: Opener, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"\x00\x01no network")
    with pytest.raises(BundleError, match=r"net\.onnx"):
        open_runner(file, CLIP, threads=1)
    with pytest.raises(BundleError, match=r"gone\.onnx"):
        open_runner(tmp_path / "gone.onnx", CLIP, threads=1)


def test_a_network_whose_outputs_depend_on_its_data_is_refused(
    open_runner: Opener, tmp_path: Path
) -> None:
    """A square as large as the input says: OpenVINO would read 81 values out of 64 for 9 x 9."""
    net = Network(0)
    net.add("ReduceMax", ["acceleration"], "largest", keepdims=0)
    net.add("Cast", ["largest"], "side", to=7)
    net.add("Reshape", ["side", net.weight("one", np.array([1]))], "listed")
    net.add("Concat", ["listed", "listed"], "sizes", axis=0)
    net.add("Reshape", [net.normal("values", 64, scale=1.0), "sizes"], "square")
    net.add("Unsqueeze", ["square", net.weight("axis", np.array([0]))], "logits")
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, "rows", "columns")})
    with pytest.raises(BundleError, match=r"output logits has no fixed shape.*export it with"):
        open_runner(file, SERIES, threads=1)


def test_an_input_that_breaks_the_engine_is_one_failed_run(tmp_path: Path) -> None:
    """A look-up in six values by an index that the input gives; there is no ninth."""
    net = Network(0)
    net.add("ReduceMax", ["acceleration"], "largest", keepdims=0)
    net.add("Cast", ["largest"], "index", to=7)
    net.add("Reshape", ["index", net.weight("one", np.array([1, 1]))], "listed")
    net.add("Gather", [net.normal("values", 6, scale=1.0), "listed"], "logits")
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 1)})
    runner = opener("onnxruntime")(file, SERIES, threads=1)
    assert runner.run(np.full(SERIES.shape, 5.0, np.float32))["logits"].shape == (1,)
    with pytest.raises(RunFailed, match="out of"):
        runner.run(np.full(SERIES.shape, 9.0, np.float32))
    assert runner.run(np.full(SERIES.shape, 5.0, np.float32))["logits"].shape == (1,)


def test_openvino_takes_a_compiled_network_from_its_cache(tmp_path: Path) -> None:
    file, cache = write_camera(tmp_path / "net.onnx"), tmp_path / "cache"
    open_openvino = opener("openvino")
    first = open_openvino(file, CLIP, threads=1, cache=cache)
    assert list(cache.iterdir())
    second = open_openvino(file, CLIP, threads=1, cache=cache)
    assert second.precision == "int8"
    assert np.array_equal(first.run(clips()[0])["logits"], second.run(clips()[0])["logits"])


def test_what_openvino_kept_is_not_taken_once_it_is_damaged(tmp_path: Path) -> None:
    file, cache = write_camera(tmp_path / "net.onnx"), tmp_path / "cache"
    open_openvino = opener("openvino")
    first = open_openvino(file, CLIP, threads=1, cache=cache)
    kept = {one: one.read_bytes() for one in cache.glob("*.plan")}
    for one, data in kept.items():
        one.write_bytes(data[:-1])
    again = open_openvino(file, CLIP, threads=1, cache=cache)
    assert np.array_equal(first.run(clips()[0])["logits"], again.run(clips()[0])["logits"])
    assert all(len(one.read_bytes()) == len(data) for one, data in kept.items())  # made anew


def test_an_unknown_engine_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no engine 'torch'; there are openvino, onnxruntime"):
        opener("torch")


def test_the_lines_file_may_name_every_engine_of_the_table() -> None:
    named = get_args(config.Engine.model_fields["name"].annotation)
    assert set(named) == {row.name for row in ENGINES} | {AUTO}


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(Path(edge.__file__).parents[1])},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_table_of_engines_imports_none_of_them() -> None:
    program = (
        "import sys, edge.inference.engine\n"
        "assert not {'openvino', 'onnxruntime'} & set(sys.modules)"
    )
    assert run(program).returncode == 0


@pytest.mark.parametrize("sdk", ["openvino", "onnxruntime"])
def test_a_missing_sdk_is_named_with_its_cure(sdk: str) -> None:
    program = (
        f"import sys; sys.modules[{sdk!r}] = None  # makes its import fail\n"
        "from edge.inference.runner import opener\n"
        f"opener({sdk!r})"
    )
    ended = run(program)
    assert ended.returncode == 1
    assert f"ConfigError: engine.name: {sdk} needs the package {sdk}" in ended.stderr
    assert f"pip install {sdk}" in ended.stderr
