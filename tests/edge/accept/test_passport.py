"""Certificates of whatever form: what they were made on, and the data they name."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import BaseModel

from edge import bundle, config
from edge.accept.passport import calibration_hashes, certified
from edge.manifest import Manifest

SHA = "ab" * 32
HERE = "openvino 2026.4.1 cpu int8"


class AnyForm(BaseModel):
    """A certificate with a row a subset, as a later schema may have it."""

    escape_rate: float = 0.007
    data: str = f"cell1 {SHA}"
    engines: dict[str, dict[str, str]]
    promises: list[dict[str, Any]] = [{"sensors": ["camera", "audio"], "defects": 700}]


def manifest(engine: str) -> Manifest:
    form = AnyForm(engines={"camera": {"engine": engine, "precision": "int8"}})
    return cast(Manifest, SimpleNamespace(certificate=form))


@pytest.mark.parametrize(
    ("engine", "covers"), [("openvino 2026.4.1 cpu", True), ("onnxruntime 1.27 cpu", False)]
)
def test_a_certificate_covers_the_engine_that_it_names(engine: str, covers: bool) -> None:
    found = certified(manifest(engine), [HERE])
    assert found.covers is covers
    assert ("not certified on this engine" in found.words) is not covers
    assert found.facts["escape_rate"] == "0.007"
    assert found.rows == ({"sensors": "camera, audio", "defects": "700"},)


def test_data_hashes_are_found_wherever_they_stand() -> None:
    assert calibration_hashes(manifest("any")) == {SHA}


def test_without_a_certificate_nothing_is_promised() -> None:
    one = bundle.load(config.SHIPPED / "motor").manifest.model_copy(update={"certificate": None})
    assert calibration_hashes(one) == frozenset()
    found = certified(one, [HERE])
    assert found.covers is None
    assert "no certificate" in found.words
