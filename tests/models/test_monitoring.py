"""What the health monitors learn, and that they know a fault when they see one."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from edge.bundle import Bundle, load
from edge.monitor import Familiar, Typical
from models.__main__ import WATCHED
from models.dataset import MONITOR, network_inputs
from models.monitor import learn, recognised
from models.monitor.faults import FAULTS
from models.monitor.learn import Learnt, bands, shrunk, statistics, write
from models.monitor.observed import Observed, observe
from models.monitor.recognised import Row, auroc
from models.monitor.windows import windows
from sensors.simulator.part import simulate_part

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"
SEED = 990_018  # of no split


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load(FOLDER)


def test_windows_are_what_the_networks_were_taught_on() -> None:
    part = simulate_part(SEED, 3, 1)
    cut = windows(part)
    for name, expected in network_inputs(part).items():
        np.testing.assert_array_equal(cut[name].data, expected)
        assert cut[name].quality.coverage == 1.0
        assert cut[name].quality.skew_ms == 0.0


def test_a_part_too_short_for_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="fills no window"):
        windows(simulate_part(SEED, 3, 1, duration_s=0.3))


def test_the_covariance_is_shrunk_as_far_as_ledoit_and_wolf_have_it() -> None:
    """By hand: S = diag(.5, 2), d^2 = 1.125, b^2 = (2 4.25 + 2 4.25) / 16 = 1.0625."""
    found = shrunk(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]))
    share = 1.0625 / 1.125
    expected = share * 1.25 + (1 - share) * np.array([0.5, 2.0])
    np.testing.assert_allclose(found, np.diag(expected))


def test_with_many_windows_nothing_is_shrunk() -> None:
    true = np.array([[2.0, 0.7], [0.7, 0.5]])
    drawn = np.random.default_rng(3).multivariate_normal([0, 0], true, 100_000)
    np.testing.assert_allclose(shrunk(drawn), true, atol=0.03)


def seen(embedding: np.ndarray, answer: np.ndarray) -> Observed:
    logits = np.eye(2)[answer]
    return Observed(logits, embedding, {"energy": np.zeros(len(answer))})


def test_distances_are_those_of_the_true_covariance_in_units_of_the_farthest_window() -> None:
    """Two classes with one covariance; chi-squared with 3 degrees of freedom has mean 3."""
    rng = np.random.default_rng(4)
    mix = rng.standard_normal((3, 3))
    answer = rng.integers(0, 2, 20_000)
    centres = np.array([[0.0, 0.0, 0.0], [30.0, -20.0, 10.0]])
    embedding = centres[answer] + rng.standard_normal((20_000, 3)) @ mix.T
    familiar = statistics(seen(embedding[::2], answer[::2]), seen(embedding[1::2], answer[1::2]))
    precision = np.linalg.inv(mix @ mix.T)
    for one, said in zip(embedding[:50], answer[:50], strict=True):
        away = one - centres[said]
        found = familiar.distance(one.astype(np.float32), int(said)) * familiar.radii[said]
        assert found == pytest.approx(np.sqrt(away @ precision @ away), rel=0.05, abs=0.05)
    values = learn.everything(seen(embedding[1::2], answer[1::2]), familiar)["distance"]
    assert values.max() == pytest.approx(1.0, rel=1e-4)


def test_a_class_that_nobody_answered_has_no_statistics() -> None:
    embedding = np.random.default_rng(5).standard_normal((50, 3))
    some = seen(embedding, np.zeros(50, np.int64))
    with pytest.raises(ValueError, match="answered 0 times"):
        statistics(some, some)


def test_limits_lie_a_little_beyond_the_most_extreme_window() -> None:
    """Levels by their logarithm: median 1, from 1/2 to 4; distances have no lower limit."""
    found = bands({"level": np.array([0.5, 1.0, 1.0, 4.0]), "distance": np.array([0.2, 0.4, 1.0])})
    level, distance = found["level"], found["distance"]
    assert level.low == pytest.approx(0.5**1.15, rel=1e-4)
    assert level.low_sick == pytest.approx(0.5**1.725, rel=1e-4)
    assert level.high == pytest.approx(4.0**1.15, rel=1e-4)
    assert (distance.low, distance.low_sick) == (None, None)
    assert distance.high == pytest.approx(0.4 + 1.15 * 0.6)
    assert distance.high_sick == pytest.approx(0.4 + 1.725 * 0.6)


def test_what_was_learnt_is_in_the_bundle_with_its_hash_and_nothing_else_changed(
    shipped: Bundle, tmp_path: Path
) -> None:
    copy = load(Path(shutil.copytree(FOLDER, tmp_path / "motor")))
    limits = bands({"energy": np.array([-3.0, -2.0, -1.0]), "distance": np.array([0.1, 0.2, 1.0])})
    familiar = Familiar(
        np.zeros((4, 2), np.float32), np.ones(4, np.float32), np.eye(2, dtype=np.float32)
    )
    middle = Typical(np.ones(4, np.float32), np.zeros(2, np.float32), {"level": 0.5})
    learnt = {n: Learnt(familiar, limits, middle, 1000, 1) for n in copy.manifest.detectors}
    write(learnt, copy, "9.9.9")
    again = load(copy.folder)
    assert again.manifest.version == "9.9.9"
    assert again.manifest.thresholds == shipped.manifest.thresholds
    for name, one in again.manifest.detectors.items():
        assert one.monitor == limits
        before = shipped.manifest.detectors[name].model_copy(update={"monitor": limits})
        assert one == before
        assert again.familiar[name].distance(np.array([3.0, 4.0]), 2) == 5.0
        np.testing.assert_array_equal(again.typical[name].logits, np.ones(4))
        assert again.typical[name].measured == {"level": 0.5}
        assert again.manifest.origin.metrics[f"{name}_healthy_doubted"] == 0.001
        # Clopper & Pearson 1934, 1 of 1000 at 95 %: 0.0025 % to 0.556 %
        assert again.manifest.origin.metrics[f"{name}_healthy_doubted_high"] == pytest.approx(
            0.00556, abs=1e-5
        )


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    """Of (1, 2, 3) against (2.5, 4): five of six pairs; ties count half."""
    assert auroc(np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0])) == pytest.approx(5 / 6)
    assert auroc(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5


# --- the shipped bundle --------------------------------------------------------------------------


def test_the_shipped_bundle_watches_every_sensor(shipped: Bundle) -> None:
    for name, one in shipped.manifest.detectors.items():
        expected = {"energy", "distance"}
        is_camera = one.input.kind == "clip"
        expected |= {"sharpness", "brightness"} if is_camera else {"level", "floor", "whiteness"}
        assert set(one.monitor) == expected
        assert name in shipped.familiar


@pytest.fixture(scope="module")
def rows(shipped: Bundle) -> dict[tuple[str, str], Row]:
    """Every fault, on two parts of stations that no limit was learnt on."""
    asked = recognised._ask((shipped.folder, 500, 2))
    return {(row.sense, row.fault): row for row in recognised.judge(asked, shipped)}


def test_healthy_windows_are_believed_wholly(rows: dict[tuple[str, str], Row]) -> None:
    """One in a thousand is not: six of six are with a chance of 99.4 %."""
    for sense in ("camera", "vibration", "audio"):
        assert rows[sense, "none"].doubted == 0


@pytest.mark.parametrize(
    ("sense", "fault"),
    [
        ("camera", "blurred, 3 px"),
        ("camera", "light x 0.25"),
        ("camera", "light x 3"),
        ("camera", "lens covered"),
        ("camera", "fixture empty"),
        ("vibration", "unplugged, noise of 0.001 m/s2"),
        ("vibration", "nothing but 50 Hz hum, 3 m/s2"),
        ("vibration", "nothing turns"),
        ("audio", "unplugged, noise of 0.0001 Pa"),
        ("audio", "nothing but 50 Hz hum, 0.03 Pa"),
    ],
)
def test_a_gross_fault_makes_a_sick_sensor_and_no_part_passes(
    rows: dict[tuple[str, str], Row], sense: str, fault: str
) -> None:
    row = rows[sense, fault]
    assert (row.sick, row.passed) == (row.windows, 0)


def test_every_fault_has_a_row_of_its_own(rows: dict[tuple[str, str], Row]) -> None:
    assert len(rows) == len(FAULTS) + 3


def test_parts_of_the_study_are_of_stations_that_nothing_was_learnt_on() -> None:
    assert recognised.FIRST > WATCHED
    assert MONITOR.stations >= recognised.FIRST + 1_000


def test_what_the_networks_answer_is_kept_with_what_was_measured(shipped: Bundle) -> None:
    part = simulate_part(SEED, 4, 1)
    found = observe(iter([(0, windows(part))]), shipped)
    assert found.of["camera"].embedding.shape == (1, 96)
    assert found.of["vibration"].logits.shape == (1, 4)
    level = float(np.sqrt(part.vibration[:, :12_800].var(axis=1).min()))
    assert found.of["vibration"].measured["level"][0] == pytest.approx(level, rel=1e-4)
