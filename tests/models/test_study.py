"""The comparison decides as the appliance does, and is fair to every method."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edge.bundle import Bundle, load
from edge.fusion import decision
from edge.fusion.combination import combine
from edge.fusion.evidence import excludes, statement
from edge.fusion.frame import Frame
from edge.fusion.rules import RULES
from edge.manifest import Manifest, Thresholds
from models import dataset
from models.answers import Answered, answers
from models.dataset import Parts
from models.study import believed, kept
from models.study.comparison import compare
from models.study.opinion import EVEN_BELIEF, Limits, Opinion, decide, open_minded, settle
from models.study.scenarios import TOGETHER, disturbed, scenarios
from sensors.simulator.cause import HYPOTHESES

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"
DETECTORS = ("camera", "vibration", "audio")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(FOLDER)


@pytest.fixture(scope="module")
def manifest(bundle: Bundle) -> Manifest:
    return bundle.manifest


def _drawn(manifest: Manifest, hypothesis: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Answers of detectors that see what they have a class for, and now and then are mistaken."""
    random = np.random.default_rng(seed)
    logits = {}
    for name, one in manifest.detectors.items():
        classes = [
            max(i for i, c in enumerate(one.classes) if HYPOTHESES[h] in c.hypotheses)
            for h in hypothesis
        ]
        shift = 5.0 * np.eye(len(one.classes))[classes]
        logits[name] = shift + 1.5 * random.standard_normal(shift.shape)
    return logits


def _answered(manifest: Manifest, good: int, defective: int, seed: int) -> Answered:
    hypothesis = np.array([0] * good + [1 + i % 7 for i in range(defective)])
    severity = np.where(hypothesis == 0, 0.0, 2.0).astype(np.float32)
    truth = Parts(hypothesis, severity, np.empty(0))
    return Answered(truth, _drawn(manifest, hypothesis, seed), {})


@pytest.mark.parametrize("missing", [None, *DETECTORS])
def test_every_verdict_is_the_one_of_the_appliance(manifest: Manifest, missing: str | None) -> None:
    frame, limits = Frame(manifest.hypotheses), Limits(0.7, 0.8, 0.6)
    row = Thresholds(ok_belief=1.0 - 0.7, defect_belief=0.8, conflict=0.6)
    logits = _answered(manifest, 60, 60, 3).int8
    logits = {name: rows for name, rows in logits.items() if name != missing}
    watched, absent = 0, []
    for name, one in manifest.detectors.items():
        rules_out = excludes(one, frame, "ok")
        if name in logits:
            watched |= rules_out
        else:
            absent.append(decision.Absence(name, True, rules_out))
    said = set()
    for rule, opinion in believed.opinions(logits, manifest).items():
        verdicts = decide(opinion, limits)
        for i in range(120):
            masses = [
                statement(rows[i], manifest.detectors[name], frame, 1.0).mass
                for name, rows in logits.items()
            ]
            fused = combine(rule, masses)
            expected = decision.decide(fused, frame, "ok", row, absent, watched=watched).decision
            said.add(expected)
            assert bool(verdicts.passed[i]) == (expected == "ok"), rule
            assert bool(verdicts.defect[i]) == (expected == "defect"), rule
    assert said == {"ok", "defect", "uncertain"}


def test_limits_fail_the_allowed_share_of_good_parts_whatever_the_method() -> None:
    random = np.random.default_rng(5)
    doubt, conflict = random.random((2, 10_000))
    nothing = np.zeros(10_000, bool)
    opinion = Opinion(doubt, random.permutation(doubt), conflict, nothing, EVEN_BELIEF)
    for gated in (True, False):
        passed = decide(opinion, settle(opinion, 0.01, gated=gated)).passed
        assert np.sum(~passed) == 100
    tied = open_minded(np.repeat([0.0, 1.0], [50, 50]))
    assert decide(tied, settle(tied, 0.01, gated=False)).passed.all()


def test_a_part_that_a_rule_cannot_answer_is_uncertain_and_fails() -> None:
    is_silent = np.arange(200) == 7
    doubt = np.where(is_silent, np.inf, np.linspace(0.0, 0.3, 200))
    opinion = Opinion(doubt, np.zeros(200), np.zeros(200), is_silent, EVEN_BELIEF)
    verdicts = decide(opinion, settle(opinion, 0.01, gated=True))
    assert verdicts.uncertain[7]
    assert np.sum(~verdicts.passed) == 2


def test_scenarios_disturb_what_they_say_and_nothing_else(manifest: Manifest) -> None:
    some = _answered(manifest, 2_000, 2_000, 6)
    is_good = some.truth.hypothesis == 0
    rows = scenarios(manifest.detectors, "ok")
    found = disturbed(rows, some.int8, is_good, seed=1)

    assert found["clean"] is some.int8
    assert set(found["audio missing"]) == {"camera", "vibration"}
    stuck = found["camera stuck"]
    assert np.all(stuck["camera"] == stuck["camera"][0])
    assert (some.int8["camera"][is_good] == stuck["camera"][0]).all(axis=1).any()
    assert stuck["audio"] is some.int8["audio"]
    noise = (found["audio noisy"]["audio"] - some.int8["audio"]) / manifest.detectors[
        "audio"
    ].temperature
    assert noise.std() == pytest.approx(4.0, rel=0.03)
    astray = found["camera and vibration err together"]
    changed = {n: (astray[n] != some.int8[n]).any(axis=1) for n in ("camera", "vibration")}
    np.testing.assert_array_equal(changed["camera"], changed["vibration"])
    assert changed["camera"].mean() == pytest.approx(TOGETHER, abs=0.02)


@pytest.fixture(scope="module")
def found(manifest: Manifest) -> kept.Kept:
    calibration, compared = _answered(manifest, 200, 70, 7), _answered(manifest, 61, 35, 8)
    return kept.Kept(calibration, compared, {}, "none")


def test_the_same_seed_gives_the_same_table_and_only_compared_parts_are_in_it(
    manifest: Manifest, found: kept.Kept
) -> None:
    first = compare(found, manifest, rate=0.02, seed=1, jobs=1)
    assert first == replace(
        compare(found, manifest, rate=0.02, seed=1, jobs=2), scenarios=first.scenarios
    )
    assert {row.escapes.trials for row in first.rows} == {35}
    assert {row.failed.trials for row in first.rows} == {61}
    methods = {row.method for row in first.rows if row.scenario == "clean"}
    assert methods >= {*RULES, "naive Bayes", "stacking", "mean", "OR", "camera alone"}
    assert not {r.method for r in first.rows if r.scenario == "audio missing"} & {"audio alone"}


def test_what_is_kept_is_read_again_and_belongs_to_its_networks(
    bundle: Bundle, found: kept.Kept, tmp_path: Path
) -> None:
    path = tmp_path / "some.answers"
    kept.save(replace(found, networks=kept.networks(bundle)), path)
    again = kept.read(path, bundle)
    np.testing.assert_array_equal(again.comparison.int8["audio"], found.comparison.int8["audio"])
    np.testing.assert_array_equal(
        again.calibration.truth.severity, found.calibration.truth.severity
    )
    kept.save(replace(found, networks={"camera.onnx": "0" * 64}), path)
    with pytest.raises(ValueError, match="other networks"):
        kept.read(path, bundle)


def test_answers_are_those_to_the_parts_of_the_splits(bundle: Bundle) -> None:
    collected = kept.collect(bundle, parts=2, jobs=1)
    for split, answered in zip(
        kept.COMPARED, (collected.calibration, collected.comparison), strict=True
    ):
        parts = list(dataset.parts(split, 0, 2))
        causes = [HYPOTHESES[one] for one in answered.truth.hypothesis]
        assert causes == [part.cause.hypothesis for part in parts]
        inputs = np.stack([dataset.network_inputs(part)["vibration"] for part in parts])
        expected = answers(FOLDER / "vibration.onnx", inputs, split.name)
        np.testing.assert_allclose(answered.int8["vibration"], expected, atol=0.1)


def test_no_station_of_the_compared_parts_is_in_another_split() -> None:
    others = [*dataset.SPLITS, dataset.GOLDEN]
    mine = dataset.COMPARISON
    for split in others:
        assert split.seed != mine.seed
        assert split.first_station + split.stations <= mine.first_station
