"""Real engines, asked a question whose answer is known beforehand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge.bundle import load
from edge.certificate import Ran
from edge.checkup.engines import (
    ANSWER,
    PROBE,
    QUESTION,
    check_engine,
    check_engines,
    check_networks,
    jetpack,
)
from edge.checkup.finding import State
from edge.config import SHIPPED
from edge.inference.runner import ENGINES, has_gpu


def test_the_probes_answer_follows_from_its_weights() -> None:
    """The same numbers by plain arithmetic on what the file holds (onnx reads it, numpy counts)."""
    graph = onnx.load_from_string(PROBE).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    quantised = np.clip(np.round(QUESTION / held["s"]), -128, 127)
    expected = (quantised * held["s"]) @ (held["W"].astype(np.float64) * held["ws"])
    np.testing.assert_allclose(ANSWER, expected)
    assert held["W"].dtype == np.int8


def test_openvino_really_answers_in_int8() -> None:
    found = check_engine("openvino", "reinstall", needed=True)
    assert found.state is State.OK
    assert "openvino 20" in found.found


def test_an_engine_that_is_not_there_is_a_problem_only_where_it_is_needed() -> None:
    assert check_engine("abacus", "buy one", needed=True).state is State.PROBLEM
    found = check_engine("abacus", "buy one", needed=False)
    assert found.state is State.WARNING
    assert "buy one" in found.cure


def test_networks_are_not_blamed_for_an_engine_that_is_not_there() -> None:
    found = check_networks(load(SHIPPED / "motor"), "abacus")
    assert [one.state for one in found] == [State.PROBLEM] * 3
    assert all("engine.name" in one.cure and "install the bundle" not in one.cure for one in found)


def test_the_boxs_own_engine_is_among_those_examined() -> None:
    assert "openvino" in {one.subject for one in check_engines()}


def test_networks_on_another_engine_than_the_certificates_are_warned_of() -> None:
    """The shipped bundle as it is, and with a certificate of an engine that this box has not."""
    one = load(SHIPPED / "motor")
    found = check_networks(one)[-1]
    assert found.subject == "certificate"
    assert (found.state is State.OK) == found.found.startswith(f"{one.label}: certified for")
    certificate = one.manifest.certificate
    assert certificate is not None
    elsewhere = {name: Ran(engine="tensorrt 11", precision="int8") for name in certificate.engines}
    changed = certificate.model_copy(update={"engines": elsewhere})
    other = replace(one, manifest=one.manifest.model_copy(update={"certificate": changed}))
    found = check_networks(other)[-1]
    assert found.state is State.WARNING
    assert "not certified on this engine" in found.found
    assert "tensorrt 11 int8 in the certificate" in found.found


@pytest.mark.parametrize(
    ("release", "is_warned"),
    [
        ("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64", True),
        ("# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64", True),
        ("# R39 (release), REVISION: 2.0, GCID: 41234567, BOARD: generic, EABI: aarch64", False),
    ],
)
def test_a_jetson_with_too_old_a_jetpack_is_told_which_to_flash(
    tmp_path: Path, release: str, is_warned: bool
) -> None:
    """L4T 36 is JetPack 6, 39 is JetPack 7.2 (NVIDIA's archive of releases)."""
    file = tmp_path / "nv_tegra_release"
    file.write_text(release + "\n")
    found = jetpack(file)
    assert [one.state for one in found] == ([State.WARNING] if is_warned else [])
    assert all("JetPack 7.2" in one.cure for one in found)
    assert jetpack(tmp_path / "no Jetson") == []


def test_engines_of_a_gpu_are_examined_only_where_there_is_one() -> None:
    examined = {one.subject for one in check_engines()}
    of_a_gpu = {row.name for row in ENGINES if row.needs_gpu and row.installed}
    assert examined & {row.name for row in ENGINES if row.needs_gpu} == (
        of_a_gpu if has_gpu() else set()
    )
