"""Attempts are written down, found again, and recognised when parts were swapped."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.accept.attempts import Attempt, append, note, recall
from edge.errors import ConfigError

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
FIRST = Attempt("2026-11-26T10:00:00+00:00", "motor 1.0.0", "1" * 64, "/set", "5" * 64, "openvino",
                (A, B))  # fmt: skip
OTHER = {"bundle": "motor 2.0.0", "bundle_sha256": "2" * 64}


def test_an_empty_log_is_a_first_use(tmp_path: Path) -> None:
    history = recall(tmp_path / "log", FIRST)
    assert history.is_first_use
    assert (history.of_bundle, history.of_set, history.unreadable) == (0, 0, 0)


def test_the_same_bundle_on_the_same_set_is_no_first_use(tmp_path: Path) -> None:
    note(tmp_path / "log", FIRST)
    history = recall(tmp_path / "log", replace(FIRST, time="later"))
    assert history.same == (FIRST.time,)
    assert not history.is_first_use


def test_a_set_from_which_a_part_was_taken_out_is_recognised(tmp_path: Path) -> None:
    note(tmp_path / "log", FIRST)
    history = recall(tmp_path / "log", replace(FIRST, set_sha256="6" * 64, parts=(A, C)))
    assert history.overlapping == (FIRST.time,)
    assert history.same == ()
    assert not history.is_first_use


def test_other_parts_are_a_first_use_and_another_bundle_is_told(tmp_path: Path) -> None:
    note(tmp_path / "log", FIRST)
    fresh = recall(tmp_path / "log", replace(FIRST, set_sha256="6" * 64, parts=(C,)))
    assert fresh.is_first_use
    assert fresh.of_bundle == 1
    second = recall(tmp_path / "log", replace(FIRST, **OTHER))
    assert second.is_first_use  # of this bundle
    assert (second.of_set, second.other_bundles) == (1, ("motor 1.0.0",))


def test_outcomes_are_no_attempts_and_nothing_is_overwritten(tmp_path: Path) -> None:
    log = tmp_path / "state" / "log"  # a folder that does not exist yet
    note(log, FIRST)
    before = log.read_bytes()
    append(log, {"event": "outcome", "accepted": False})
    assert log.read_bytes().startswith(before)
    history = recall(log, FIRST)
    assert (history.of_bundle, history.unreadable) == (1, 0)


def test_a_torn_line_is_counted_and_the_next_attempt_stands_by_itself(tmp_path: Path) -> None:
    log = tmp_path / "log"
    note(log, FIRST)
    log.write_bytes(log.read_bytes()[:-30])  # the power went while it was written
    note(log, replace(FIRST, time="later"))
    history = recall(log, FIRST)
    assert (history.same, history.unreadable) == (("later",), 1)


def test_a_log_that_cannot_be_written_stops_the_attempt(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="no acceptance is made"):
        note(tmp_path / "file" / "log", FIRST)
