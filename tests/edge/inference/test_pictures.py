"""A network run picture by picture answers as the whole one does; less is left for the end."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import BundleError
from edge.inference import openvino, ort
from edge.inference.pictures import KEPT, PictureByPicture
from edge.inference.runner import Done, Outputs
from inference.networks import CLIP, PICTURES, clips, reference, write_pictures


class Counting:
    """A half that counts its runs."""

    def __init__(self, runner: openvino.OpenVinoRunner) -> None:
        self.runner = runner
        self.runs = 0
        self.name = runner.name
        self.precision = runner.precision
        self.most = 1

    def start(self, windows: Sequence[NDArray[np.generic]]) -> Done:
        return Done([self.run(one) for one in windows])

    def run(self, data: NDArray[np.generic]) -> Outputs:
        self.runs += 1
        return self.runner.run(data)


@pytest.fixture
def network(tmp_path: Path) -> tuple[PictureByPicture, Counting]:
    """The network in two halves, and the half that looks at one picture."""
    file = write_pictures(tmp_path / "net.onnx")
    opened = openvino.open_runner(file, PICTURES, threads=1)
    assert isinstance(opened, PictureByPicture)
    looking, judging = opened._looking, opened._judging
    assert isinstance(looking, openvino.OpenVinoRunner)
    counting = Counting(looking)
    return PictureByPicture(counting, judging, "seen"), counting


def test_both_engines_answer_as_the_reference_does(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "net.onnx")
    for one in clips(3):
        expected = reference(file, one)
        assert np.ptp(expected["logits"]) > 1.0  # the answer is not a constant
        for engine in (openvino, ort):
            answer = engine.open_runner(file, PICTURES, threads=1).run(one)
            assert set(answer) >= set(expected)
            for name, values in expected.items():
                assert answer[name].shape == values.shape
            assert answer["logits"] == pytest.approx(expected["logits"], abs=0.05)


def test_two_halves_answer_bit_for_bit_as_the_whole_does(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "net.onnx")
    halves = openvino.open_runner(file, PICTURES, threads=1)
    whole = openvino.open_runner(file, CLIP, threads=1)
    assert not isinstance(whole, PictureByPicture)
    assert halves.precision == whole.precision == "int8"
    for one in clips(3):
        halved, expected = halves.run(one), whole.run(one)
        for name in ("logits", "activation", "embedding"):
            np.testing.assert_array_equal(halved[name], expected[name])


def test_after_looks_at_all_but_one_picture_a_run_looks_at_one(
    network: tuple[PictureByPicture, Counting],
) -> None:
    runner, looking = network
    clip = clips()[0]
    for picture in clip[:-1]:
        runner.look(picture)
    assert looking.runs == 3
    prepared = runner.run(clip)["logits"]
    assert looking.runs == 4
    unprepared = PictureByPicture(looking, runner._judging, "seen").run(clip)["logits"]
    np.testing.assert_array_equal(prepared, unprepared)


def test_one_pixel_makes_another_picture(network: tuple[PictureByPicture, Counting]) -> None:
    runner, looking = network
    clip = clips()[0]
    before = runner.run(clip)["logits"]
    clip[2, 8, 8] ^= 0xFF
    after = runner.run(clip)["logits"]
    assert looking.runs == 5
    assert np.abs(after - before).max() > 0.0


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(
    network: tuple[PictureByPicture, Counting],
) -> None:
    runner, looking = network
    pictures = clips(KEPT).reshape(-1, 16, 16)[: KEPT + 1]
    for picture in pictures:
        runner.look(picture)
    runner.look(pictures[1])
    assert looking.runs == KEPT + 1
    runner.look(pictures[0])
    assert looking.runs == KEPT + 2


def test_a_name_that_is_no_tensor_is_refused_with_the_name(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "net.onnx")
    wrong = PICTURES.model_copy(update={"seen": "unseen"})
    with pytest.raises(BundleError, match=r"net\.onnx: has no tensor 'unseen'"):
        openvino.open_runner(file, wrong, threads=1)


def test_tensors_in_the_wrong_order_are_refused_with_the_cure(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "net.onnx")
    wrong = PICTURES.model_copy(update={"pictures": "seen", "seen": "pictures"})
    with pytest.raises(BundleError, match="leave them out of the passport to run it whole"):
        openvino.open_runner(file, wrong, threads=1)
