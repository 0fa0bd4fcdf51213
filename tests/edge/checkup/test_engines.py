"""Real engines, asked a question whose answer is known beforehand."""

from dataclasses import replace

import numpy as np
import onnx
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
)
from edge.checkup.finding import State
from edge.config import SHIPPED


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
