"""From evidence to a bundle that carries its promise; and what is said when parts are too few."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from rich.console import Console

from edge.bundle import Bundle, load
from edge.certificate import Ran, standing
from edge.fusion.evidence import statement
from edge.fusion.frame import Frame
from models.calibration import report
from models.calibration.evidence import Evidence, focal_sets
from models.calibration.step import Calibration, Wanted, calibrate, write

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"
ENGINE = Ran(engine="drawn 1.0", precision="int8")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(FOLDER)


def drawn(bundle: Bundle, parts: int, seed: int) -> Evidence:
    """What sensors say that see what they have a class for, a little blurred; half are good."""
    random = np.random.default_rng(seed)
    manifest = bundle.manifest
    frame, hypotheses = Frame(manifest.hypotheses), manifest.hypotheses
    truth = np.where(random.random(parts) < 0.5, 0, random.integers(1, len(hypotheses), parts))
    mass = {}
    for name, detector in manifest.detectors.items():
        sets = focal_sets(manifest, name)
        rows = np.empty((parts, len(sets)))
        for row, hypothesis in enumerate(truth.tolist()):
            fits = [hypotheses[hypothesis] in one.hypotheses for one in detector.classes]
            seen = np.eye(len(fits))[max(np.flatnonzero(fits))]
            logits = 9.0 * seen + random.standard_normal(len(fits))
            said = statement(logits, detector, frame, 1.0).mass
            rows[row] = [said[one] for one in sets]
        mass[name] = rows
    sound = {name: np.ones(parts) for name in mass}
    foreign = {name: np.zeros(parts, bool) for name in mass}
    severity = np.where(truth == 0, 0.0, 2.0)
    return Evidence(truth, severity, mass, sound, foreign, dict.fromkeys(mass, ENGINE), "0" * 64)


def calibrated(bundle: Bundle, parts: int, wanted: Wanted | None = None) -> Calibration:
    tuning, certifying = drawn(bundle, 400, 1), drawn(bundle, parts, 2)
    chosen = wanted or Wanted()
    return calibrate(bundle, tuning, certifying, chosen, described=("some", "others"))


@pytest.fixture(scope="module")
def found(bundle: Bundle) -> Calibration:
    """1,200 parts, of which some 600 have a defect; a seventh of these is of each kind."""
    return calibrated(bundle, 1_200)


def test_a_set_is_promised_where_its_defects_are_as_many_as_the_table_asks(
    found: Calibration,
) -> None:
    """427 without an escape: all sensors see 7 of 7 kinds, camera and vibration 5, one fewer."""
    certificate = found.manifest.certificate
    assert certificate is not None
    promised = {frozenset(one.sensors) for one in certificate.promises}
    assert frozenset(found.manifest.detectors) in promised
    for row in found.rows:
        counts = row.outcome.chosen.counts
        assert row.outcome.is_certified == (frozenset(row.names) in promised)
        assert row.outcome.is_certified or counts.defects < 427 or int(counts.escapes) > 0
        assert not row.outcome.is_certified or counts.defects >= 427
    alone = next(row for row in found.rows if row.names == ("camera",))
    assert not alone.outcome.is_certified


def test_a_promise_without_the_camera_states_what_is_not_excluded(found: Calibration) -> None:
    """Two of seven equally common kinds can be ruled out by the camera alone."""
    row = next(one for one in found.rows if set(one.names) == {"vibration", "audio"})
    assert row.parts.unasked == ("scratch", "crack")
    unseen = row.parts.is_unasked.sum() / (row.parts.is_unasked | row.parts.is_counted).sum()
    assert unseen == pytest.approx(2 / 7, abs=0.06)  # three standard deviations of 600


def test_the_bundle_is_written_with_rows_for_every_set_and_covers_its_own_engine(
    bundle: Bundle, found: Calibration, tmp_path: Path
) -> None:
    folder = tmp_path / "motor"
    shutil.copytree(bundle.folder, folder)
    write(found.manifest, folder)
    manifest = load(folder).manifest
    rows = {row.sensors and frozenset(row.sensors) for row in manifest.thresholds}
    assert len(rows) == 8  # seven sets, and every other case
    at_work = [(name, ENGINE) for name in manifest.detectors]
    assert standing(manifest.certificate, manifest.vouched_sha256, at_work).is_certified
    other = [(name, Ran(engine="drawn 1.1", precision="int8")) for name in manifest.detectors]
    assert not standing(manifest.certificate, manifest.vouched_sha256, other).is_certified


def test_with_too_few_parts_thresholds_are_written_and_the_missing_are_named(
    bundle: Bundle, tmp_path: Path
) -> None:
    few = calibrated(bundle, 100)
    assert few.manifest.certificate is None
    assert len(few.manifest.thresholds) == 8
    lines = list(report.missing(few))
    assert len(lines) == 7
    counted = few.rows[0].outcome.chosen.counts.defects
    assert f"at least {427 - counted} more are needed" in lines[0]
    report.save(few, tmp_path / "report.json")
    rows = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert rows[0]["defects_missing"] == 427 - counted
    printed = io.StringIO()
    report.show(few, Console(width=200, file=printed))
    assert f"0 of {counted}" in printed.getvalue()
    assert all(line in printed.getvalue() for line in lines)


@pytest.mark.parametrize(("rate", "confidence"), [(0.0, 0.95), (0.007, 0.5), (0.007, 1.0)])
def test_a_promise_that_is_none_is_refused(rate: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="expected a rate between 0 and 1"):
        Wanted(rate, confidence)
