"""Simulated labelled sets: their design, and that truth and data travel apart."""

import csv
import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from sensors import recording
from sensors.errors import BadReading
from sensors.simulator import labelled
from sensors.simulator.labelled import BORDERLINE, SetOrder, make, showings

DESIGN = SetOrder(sample=40, study=50)
TINY = SetOrder(sample=2, study=1, trials=2, stations=2, seed=3)


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_study_parts_are_shown_by_every_station_at_every_trial() -> None:
    seen = [one for one in showings(DESIGN) if one.trial]
    assert len(seen) == 50 * 3 * 3
    assert set(Counter(one.group for one in seen).values()) == {9}
    assert len({(one.group, one.appraiser, one.trial) for one in seen}) == len(seen)
    for group in {one.group for one in seen}:
        assert len({one.cause for one in seen if one.group == group}) == 1


def test_four_study_parts_in_ten_are_near_their_limit() -> None:
    causes = {one.group: one.cause for one in showings(DESIGN) if one.trial}.values()
    near = [c for c in causes if c.severity and BORDERLINE[0] <= c.severity <= BORDERLINE[1]]
    assert len(near) == 20
    assert sum(c.hypothesis == "ok" for c in causes) == 15
    assert any(c.severity < 1.0 for c in near)
    assert any(c.severity >= 1.0 for c in near)


def test_sample_parts_are_all_different_and_shown_once() -> None:
    sample = [one for one in showings(DESIGN) if not one.trial]
    assert len({one.group for one in sample}) == len(sample) == 40
    assert {one.station for one in sample} == {0, 1, 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled") / "set"
    assert make(folder, TINY, jobs=1)
    return folder


def test_every_recorded_part_has_its_row(made: Path) -> None:
    with (made / labelled.TRUTH).open() as file:
        rows = list(csv.DictReader(file))
    recorded = {
        (one.name, part.index) for one in made.iterdir() if one.is_dir()
        for part in recording.read_parts(one)
    }  # fmt: skip
    assert {(row["recording"], int(row["index"])) for row in rows} == recorded
    assert len(rows) == 2 + 1 * 2 * 2


def test_the_truth_is_not_in_the_recordings(made: Path) -> None:
    assert not list(made.rglob("truth.jsonl"))
    assert sorted(p.name for p in made.iterdir()) == ["cell120000", "cell120001", "truth.csv"]


def test_a_repeat_is_recorded_anew(made: Path) -> None:
    first, second = (
        [part.blocks["audio"] for part in recording.read_parts(made / "cell120000")][k]
        for k in (1, 2)
    )
    assert [block.payload for block in first] != [block.payload for block in second]


def test_an_interrupted_run_is_taken_up_to_the_same_bytes(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    make(folder, TINY, jobs=1)
    whole = digest(folder)
    assert whole == digest(made)
    (folder / labelled.TRUTH).unlink()
    last = sorted((folder / "cell120001" / "parts").iterdir())[-1]
    last.rename(last.with_name(f"{last.name}.partial"))
    assert make(folder, TINY, jobs=1)
    assert digest(folder) == whole
    assert not make(folder, TINY, jobs=1)  # it is there


def test_a_folder_with_other_parts_is_left_alone(made: Path) -> None:
    with pytest.raises(BadReading, match="choose another folder"):
        make(made, replace(TINY, seed=4), jobs=1)
