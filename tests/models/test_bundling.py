"""From a folder of recordings to a bundle that the appliance loads, by the commands themselves."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
soundfile = pytest.importorskip("soundfile")

from edge.bundle import load  # noqa: E402
from edge.inference import proved  # noqa: E402
from edge.inference.runner import opener  # noqa: E402
from models.__main__ import main  # noqa: E402

pytestmark = pytest.mark.workshop

CONFIG = """
sense = "audio"

[data]
validation_share = 0.25
test_share = 0.25

[data.labels]
quiet = "good"

[classes]
unseen = ["scratch"]

[classes.defects]
whine = ["bearing_outer", "bearing_inner"]

[teaching]
epochs = 6
batch = 8
rate = 5e-3
balance = "sampler"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hum of twelve quiet machines and six that whine."""
    folder = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(1)
    rows = ["file,label,group,rate_hz"]
    time_s = np.arange(16_000) / 16_000.0
    for machine in range(18):
        label = "whine" if machine % 3 == 0 else "quiet"
        wave = 0.02 * np.sin(2 * np.pi * 200.0 * time_s) + 0.005 * random.standard_normal(16_000)
        if label == "whine":
            wave += 0.03 * np.sin(2 * np.pi * 3_000.0 * time_s)
        soundfile.write(folder / f"{machine}.wav", wave, 16_000, subtype="FLOAT")
        rows.append(f"{machine}.wav,{label},machine {machine},16000")
    (folder / "manifest.csv").write_text("\n".join(rows))
    (folder / "own.toml").write_text(CONFIG)
    return folder


def _models(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["models", *arguments, "--threads", "1"])
    return main()


def test_recordings_become_a_bundle_that_the_appliance_loads(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert _models(monkeypatch, "export", "run", "--data", ".", "--out", "bundle") == 2
    assert "configuration.toml: cannot be read" in capsys.readouterr().err
    steps = (
        ("train", "audio", "--config", "own.toml", "--data", ".", "--into", "run"),
        ("quantize", "run", "--data", ".", "--rounds", "3", "--calibrating", "8"),
        ("evaluate", "run", "--data", ".", "--json", "figures.json", "--pictures", "pictures"),
        ("export", "run", "--data", ".", "--out", "bundle", "--name", "press"),
    )
    for step in steps:
        assert _models(monkeypatch, *step) == 0, capsys.readouterr().err
    bundle = load(folder / "bundle")
    assert bundle.label == "press 0.1.0"
    assert bundle.manifest.hypotheses == ("ok", "scratch", "bearing_outer", "bearing_inner")
    assert bundle.manifest.certificate is None
    one = proved.load(bundle, "audio", opener("openvino"), threads=1)  # by its golden data
    assert one.runner.precision == "int8"
    figures = json.loads((folder / "figures.json").read_text())["detectors"]["audio"]
    assert figures["split"] == "test"
    assert (figures["groups"], figures["parts"]) == (5, 10)  # two windows of each machine
    assert figures["auroc_good_or_defective"]["value"] == 1.0  # a whine nobody can miss
    report = json.loads((folder / "run" / "quantize.json").read_text())
    assert report["bytes"]["INT8"] < report["bytes"]["FP32"]
    assert any("i8" in row["precision"] or "u8" in row["precision"] for row in report["executed"])
    assert {path.name for path in (folder / "pictures").iterdir()} == {
        "audio-confusion.png", "audio-maps.png", "audio-reliability.png", "audio-roc.png",
    }  # fmt: skip
