"""The frame of discernment."""

import pytest

from edge.fusion.frame import Frame

MOTOR = Frame(("ok", "scratch", "crack"))


def test_a_set_is_one_bit_a_hypothesis_in_the_frames_order() -> None:
    assert MOTOR.mask(["ok"]) == 0b001
    assert MOTOR.mask(["crack", "ok"]) == 0b101
    assert MOTOR.everything == 0b111
    assert MOTOR.mask([]) == 0


def test_names_come_back_in_the_frames_order() -> None:
    assert MOTOR.names(MOTOR.mask(["crack", "scratch"])) == ("scratch", "crack")
    assert MOTOR.label(0b110) == "scratch|crack"
    assert MOTOR.label(0) == "∅"


def test_a_label_names_the_set_it_was_written_of() -> None:
    for mask in range(8):
        assert MOTOR.subset(MOTOR.label(mask)) == mask
    assert MOTOR.subset("crack|ok") == 0b101


@pytest.mark.parametrize("label", ["", "ok|", "ok|dent", "ok crack"])
def test_a_label_of_no_set_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="not among the hypotheses ok, scratch, crack"):
        MOTOR.subset(label)


def test_sixteen_hypotheses_are_taken() -> None:
    assert Frame(tuple(f"h{i}" for i in range(16))).everything == 0xFFFF


def test_an_unknown_hypothesis_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'dent' is not among the hypotheses ok, scratch, crack"):
        MOTOR.mask(["ok", "dent"])


@pytest.mark.parametrize("mask", [8, -1])
def test_a_set_of_another_frame_is_refused(mask: int) -> None:
    with pytest.raises(ValueError, match="foreign"):
        MOTOR.names(mask)


@pytest.mark.parametrize(
    "hypotheses",
    [(), tuple(f"h{i}" for i in range(17)), ("ok", "ok"), ("ok", "a|b"), ("ok", ""), ("ok", "∅")],
)
def test_a_frame_that_could_be_misread_is_refused(hypotheses: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="hypothes"):
        Frame(hypotheses)
