"""Killed in the middle of thousands of triggers and verdicts, again and again, on a real file.

This is a killed process, not a power cut: what the kernel holds survives. That every commit is
synchronised is in tests/edge/test_disk.py.
"""

import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

KILLS = 6
MOST_KILLS = 40  # until one comes between a delivery and its acknowledgement, which is short
Story = tuple[list[list[str]], Path]  # what was promised, and the file that must keep it
CHILD = Path(__file__).with_name("crashing.py")
ROOT = Path(__file__).parents[3]


def run(path: Path, lives_s: float | None) -> list[list[str]]:
    """What the box had promised when it was killed, or ended by itself."""
    log = path.with_suffix(f".{random.random()}")
    mode = "last" if lives_s is None else "work"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(path), mode],
            stdout=out,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        if lives_s is None:
            assert child.wait(30) == 0
        else:
            while not log.stat().st_size and child.poll() is None:
                time.sleep(0.005)
            time.sleep(lives_s)
            child.kill()
            assert child.wait(10) == -9
    return [line.split() for line in log.read_text().splitlines()]


@pytest.fixture(scope="module")
def told_and_kept(tmp_path_factory: pytest.TempPathFactory) -> Story:
    path = tmp_path_factory.mktemp("crash") / "state.sqlite"
    told: list[list[str]] = []
    for kill in range(MOST_KILLS):
        if kill >= KILLS and _deliveries(told) > len(_delivered(told)):
            break
        told += run(path, random.uniform(0.3, 0.9))
    told += run(path, None)
    return told, path


def _deliveries(told: list[list[str]]) -> int:
    return sum(line[0] == "taken" for line in told)


def _delivered(told: list[list[str]]) -> set[tuple[str, str]]:
    """Publisher and id of what a peer took."""
    return {(line[1], line[2]) for line in told if line[0] == "taken"}


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_the_kills_came_amid_work(told_and_kept: Story) -> None:
    told, _ = told_and_kept
    assert sum(line[0] == "accepted" for line in told) > 1000
    assert sum(line[0] == "judged" for line in told) > 1000
    assert sum(line[0] == "done" for line in told) > 100


def test_every_accept_that_returned_is_kept_once(
    told_and_kept: Story,
) -> None:
    told, path = told_and_kept
    accepted = [line[1] for line in told if line[0] == "accepted"]
    assert len(set(accepted)) == len(accepted)
    kept = {name for (name,) in rows(path, "SELECT id FROM accepted")}
    assert set(accepted) <= kept


def test_every_put_that_returned_is_kept_with_its_body(
    told_and_kept: Story,
) -> None:
    told, path = told_and_kept
    judged = {line[1]: line[2] for line in told if line[0] == "judged"}
    kept = {
        str(name): hashlib.sha256(body).hexdigest()[:16]  # type: ignore[arg-type]
        for name, body in rows(path, "SELECT id, body FROM verdict")
    }
    assert {name: kept[name] for name in judged} == judged


def test_no_trigger_ever_had_two_bodies(told_and_kept: Story) -> None:
    told, path = told_and_kept
    bodies: defaultdict[str, set[str]] = defaultdict(set)
    for line in told:
        if line[0] in {"judged", "taken"}:
            bodies[line[-2]].add(line[-1])
    assert {len(seen) for seen in bodies.values()} == {1}
    twice = rows(path, "SELECT trigger_number FROM verdict GROUP BY 1 HAVING count(*) > 1")
    assert twice == []


def test_after_the_last_start_every_accepted_trigger_has_its_verdict(
    told_and_kept: Story,
) -> None:
    _, path = told_and_kept
    without = rows(
        path, "SELECT id FROM accepted WHERE number NOT IN (SELECT trigger_number FROM verdict)"
    )
    assert without == []
    recovered = rows(
        path, "SELECT count(*) FROM verdict WHERE CAST(body AS TEXT) LIKE '%recovered%'"
    )
    assert recovered[0][0] != 0, "no kill ever came between a trigger and its verdict"


def test_what_was_acknowledged_is_owed_no_more_and_the_rest_is(
    told_and_kept: Story,
) -> None:
    told, path = told_and_kept
    owed = set(
        rows(
            path,
            "SELECT publisher, id FROM delivery JOIN verdict USING (number) "
            "WHERE published_ns IS NULL",
        )
    )
    done = {(line[1], line[2]) for line in told if line[0] == "done"}
    taken = _delivered(told)
    everything = {("mqtt", name) for (name,) in rows(path, "SELECT id FROM verdict")}
    assert not owed & done
    assert everything <= owed | taken


def test_what_was_taken_and_not_acknowledged_came_again(
    told_and_kept: Story,
) -> None:
    told, _ = told_and_kept
    assert _deliveries(told) > len(_delivered(told))
