"""A bundle in smaller files is the same bundle, and promises nothing until it is calibrated."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper  # noqa: E402

from edge.bundle import load  # noqa: E402
from edge.certificate import void  # noqa: E402
from edge.config import SHIPPED  # noqa: E402
from edge.inference import openvino, proved  # noqa: E402
from edge.inference.folded import fold  # noqa: E402
from models.repack import repack  # noqa: E402

pytestmark = pytest.mark.workshop


@pytest.fixture
def written_out(tmp_path: Path) -> Path:
    """The shipped bundle with every constant of its microphone's network written out, as a bundle
    of an earlier release has it."""
    folder = tmp_path / "motor"
    shutil.copytree(SHIPPED / "motor", folder)
    model = onnx.load(folder / "audio.onnx")
    fold(model)
    onnx.save(model, folder / "audio.onnx")
    return folder


def _hashed_anew(folder: Path) -> Path:
    manifest = folder / "manifest.toml"
    shipped = load(SHIPPED / "motor").manifest.files["audio.onnx"]
    own = hashlib.sha256((folder / "audio.onnx").read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text().replace(shipped, own))
    return folder


def test_files_become_as_small_as_the_shipped_ones_and_answer_alike(written_out: Path) -> None:
    before = load(_hashed_anew(written_out))
    known = np.load(before.folder / "golden.npz")["audio.logits"]
    found = repack(before, "9.9.9")
    after = load(written_out)
    assert after.manifest.version == "9.9.9"
    assert found["audio_bytes_before"] > 440_000
    assert found["audio_bytes"] == (SHIPPED / "motor" / "audio.onnx").stat().st_size
    for name in after.manifest.detectors:
        assert found[f"{name}_golden_moved"] < 1e-4
        proved.load(after, name, openvino.open_runner, threads=1).check_golden()
    logits = np.load(written_out / "golden.npz")["audio.logits"]
    np.testing.assert_allclose(logits, known, atol=1e-3)
    assert after.manifest.comparison == load(SHIPPED / "motor").manifest.comparison


def test_a_certificate_of_the_files_before_is_void(written_out: Path) -> None:
    before = load(_hashed_anew(written_out)).manifest
    sealed = before.certificate
    assert sealed is not None
    held = before.model_copy(
        update={"certificate": sealed.model_copy(update={"vouched_sha256": before.vouched_sha256})}
    )
    assert not void(held.certificate, held.vouched_sha256)
    bundle = load(written_out)
    repack(type(bundle)(bundle.folder, held, bundle.sha256), "9.9.9")
    after = load(written_out).manifest
    assert "changed since it was calibrated" in void(after.certificate, after.vouched_sha256)


def test_the_numbers_written_out_are_those_that_the_file_makes(written_out: Path) -> None:
    """Of the shipped network: a cosine under a Hann window, in float32."""
    held = {
        one.name: numpy_helper.to_array(one)
        for one in onnx.load(written_out / "audio.onnx").graph.initializer
    }
    time = np.arange(256) / 256
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time)
    for row in (0, 1, 64, 128):
        expected = np.cos(2 * np.pi * row * time) * window
        np.testing.assert_allclose(held["spectrogram.kernels"][row, 0], expected, atol=2e-7)
        expected = np.sin(2 * np.pi * row * time) * window
        np.testing.assert_allclose(held["spectrogram.kernels"][129 + row, 0], expected, atol=2e-7)
