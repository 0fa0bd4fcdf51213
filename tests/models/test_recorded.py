"""Thresholds may be set on a plant's own recordings, and those are known again at an acceptance."""

from pathlib import Path

import numpy as np
import pytest

from edge.accept.command import refuse_calibration
from edge.accept.labelled import read as read_set
from edge.bundle import Bundle, load
from edge.config import SHIPPED
from edge.errors import ConfigError
from edge.judge import hear
from edge.rejudge import Judge
from models.calibration import recorded
from models.calibration.evidence import collect
from models.calibration.parts import asked
from sensors.recording import read_parts
from sensors.simulator.labelled import SetOrder, make

pytestmark = pytest.mark.workshop


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(SHIPPED / "motor")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three parts shown once, and one more that was clamped twice."""
    folder = tmp_path_factory.mktemp("sets") / "set"
    make(folder, SetOrder(sample=3, study=1, trials=2, stations=1, seed=42), jobs=1)
    return folder


def test_each_physical_part_counts_once(bundle: Bundle, simulated: Path) -> None:
    assert len(read_set(simulated, bundle.manifest.hypotheses, "ok").labels) == 5
    assert len(recorded.read(simulated, bundle)) == 4


def test_recordings_are_heard_as_replay_hears_them(
    bundle: Bundle, simulated: Path, tmp_path: Path
) -> None:
    source = recorded.read(simulated, bundle)
    found = collect(bundle, "openvino", source, len(source), kept=tmp_path, jobs=1)
    row = source.rows[0]
    judge = Judge(row.described, bundle, "openvino")
    first = judge.again(next(read_parts(row.recording)), None).judged
    for name in bundle.manifest.detectors:
        assert found.reliability[name][0] == first.reports[name].reliability
    networks = asked(bundle, "openvino")
    for place, part in enumerate(source.answered(0, 2, networks)):
        for answer in part.answers:
            kept = found.heard(place, answer.sensor, bundle.manifest)
            assert dict(kept.mass.items()) == pytest.approx(dict(hear(answer, bundle).mass.items()))
    assert found.severity.tolist() == [row.truth.severity for row in source.rows]
    assert np.all(found.hypothesis[found.severity == 0.0] == 0)


def test_parts_that_choose_do_not_test(bundle: Bundle, simulated: Path) -> None:
    one = recorded.read(simulated, bundle)
    with pytest.raises(ConfigError, match="4 recorded part"):
        recorded.check_disjoint(one, one)


def test_an_acceptance_refuses_the_parts_that_calibrated(bundle: Bundle, simulated: Path) -> None:
    source, certificate = recorded.read(simulated, bundle), bundle.manifest.certificate
    assert certificate is not None
    parts = read_set(simulated, bundle.manifest.hypotheses, "ok")
    refuse_calibration(bundle, parts)  # simulated ones calibrated the shipped bundle
    for key in ("data", "tuning"):
        own = certificate.model_copy(update={key: source.describe(len(source))})
        changed = bundle.manifest.model_copy(update={"certificate": own})
        with pytest.raises(ConfigError, match="these parts calibrated"):
            refuse_calibration(Bundle(bundle.folder, changed, bundle.sha256), parts)


def test_a_set_of_other_sensors_is_refused(bundle: Bundle, simulated: Path) -> None:
    less = bundle.manifest.model_copy(
        update={"detectors": {k: v for k, v in bundle.manifest.detectors.items() if k != "audio"}}
    )
    with pytest.raises(ConfigError, match=r"has 3 sensors, .* has 2 detectors"):
        recorded.read(simulated, Bundle(bundle.folder, less, bundle.sha256))
