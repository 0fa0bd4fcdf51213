"""One detector: windows in, scores out, and what is refused at load."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import BundleError
from edge.inference.detector import Detector
from edge.inference.proved import load
from edge.inference.runner import ENGINES, Done, Input, Outputs, RunFailed, Runner, opener
from inference.conftest import MakeBundle
from inference.networks import (
    CLIP,
    SERIES,
    Network,
    clips,
    reference,
    series,
    window,
    write_camera,
    write_vibration,
)

OPENVINO = opener("openvino")


@pytest.mark.parametrize("engine", [row.name for row in ENGINES if not row.needs_gpu])
def test_a_score_holds_what_the_network_answered(engine: str, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    detector = load(bundle, "camera", opener(engine), threads=1)
    before_ns = time.monotonic_ns()
    score = detector.infer(window(clips()[0]))
    expected = reference(bundle.folder / "camera.onnx", clips()[0])
    assert score.logits == pytest.approx(expected["logits"], abs=0.02)
    assert score.activation is not None
    assert score.activation.shape == expected["activation"].shape
    assert score.embedding == pytest.approx(expected["embedding"], abs=0.02)
    assert (score.sensor, score.detector, score.precision) == ("cam1", "camera", "int8")
    assert score.engine.startswith(engine)
    assert before_ns <= score.inferred_ns - score.run_ns <= score.inferred_ns
    assert score.inferred_ns <= time.monotonic_ns()


def test_outputs_the_passport_does_not_name_are_none(make_bundle: MakeBundle) -> None:
    score = load(make_bundle(), "vibration", OPENVINO, threads=1).infer(window(series()[0]))
    assert score.activation is None
    assert score.embedding is None


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((4, 16, 15), np.uint8),
        np.zeros((1, 4, 16, 16), np.uint8),
        np.zeros((4, 16, 16), np.float32),
    ],
)
def test_a_window_that_is_not_the_passports_is_a_fault_of_logic(
    make_bundle: MakeBundle, data: NDArray[np.generic]
) -> None:
    detector = load(make_bundle(), "camera", OPENVINO, threads=1)
    with pytest.raises(ValueError, match=r"the passport says uint8 \(4, 16, 16\)"):
        detector.infer(window(data))


def test_an_answer_that_is_no_number_is_a_failed_run(make_bundle: MakeBundle) -> None:
    detector = load(make_bundle(), "vibration", OPENVINO, threads=1)
    broken = series()[0]
    broken[1, 5] = np.nan
    with pytest.raises(RunFailed, match="nan"):
        detector.infer(window(broken))
    assert np.isfinite(detector.infer(window(series()[0])).logits).all()


@pytest.mark.parametrize("engine", [row.name for row in ENGINES if not row.needs_gpu])
def test_the_golden_data_are_given_again(engine: str, make_bundle: MakeBundle) -> None:
    """They come from a third implementation, onnx's reference in numpy."""
    bundle = make_bundle()
    for name in bundle.manifest.detectors:
        load(bundle, name, opener(engine), threads=1).check_golden()


def test_an_engine_that_misses_the_golden_data_is_refused(make_bundle: MakeBundle) -> None:
    """Allowed is a twentieth of the span of the golden logits; here they are off by a tenth."""
    bundle = make_bundle(golden_error=0.1)
    with pytest.raises(BundleError, match=r"motor 1\.2\.3, detector camera: openvino .* golden"):
        load(bundle, "camera", OPENVINO, threads=1)


class Saturating:
    """A processor that miscalculates in integers: right in float, off by a tenth otherwise."""

    def __init__(self, inner: Runner) -> None:
        self._inner = inner
        self.name, self.precision, self.most = inner.name, inner.precision, inner.most

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        return Done([self.run(one) for one in windows])

    def run(self, data: NDArray[np.generic]) -> Outputs:
        outputs = self._inner.run(data)
        if self.precision == "int8":
            outputs["logits"] = outputs["logits"] + 1.0  # the golden ones span some 1.5
        return outputs


def test_a_network_that_goes_wrong_in_integers_here_is_calculated_in_float(
    make_bundle: MakeBundle, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = make_bundle()

    def open_runner(file: Path, wanted: Input, **options: Any) -> Runner:
        return Saturating(OPENVINO(file, wanted, **options))

    detector = load(bundle, "camera", open_runner, threads=1)
    assert detector.runner.precision == "fp32"
    assert "calculated in float" in caplog.text
    expected = reference(bundle.folder / "camera.onnx", clips()[0])["logits"]
    assert detector.infer(window(clips()[0])).logits == pytest.approx(expected, abs=1e-3)


def test_golden_data_of_another_detector_are_refused(make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    np.savez(bundle.folder / "golden.npz", clips())
    with pytest.raises(BundleError, match=r"golden\.npz: no golden data of camera"):
        load(bundle, "camera", OPENVINO, threads=1)
    (bundle.folder / "golden.npz").write_bytes(b"no archive")
    with pytest.raises(BundleError, match=r"golden\.npz: no golden data of camera"):
        load(bundle, "camera", OPENVINO, threads=1)


def swapped(bundle: Bundle, file: Path, name: str) -> Bundle:
    """The bundle with another network behind a detector, its hash unchecked."""
    shutil.copy(file, bundle.folder / bundle.manifest.detectors[name].file)
    return bundle


def test_a_network_without_a_promised_output_is_refused(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    net = Network(0)
    net.add("Cast", ["clip"], "grey", to=1)
    net.add("ReduceMean", ["grey", net.weight("axes", np.array([2, 3]))], "logits", keepdims=0)
    file = net.write(tmp_path / "net.onnx", CLIP, {"logits": (1, 4)})
    with pytest.raises(BundleError, match=r"has no output 'activation'; it has logits"):
        load(swapped(make_bundle(), file, "camera"), "camera", OPENVINO, threads=1)


def test_a_network_with_another_number_of_classes_is_refused(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    net = Network(0)
    net.add("ReduceMean", ["acceleration", net.weight("axes", np.array([1]))], "means", keepdims=0)
    net.add("MatMul", ["means", net.normal("head", 64, 5, scale=1.0)], "logits")
    file = net.write(tmp_path / "net.onnx", SERIES, {"logits": (1, 5)})
    with pytest.raises(BundleError, match=r"logits of shape \(5,\) for 3 classes"):
        load(swapped(make_bundle(), file, "vibration"), "vibration", OPENVINO, threads=1)


def test_it_is_warm_when_loaded(make_bundle: MakeBundle) -> None:
    """Every network has run before the first part: the runner counts what it is asked."""
    asked: list[str] = []

    class Counting:
        name, precision = "counting", "fp32"

        def __init__(self, file: Path) -> None:
            self._inner = OPENVINO(file, SERIES, threads=1)

        def run(self, data: NDArray[np.generic]) -> Outputs:
            asked.append("run")
            return self._inner.run(data)

    bundle = make_bundle()
    runner = Counting(write_vibration(bundle.folder / "again.onnx", seed=8))
    Detector(bundle, "vibration", runner).warm_up()  # type: ignore[arg-type]
    assert asked == ["run"] * 3


def test_golden_data_tell_two_networks_apart(make_bundle: MakeBundle, tmp_path: Path) -> None:
    other = write_camera(tmp_path / "other.onnx", seed=99)
    with pytest.raises(BundleError, match="misses the golden logits"):
        load(swapped(make_bundle(), other, "camera"), "camera", OPENVINO, threads=1)
