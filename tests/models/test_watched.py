"""Several windows of simulated parts, by the shipped networks: a scratch that one shows stays."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from edge.bundle import Bundle, load
from models.dataset import network_inputs
from models.study import watched, windows
from models.study.kept import runners
from models.study.watched import BEFORE, OFFSETS_S, Kept, window
from models.study.windows import Row, agreement, compare
from sensors.simulator.cause import HYPOTHESES, OK, Cause
from sensors.simulator.part import simulate_part

pytestmark = pytest.mark.workshop

FOLDER = Path(__file__).parents[2] / "edge" / "bundles" / "motor"
CHOSEN, WHOLE_CAUTIOUS = "sightings, cautious", "cautious, conflict divided out"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(FOLDER)


def rows(kept: Kept, bundle: Bundle) -> dict[tuple[str, str], Row]:
    return {(row.windows, row.way): row for row in compare(kept, bundle.manifest)}


def test_the_first_window_is_what_the_detectors_were_taught_on(bundle: Bundle) -> None:
    part = simulate_part(707, 1120, 0, duration_s=0.55)
    taught = network_inputs(part)
    for name, detector in bundle.manifest.detectors.items():
        np.testing.assert_array_equal(window(part, detector, 0.0), taught[name])


def test_a_later_window_holds_later_samples(bundle: Bundle) -> None:
    part = simulate_part(707, 1120, 0, duration_s=0.8)
    audio = bundle.manifest.detectors["audio"]
    np.testing.assert_array_equal(window(part, audio, 0.25)[0], part.sound[4000:12_000])
    clip = window(part, bundle.manifest.detectors["camera"], 0.25)
    assert clip.shape == (8, 120, 160)
    assert not np.array_equal(clip, window(part, bundle.manifest.detectors["camera"], 0.0))


def seen_late(bundle: Bundle) -> Kept:
    """One motor with a scratch of twice its limit that shows in the last window only; and whole."""
    whole, scratched = (
        simulate_part(3, 7, 2, duration_s=watched.DURATION_S, cause=cause)
        for cause in (OK, SCRATCH)
    )
    answer = runners(bundle.folder)
    logits: dict[str, np.ndarray] = {}
    for name, detector in bundle.manifest.detectors.items():
        cuts = [[(part, at) for at in OFFSETS_S] + [(whole, 0.0)] for part in (whole, scratched)]
        logits[name] = np.array(
            [
                [answer[name].run(window(p, detector, at))["logits"] for p, at in row]
                for row in cuts
            ],
            np.float64,
        )
    truth = np.array([HYPOTHESES.index(one) for one in ("ok", "scratch")])
    return Kept(truth, np.array([0.0, 2.0]), logits)


SCRATCH = Cause("scratch", 2.0)


def test_a_scratch_that_turns_into_view_late_escapes_every_way_but_two(bundle: Bundle) -> None:
    found = rows(seen_late(bundle), bundle)
    late = {way: row for (pair, way), row in found.items() if pair == "defect in one"}
    assert late["one window"].escapes == 1  # it looked too early
    assert late[CHOSEN].escapes == 0
    assert all(row.false_rejects == row.uncertain_good == 0 for row in (late[CHOSEN],))
    for way in ("mean", "dempster, as if independent", WHOLE_CAUTIOUS):
        assert late[way].escapes == 1, way
    assert late["cautious, conflict to ignorance"].uncertain_defective == 1


def test_windows_that_say_the_same_count_once_and_not_twice(bundle: Bundle) -> None:
    """The same logits in every window: what is chosen decides and is as sure as one window."""
    random = np.random.default_rng(4)
    truth = np.array([0] * 20 + [1 + i % 7 for i in range(20)])
    logits = {}
    for name, one in bundle.manifest.detectors.items():
        said = random.normal(0.0, 1.0, (40, 1, len(one.classes)))
        for part, h in enumerate(truth):
            classes = [i for i, c in enumerate(one.classes) if HYPOTHESES[h] in c.hypotheses]
            said[part, 0, classes[-1]] += 3.0
        logits[name] = np.repeat(said, BEFORE + 1, axis=1)
    found = rows(Kept(truth, np.where(truth, 2.0, 0.0), logits), bundle)
    for pair in windows.PAIRS:
        one, chosen = found[pair, "one window"], found[pair, CHOSEN]
        assert (chosen.escapes, chosen.log_loss) == (one.escapes, one.log_loss)
        assert found[pair, "mean"].log_loss == one.log_loss
        assert found[pair, "dempster, as if independent"].log_loss > one.log_loss  # too sure
    apart = agreement(Kept(truth, np.where(truth, 2.0, 0.0), logits), bundle.manifest)
    assert set(apart["audio"].values()) == {1.0}


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    logits = {"camera": np.arange(24.0).reshape(2, 4, 3)}
    kept = Kept(np.array([0, 1]), np.array([0.0, 1.5]), logits)
    watched.save(kept, tmp_path / "answers")
    back = watched.read(tmp_path / "answers")
    np.testing.assert_array_equal(back.logits["camera"], logits["camera"])
    assert (back.hypothesis.tolist(), back.severity.tolist()) == ([0, 1], [0.0, 1.5])
