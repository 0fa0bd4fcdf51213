"""Parts on disk are the parts that were simulated; splits share nothing."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from models import dataset, train
from models.dataset import SPLITS, Parts
from models.detectors import CAMERA, DESIGNS, VIBRATION
from sensors.picture import picture
from sensors.simulator.cause import HYPOTHESES
from sensors.simulator.part import simulate_part

pytestmark = pytest.mark.workshop


def test_splits_share_neither_seed_nor_station() -> None:
    later = (
        dataset.GOLDEN,
        dataset.COMPARISON,
        dataset.MONITOR,
        dataset.TUNING,
        dataset.CERTIFYING,
    )
    for one, other in combinations((*SPLITS, *later), 2):
        assert one.seed != other.seed
        stations = [set(range(s.first_station, s.first_station + s.stations)) for s in (one, other)]
        assert not stations[0] & stations[1]


def test_parts_that_thresholds_are_chosen_and_tested_on_have_a_station_each() -> None:
    for split in (dataset.TUNING, dataset.CERTIFYING):
        stations = {split.place(index)[0] for index in range(20_000)}
        assert len(stations) == 20_000


def test_a_split_never_gives_the_same_part_twice() -> None:
    places = [SPLITS[0].place(index) for index in range(5_000)]
    assert len(set(places)) == len(places)


def test_stored_parts_are_the_simulated_ones(tmp_path: Path) -> None:
    dataset.simulate(tmp_path, {"test": 3}, jobs=1)
    split = next(one for one in SPLITS if one.name == "test")
    truth = list(dataset.parts(split, 0, 3))
    for name in DESIGNS:
        stored = dataset.load(tmp_path, "test", name)
        for row, part in enumerate(truth):
            assert HYPOTHESES[stored.hypothesis[row]] == part.cause.hypothesis
            expected = dataset.network_inputs(part)[name]
            np.testing.assert_allclose(stored.inputs[row], expected, rtol=1e-3, atol=1e-6)


def test_a_clip_takes_every_second_picture() -> None:
    part = simulate_part(5, 0, 0)
    found = dataset.clip(part, CAMERA.input)
    for row, index in enumerate(range(0, 15, 2)):
        np.testing.assert_array_equal(found[row], picture(part.frames[index], 120, 160))


def test_a_small_defect_of_an_unseen_kind_teaches_good_in_full() -> None:
    crack, inner = HYPOTHESES.index("crack"), HYPOTHESES.index("bearing_inner")
    parts = Parts(np.array([crack, inner, inner]), np.float32([0.5, 0.5, 1.2]), np.empty(0))
    np.testing.assert_array_equal(train.labels(parts, VIBRATION), [0, 3, 3])
    np.testing.assert_array_equal(train.weights(parts, VIBRATION), [1.0, 0.0, 1.0])


@pytest.mark.parametrize("name", list(DESIGNS))
def test_every_class_is_taught_by_some_hypothesis(name: str) -> None:
    design = DESIGNS[name]
    assert {design.label(one) for one in HYPOTHESES} == set(range(len(design.classes)))
