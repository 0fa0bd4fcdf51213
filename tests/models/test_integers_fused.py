"""What integers cost is shown on the same parts, against the float networks they were made of."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from edge.build.decisions import golden_parts
from edge.bundle import load
from edge.config import SHIPPED
from edge.errors import BundleError
from edge.fusion.decision import Decided
from edge.inference import openvino, proved
from models.integers import twin
from models.integers.fused import paired

pytestmark = pytest.mark.workshop

SPAN = 0.02  # of the golden logits: how far seven bits may be from float on half of them
ALIKE = 0.8  # of the golden parts, most of which stand near a threshold, name the same class


def _said(decision: str) -> Decided:
    return Decided(decision=decision, defect="rub" if decision == "defect" else "", reason="")


def test_the_float_twin_runs_under_the_bundle_s_own_passport_and_answers_nearly_the_same(
    tmp_path: Path,
) -> None:
    bundle = load(SHIPPED / "motor")
    other = twin.make(bundle, twin.SHIPPED, tmp_path / "twin")
    assert other.manifest.thresholds == bundle.manifest.thresholds
    of = json.loads((twin.SHIPPED / twin.OF).read_text())
    for name, one in other.manifest.detectors.items():
        assert one.temperature == of["temperatures"][name]
    known = golden_parts(bundle)
    for name, one in golden_parts(other).items():
        detector = proved.load(other, name, openvino.open_runner, threads=1)
        assert detector.runner.precision == "fp32"
        away = np.abs(one.logits - known[name].logits)
        assert 0.0 < np.median(away) < SPAN * np.ptp(known[name].logits)
        alike = one.logits.argmax(axis=1) == known[name].logits.argmax(axis=1)
        assert alike.mean() > ALIKE


def test_float_networks_of_another_bundle_are_refused(tmp_path: Path) -> None:
    bundle = load(SHIPPED / "motor")
    with pytest.raises(BundleError, match="no float networks"):
        twin.make(bundle, tmp_path / "none", tmp_path / "twin")
    kept = tmp_path / "exact"
    shutil.copytree(twin.SHIPPED, kept)
    of = (kept / twin.OF).read_text()
    (kept / twin.OF).write_text(of.replace(bundle.manifest.files["audio.onnx"], 64 * "0"))
    with pytest.raises(BundleError, match="another bundle"):
        twin.make(bundle, kept, tmp_path / "twin")


def test_float_networks_are_kept_with_the_bundle_they_became(tmp_path: Path) -> None:
    bundle = load(SHIPPED / "motor")
    of = json.loads((twin.SHIPPED / twin.OF).read_text())
    twin.keep(twin.SHIPPED, bundle, tmp_path / "exact", of["temperatures"])
    for file in twin.SHIPPED.iterdir():
        assert (tmp_path / "exact" / file.name).read_bytes() == file.read_bytes()


def test_a_loss_counts_pairs_and_only_clear_parts() -> None:
    # 100 good parts of 50 stations, one of which float alone passes; 100 defects at their limit,
    # two of which integers alone name; 10 below it, on which nobody is right
    hypotheses = ["ok"] * 100 + ["rub"] * 110
    severity = np.array([0.0] * 100 + [1.0] * 100 + [0.9] * 10)
    groups = [f"station {number % 50}" for number in range(210)]
    exact = [_said("ok")] * 100 + [_said("uncertain")] * 2 + [_said("defect")] * 108
    integer = [_said("uncertain")] + [_said("ok")] * 99 + [_said("defect")] * 110
    every, good, named, stopped = paired(exact, integer, hypotheses, severity, groups, "ok")
    assert (every.parts, every.float_right, every.int8_right) == (200, 198, 199)
    assert (every.only_float, every.only_int8) == (1, 2)
    assert every.loss_points.value == pytest.approx(-0.5)
    assert (good.only_float, good.only_int8) == (1, 0)
    assert good.loss_points.value == pytest.approx(1.0)
    assert (named.only_float, named.only_int8) == (0, 2)
    assert (stopped.only_float, stopped.only_int8) == (0, 0)
    assert stopped.holds
    assert not good.holds  # one of a hundred is a point: too few parts to show half of one
    # one of fifty stations drawn fifty times: seen three times or more in about 8 % of draws, so
    # that the upper end of 95 % is three parts of a hundred
    assert good.loss_points.high == pytest.approx(3.0)
