"""The PLC's ledger: lines as it writes them, and while it writes them."""

from pathlib import Path

import pytest

from edge.trial.account import Account, Announced, Taken
from edge.trial.ledger import Tail, enter

LINES = """\
{"event": "trigger", "station": "cell1", "sequence": 1, "part": "A-1", "recipe": "motor", "edge_ns": 5000000000, "pool_index": 0, "time": "2026-01-01T00:00:05+00:00"}
{"event": "echo", "station": "cell1", "sequence": 1, "part": "A-1", "busy": true, "monotonic_ns": 5008000000}
{"event": "trigger", "station": "cell1", "sequence": 2, "part": "A-1", "recipe": "motor", "edge_ns": 6000000000, "pool_index": 1, "time": "2026-01-01T00:00:06+00:00"}
{"event": "echo", "station": "cell1", "sequence": 1, "part": "A-1", "busy": true, "monotonic_ns": 6100000000}
{"event": "result", "station": "cell1", "sequence": 1, "result": 2, "defect_code": 3, "late": false, "error_code": 0, "monotonic_ns": 5520000000}
"""  # noqa: E501 - lines as they stand in the file


def test_triggers_echoes_and_results_are_booked() -> None:
    account = Account(0, {})
    for line in LINES.splitlines():
        enter(account, line)
    assert account.announced == {  # a part id may come back: the sequence tells them apart
        ("cell1", 1): Announced("cell1", 1, "A-1", 5_000_000_000, 0),
        ("cell1", 2): Announced("cell1", 2, "A-1", 6_000_000_000, 1),
    }
    assert account.echo_ns == {("cell1", 1): 5_008_000_000}  # the first one holds
    assert account.results == {("cell1", 1): [Taken(2, False)]}
    assert account.missing == [("cell1", 1), ("cell1", 2)]


def test_an_unknown_event_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="'rebirth'"):
        enter(Account(0, {}), '{"event": "rebirth", "station": "cell1", "sequence": 1}')


def test_a_growing_file_is_read_line_by_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    tail = Tail(path)
    assert tail.lines() == []  # not there yet
    with path.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert tail.lines() == ["one"]
        file.write("o\nthree\n")
        file.flush()
        assert tail.lines() == ["two", "three"]
    assert tail.lines() == []
