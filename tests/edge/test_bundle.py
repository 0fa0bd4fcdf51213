"""A bundle that is not what its passport says is refused, and says why."""

import shutil
from pathlib import Path

import pytest

from edge import bundle, config
from edge.errors import BundleError

MOTOR = config.SHIPPED / "motor"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MOTOR, tmp_path / "motor"))


def rewrite(folder: Path, old: str, new: str) -> None:
    path = folder / bundle.MANIFEST
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_shipped_bundle_is_whole() -> None:
    one = bundle.load(MOTOR)
    assert set(one.manifest.detectors) == {"camera", "vibration", "audio"}
    assert one.manifest.hypotheses[0] == "ok"


def test_a_changed_network_is_refused(copy: Path) -> None:
    with (copy / "camera.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BundleError, match=r"camera\.onnx: is not the file the manifest lists"):
        bundle.load(copy)


def test_a_missing_network_is_named(copy: Path) -> None:
    (copy / "audio.onnx").unlink()
    with pytest.raises(BundleError, match=r"audio\.onnx"):
        bundle.load(copy)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = 1\ncolour = 3", "colour"),
        ('"camera.onnx" = ', '"../camera.onnx" = ', "pattern"),
        ("discount = ", "discount = 1", "less than or equal to 1"),
        ('hypotheses = ["scratch"]', 'hypotheses = ["scretch"]', "unknown hypotheses"),
        ('seen = "seen"\n', "", "name both tensors, or neither"),
        ('statistics = "monitor.npz"\n', "", "distance needs an embedding and statistics"),
        ('statistics = "monitor', 'statistics = "monitors', "no hash of"),
        ("low_sick = ", "low_sick = 9", "limits must rise"),
        ("[detectors.camera.monitor.energy]", "[detectors.camera.monitor.enrgy]", "sharpness"),
    ],
)
def test_a_passport_that_does_not_fit_the_schema_is_refused(
    copy: Path, old: str, new: str, said: str
) -> None:
    rewrite(copy, old, new)
    with pytest.raises(BundleError, match=said):
        bundle.load(copy)


def test_a_class_that_leaves_a_hypothesis_out_everywhere_is_refused(copy: Path) -> None:
    """Belief would go to what is left, for no reason but that nobody asked."""
    rewrite(copy, 'hypotheses = ["crack"]', 'hypotheses = ["scratch"]')
    with pytest.raises(BundleError, match=r"no class allows \['crack'\]"):
        bundle.load(copy)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is .* a bundle"):
        bundle.load(tmp_path)
