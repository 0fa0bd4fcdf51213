"""The bundle in the repository: whole, the same on both engines, and worth its name."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")

from edge.build.decisions import decisions, golden_parts  # noqa: E402
from edge.bundle import Bundle, load  # noqa: E402
from edge.checkup.box import CPU_INFO, int8_sums  # noqa: E402
from edge.fusion.decision import Decided  # noqa: E402
from edge.inference import golden, openvino, ort, proved  # noqa: E402
from models import evaluate  # noqa: E402
from models.dataset import network_inputs  # noqa: E402
from models.detectors import DESIGNS  # noqa: E402
from sensors.simulator.cause import HYPOTHESES, Cause  # noqa: E402
from sensors.simulator.part import simulate_part  # noqa: E402

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"
SEED = 990_017  # of no split
GOOD_PARTS = 24
PARTS_A_DEFECT = 4
SEVERITY = 1.5  # times the reject limit
SAME = 0.02  # of the span of the golden logits: how far honest engines may be from each other


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load(FOLDER)


def test_it_is_what_the_workshop_would_make(shipped: Bundle) -> None:
    assert shipped.manifest.hypotheses == HYPOTHESES
    assert set(shipped.manifest.detectors) == set(DESIGNS)
    for name, one in shipped.manifest.detectors.items():
        assert one.input == DESIGNS[name].input
        assert {c.name: c.hypotheses for c in one.classes} == DESIGNS[name].classes
        assert sum(c.prior for c in one.classes) == pytest.approx(1.0, abs=1e-4)


def test_it_is_a_few_megabytes(shipped: Bundle) -> None:
    assert sum(one.stat().st_size for one in FOLDER.iterdir()) < 5_000_000


@pytest.mark.parametrize("name", list(DESIGNS))
def test_its_golden_data_hold_on_openvino_in_int8_where_processors_can(
    shipped: Bundle, name: str
) -> None:
    runner = proved.load(shipped, name, openvino.open_runner, threads=1)
    runner.check_golden()
    has_int8 = int8_sums(CPU_INFO.read_text())
    assert runner.runner.precision == "int8" or not has_int8


@pytest.mark.parametrize("name", list(DESIGNS))
def test_openvino_and_onnx_runtime_agree_on_its_golden_inputs(shipped: Bundle, name: str) -> None:
    passport = shipped.manifest.detectors[name]
    session = onnxruntime.InferenceSession(
        str(FOLDER / passport.file), providers=["CPUExecutionProvider"]
    )
    known = golden.read(shipped, name)
    assert known is not None
    span = float(np.ptp(known.logits))
    for values, expected in zip(known.inputs, known.logits, strict=True):
        (found,) = session.run([passport.logits], {passport.input.name: values[None]})
        assert np.abs(found[0] - expected).max() < SAME * span
        assert found[0].argmax() == expected.argmax()


def test_golden_parts_stand_near_the_thresholds_and_are_what_the_passport_says(
    shipped: Bundle,
) -> None:
    """Four of each decision are so near that logits which are off by what is allowed change some:
    an engine at that limit would be found out by its decisions."""
    comparison, parts = shipped.manifest.comparison, golden_parts(shipped)
    said = decisions(shipped, {name: one.logits for name, one in parts.items()})
    assert [defect or decision for decision, defect in said] == list(comparison.decided)
    assert min(Counter(decision for decision, _ in said).values()) >= 4
    rng, found_out = np.random.default_rng(1), 0
    for _ in range(20):
        off = {
            name: one.logits
            + comparison.logits * np.ptp(one.logits) * rng.choice([-1.0, 1.0], one.logits.shape)
            for name, one in parts.items()
        }
        found_out += decisions(shipped, off) != said
    assert found_out == 20


def test_golden_parts_are_decided_alike_by_engines_that_calculate_honestly(
    shipped: Bundle,
) -> None:
    """ONNX Runtime is another program with other kernels; not one decision may differ."""
    parts = golden_parts(shipped)
    known = {name: one.logits for name, one in parts.items()}
    said = decisions(shipped, known)
    for name, one in parts.items():
        passport = shipped.manifest.detectors[name]
        runner = ort.open_runner(FOLDER / passport.file, passport.input, threads=1)
        logits = np.stack([runner.run(window)["logits"] for window in one.inputs])
        assert decisions(shipped, known | {name: logits}) == said


def test_it_takes_any_number_of_windows(shipped: Bundle) -> None:
    for name, one in golden_parts(shipped).items():
        passport = shipped.manifest.detectors[name]
        session = onnxruntime.InferenceSession(
            str(FOLDER / passport.file), providers=["CPUExecutionProvider"]
        )
        (found,) = session.run([passport.logits], {passport.input.name: one.inputs[:3]})
        assert np.abs(found - one.logits[:3]).max() < SAME * np.ptp(one.logits)


@pytest.fixture(scope="module")
def judged(shipped: Bundle) -> list[tuple[Cause, Decided]]:
    """Fresh parts of stations and seeds that no split has, judged as the appliance would."""
    causes = [Cause("ok", 0.0)] * GOOD_PARTS
    causes += [Cause(one, SEVERITY) for one in HYPOTHESES[1:] for _ in range(PARTS_A_DEFECT)]
    runners = {
        name: proved.load(shipped, name, openvino.open_runner, threads=1) for name in DESIGNS
    }
    logits: dict[str, list[np.ndarray]] = {name: [] for name in DESIGNS}
    for index, cause in enumerate(causes):
        part = simulate_part(SEED, index % 6, index, cause=cause)
        for name, values in network_inputs(part).items():
            logits[name].append(runners[name].runner.run(values)["logits"])
    stacked = {name: np.array(rows, np.float64) for name, rows in logits.items()}
    return list(zip(causes, evaluate.verdicts(stacked, shipped.manifest), strict=True))


def test_nearly_all_fresh_good_parts_pass(judged: list[tuple[Cause, Decided]]) -> None:
    """Of the certifying parts 1 in 100 did not pass: 5 of 24 happen once in 200,000 runs."""
    passed = [one.decision == "ok" for cause, one in judged if cause.hypothesis == "ok"]
    assert sum(passed) >= GOOD_PARTS - 4


def test_hardly_any_fresh_defect_escapes(judged: list[tuple[Cause, Decided]]) -> None:
    """Of 28 defects at 1.5 times the limit at most 2 may pass: a coin does that once in 600,000."""
    escaped = [(c, d) for c, d in judged if c.hypothesis != "ok" and d.decision == "ok"]
    assert len(escaped) <= 2, escaped


def test_most_fresh_defects_are_named_rightly(judged: list[tuple[Cause, Decided]]) -> None:
    """20 of 28: guessing among seven names reaches that once in 10^11."""
    right = [d.defect == c.hypothesis for c, d in judged if c.hypothesis != "ok"]
    assert sum(right) >= 20


def test_the_shipped_networks_name_no_file_of_the_machine_that_made_them() -> None:
    networks = list((Path(__file__).parents[2] / "edge" / "bundles" / "motor").glob("*.onnx"))
    assert len(networks) == 3
    for file in networks:
        assert b'File "' not in file.read_bytes(), file.name
