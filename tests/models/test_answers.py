"""What is kept of a split is what the appliance's engine answers to its parts."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from edge.bundle import load
from edge.inference import openvino
from models import answers, dataset
from models.detectors import DESIGNS
from sensors.simulator.cause import HYPOTHESES

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"


def test_kept_answers_are_those_of_the_appliances_runner(tmp_path: Path) -> None:
    counts = {"train": 1, "calibration": 2, "test": 2}
    dataset.simulate(tmp_path / "parts", counts, jobs=1)
    answers.collect(tmp_path / "parts", FOLDER, FOLDER, tmp_path / "answers")
    found = answers.read(tmp_path / "answers")

    split = next(one for one in dataset.SPLITS if one.name == "test")
    truth = list(dataset.parts(split, 0, 2))
    causes = [HYPOTHESES[one] for one in found.test.truth.hypothesis]
    assert causes == [part.cause.hypothesis for part in truth]
    for name in DESIGNS:
        passport = load(FOLDER).manifest.detectors[name]
        runner = openvino.open_runner(FOLDER / passport.file, passport.input, threads=1)
        for row, part in enumerate(truth):
            expected = runner.run(dataset.network_inputs(part)[name])["logits"]
            np.testing.assert_allclose(found.test.int8[name][row], expected, atol=0.1)


def test_the_hash_of_the_data_is_that_of_its_bytes_in_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b.npz").write_bytes(b"c")
    (tmp_path / "a.npz").write_bytes(b"ab")
    # FIPS 180-2, appendix B.1: SHA-256 of "abc"
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert answers.folder_sha256(tmp_path) == expected
