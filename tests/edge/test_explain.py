"""`edge explain` on a real state file, written by a real outbox that is still open."""

import io
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from publish.box import NOW, Box, box_at
from test_judge import heard, judged, missing

from edge.__main__ import main
from edge.explain.again import counterfactual
from edge.explain.page import set_words
from edge.statefile import NAME
from edge.verdict import Verdict

ROOT = Path(__file__).parents[2]
SCRATCHED = judged(heard("camera", 0.02), heard("audio", 0.97))


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """The documented line; its state lies beside it."""
    path = tmp_path / "line.toml"
    documented = (ROOT / "docs" / "line.toml").read_text()
    path.write_text(documented.replace('"/var/lib/edge"', '"state"'))
    return path


@pytest.fixture
async def box(line: Path) -> AsyncIterator[Box]:
    (line.parent / "state").mkdir()
    async with box_at(line.parent / "state" / NAME) as one:
        yield one


async def keep(box: Box, said: Verdict, station: str = "st1") -> Verdict:
    """Commit a verdict as the daemon does."""
    accepted = await box.take(station)
    own = said.model_copy(update={"id": accepted.id, "station": station, "part": accepted.part})
    assert await box.outbox.put(own.id, station, own.body(), sealed_ns=NOW)
    return own


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Run the command: its status, what it printed, and what it complained of."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["explain", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


async def test_a_part_is_explained_while_the_daemon_holds_its_state(
    box: Box, line: Path, explain: Any
) -> None:
    said = await keep(box, SCRATCHED)
    status, out, _ = explain(line, said.part)
    assert status == 0
    assert f"part {said.part} at s/l/st1: defect scratch" in out
    assert said.reason in out
    for sensor, report in said.sensors.items():
        assert sensor in out
        assert all(f"{value:.4f}" in out for value in report.probabilities.values())
    assert said.counterfactual in out
    await keep(box, SCRATCHED)  # and the daemon goes on writing


async def test_the_verdicts_id_and_latest_find_it_too(box: Box, line: Path, explain: Any) -> None:
    first, second = await keep(box, SCRATCHED), await keep(box, SCRATCHED)
    assert f"verdict {first.id}" in explain(line, first.id)[1]
    assert f"verdict {second.id}" in explain(line, "latest")[1]


async def test_json_is_the_very_body_that_was_published(box: Box, line: Path, explain: Any) -> None:
    said = await keep(box, SCRATCHED)
    assert explain(line, said.part, "--json")[1].encode() == said.body() + b"\n"


async def test_a_part_judged_twice_is_listed_and_its_newest_verdict_explained(
    box: Box, line: Path, explain: Any
) -> None:
    first = await keep(box, SCRATCHED)
    box.parts -= 1  # the same part passes another station
    second = await keep(box, SCRATCHED, "st2")
    assert first.part == second.part
    _, out, err = explain(line, first.part)
    assert f"verdict {second.id}" in out
    assert err.index(second.id) < err.index(first.id)
    _, out, err = explain(line, first.part, "--station", "st1")
    assert (f"verdict {first.id}" in out, err) == (True, "")


async def test_an_unknown_part_names_those_there_are(box: Box, line: Path, explain: Any) -> None:
    said = await keep(box, SCRATCHED)
    status, out, err = explain(line, "nobody")
    assert (status, out) == (2, "")
    assert "'nobody'" in err
    assert said.part in err


async def test_before_the_first_verdict_it_says_so(box: Box, line: Path, explain: Any) -> None:
    status, _, err = explain(line, "latest")
    assert status == 2
    assert "no verdict yet" in err


def test_without_a_state_file_it_says_where_it_looked(line: Path, explain: Any) -> None:
    status, _, err = explain(line, "latest")
    assert status == 2
    assert str(line.parent / "state" / NAME) in err
    assert "storage.folder" in err


async def test_a_state_of_another_release_is_refused_with_the_cure(
    line: Path, explain: Any
) -> None:
    path = line.parent / "state" / NAME
    path.parent.mkdir()
    async with box_at(path):
        pass
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 7")
    other.commit()
    other.close()
    status, _, err = explain(line, "latest")
    assert status == 2
    assert "another release (schema 7" in err


async def test_after_the_daemon_stopped_nothing_is_left_beside_its_state(
    line: Path, explain: Any
) -> None:
    """A log created by somebody else would keep the daemon's own user out."""
    path = line.parent / "state" / NAME
    path.parent.mkdir()
    async with box_at(path) as stopped:
        await keep(stopped, SCRATCHED)
    before = set(path.parent.iterdir())
    assert explain(line, "latest")[0] == 0
    assert set(path.parent.iterdir()) == before


def test_a_received_verdict_is_explained_without_the_box(tmp_path: Path, explain: Any) -> None:
    path = tmp_path / "received.json"
    path.write_bytes(SCRATCHED.body())
    status, out, _ = explain("--verdict", path)
    assert status == 0
    assert SCRATCHED.counterfactual in out


def test_a_verdict_is_read_from_a_pipe(explain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SCRATCHED.body())))
    assert "defect scratch" in explain("--verdict", "-")[1]


def test_what_is_no_verdict_is_refused_with_the_cure(tmp_path: Path, explain: Any) -> None:
    path = tmp_path / "received.json"
    path.write_text('{"decision": "ok"}')
    status, _, err = explain("--verdict", path)
    assert status == 2
    assert "not one verdict" in err


def test_a_verdict_of_the_release_before_is_explained_as_far_as_it_goes(
    tmp_path: Path, explain: Any
) -> None:
    """What was sealed before an update is still on the box after it."""
    body = json.loads(SCRATCHED.body())
    for key in ("good", "unasked", "barred", "counterfactual", "flip_sensor", "flip_share"):
        del body[key]
    for key in [key for key in body if key.startswith(("threshold_", "belief_de", "belief_pa"))]:
        del body[key]
    for report in body["sensors"].values():
        for key in ("conflict_share", "conflict_with", "flip"):
            del report[key]
    path = tmp_path / "received.json"
    path.write_text(json.dumps(body))
    status, out, _ = explain("--verdict", path)
    assert status == 0
    assert "did not say what it was held against" in out


def test_a_rule_without_closed_form_is_searched_from_what_the_verdict_says() -> None:
    """pcr6 and yager differ in conflict alone, and here is none: the camera's doubt is the same."""
    said = judged(heard("camera", 0.999), missing("audio", "accept"))
    other = said.model_copy(update={"rule": "pcr6"})
    assert said.flip_sensor == "st1-camera"
    assert counterfactual(other).split(" would ")[0] == said.counterfactual.split(" would ")[0]


def test_a_large_set_is_named_by_what_it_leaves_out() -> None:
    names = ("ok", "scratch", "crack", "rub")
    assert set_words("ok|crack|rub", names) == "not scratch"
    assert set_words("scratch|crack", names) == "scratch or crack"
    assert set_words("ok|scratch|crack|rub", names) == "'not known'"
