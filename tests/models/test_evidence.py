"""What a calibration rests on is what the appliance says, sees and decides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edge.bundle import Bundle, load
from edge.judge import Answer, hear, weigh
from edge.manifest import Thresholds
from models import dataset
from models.calibration.evidence import Evidence, collect
from models.calibration.parts import Answered, Simulated, asked, cut, sensors
from models.calibration.standings import decided, standings, subsets

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"
PARTS = 14
SOURCE = Simulated(dataset.CERTIFYING)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(FOLDER)


@pytest.fixture(scope="module")
def answered(bundle: Bundle) -> list[Answered]:
    """Asked here, one part after the other."""
    return list(SOURCE.answered(0, PARTS, asked(bundle, "openvino")))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heard")


@pytest.fixture(scope="module")
def evidence(bundle: Bundle, kept: Path) -> Evidence:
    """The same, asked by a process and read from the disk."""
    return collect(bundle, "openvino", SOURCE, PARTS, kept=kept, jobs=1)


def test_windows_are_cut_as_the_appliance_cuts_them(bundle: Bundle) -> None:
    """Held against the arrays of the simulator, and pictures chosen by their times."""
    part = next(dataset.parts(dataset.CERTIFYING, 3, 1))
    windows = cut(part, sensors(bundle.manifest), bundle.manifest)
    for name, expected in dataset.network_inputs(part).items():
        np.testing.assert_array_equal(windows[name].data, expected)
        assert windows[name].quality.coverage == 1.0
        assert windows[name].quality.gaps == 0


def test_what_is_kept_is_what_was_heard(
    bundle: Bundle, answered: list[Answered], evidence: Evidence
) -> None:
    manifest = bundle.manifest
    assert len(evidence) == PARTS
    for row, part in enumerate(answered):
        assert manifest.hypotheses[evidence.hypothesis[row]] == part.truth.hypothesis
        assert evidence.severity[row] == part.truth.severity
        for sensor, answer in zip(sensors(manifest), part.answers, strict=True):
            fresh, again = hear(answer, bundle), evidence.heard(row, sensor, manifest)
            assert dict(again.mass.items()) == pytest.approx(dict(fresh.mass.items()), abs=1e-15)
            assert again.report.reliability == fresh.report.reliability


def test_every_standing_is_decided_as_the_appliance_would_without_the_other_sensors(
    bundle: Bundle, answered: list[Answered], evidence: Evidence
) -> None:
    seen = set()
    for names in subsets(bundle.manifest):
        for limits in (Thresholds(ok_belief=0.3, defect_belief=0.7, conflict=0.6),
                       Thresholds(ok_belief=0.97, defect_belief=0.99, conflict=0.02)):  # fmt: skip
            manifest = bundle.manifest.model_copy(update={"thresholds": (limits,)})
            one = replace(bundle, manifest=manifest)
            said = standings(evidence, one, names).said(limits)
            for row, part in enumerate(answered):
                present = [
                    a if a.sensor.input in names else Answer(a.sensor, "silent", "not there")
                    for a in part.answers
                ]
                expected = weigh([hear(a, one) for a in present], one).decided.decision
                seen.add(expected)
                assert said.passed[row] == (expected == "ok"), (names, row)
                assert said.rejected[row] == (expected == "defect"), (names, row)
    assert seen == {"ok", "defect", "uncertain"}


def test_all_sensors_asked_decide_as_the_appliance_does_in_words(
    bundle: Bundle, answered: list[Answered], evidence: Evidence
) -> None:
    fresh = [weigh([hear(a, bundle) for a in p.answers], bundle).decided for p in answered]
    assert decided(evidence, bundle) == fresh


def test_a_defect_that_no_working_sensor_can_see_is_not_counted_but_stated(
    bundle: Bundle, evidence: Evidence
) -> None:
    """The camera alone can rule out scratches and cracks: its "good" allows all the others."""
    some = standings(evidence, bundle, ("camera",))
    assert set(some.unasked) == set(bundle.manifest.hypotheses[1:]) - {"scratch", "crack"}
    truth = np.array(bundle.manifest.hypotheses)[evidence.hypothesis]
    is_reject = (truth != "ok") & (evidence.severity >= 1.0)
    sees = np.isin(truth, ["scratch", "crack"])
    np.testing.assert_array_equal(some.is_counted, is_reject & sees)
    np.testing.assert_array_equal(some.is_unasked, is_reject & ~sees)
    assert some.is_counted.any()
    assert some.is_unasked.any()


def test_a_part_on_which_a_sensor_was_too_sick_belongs_to_a_smaller_set(
    bundle: Bundle, evidence: Evidence
) -> None:
    reliability = {**evidence.reliability, "audio": evidence.reliability["audio"].copy()}
    reliability["audio"][:5] = 0.0
    sick = replace(evidence, reliability=reliability)
    every = tuple(bundle.manifest.detectors)
    assert standings(sick, bundle, every).passing.size == PARTS - 5
    assert standings(sick, bundle, ("camera", "vibration")).passing.size == PARTS


def test_what_was_asked_before_is_not_asked_again(
    bundle: Bundle, evidence: Evidence, kept: Path
) -> None:
    files = {file: file.stat().st_mtime_ns for file in kept.rglob("*.npz")}
    again = collect(bundle, "openvino", SOURCE, PARTS, kept=kept, jobs=1)
    assert {file: file.stat().st_mtime_ns for file in kept.rglob("*.npz")} == files
    assert again.sha256 == evidence.sha256
    np.testing.assert_array_equal(again.mass["camera"], evidence.mass["camera"])
