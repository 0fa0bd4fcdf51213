"""What a person sees, rendered by rich into text."""

import io

from rich.console import Console

from edge.trial.account import Row
from edge.trial.table import Lines, LiveTable, screen
from sensors.recording import Truth

from .conftest import MakeVerdict


def rendered(terminal: bool, row: Row, note: str = "") -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=140, height=30, color_system=None)
    with screen(console, ["camera", "audio"]) as shown:
        shown.status("daemon 4711")
        shown.row(row)
        if note:
            shown.note(note)
    return out.getvalue()


def test_a_pipe_gets_one_line_a_part(make_verdict: MakeVerdict) -> None:
    row = Row(
        None,
        make_verdict(3, decision="defect", defect="crack", degraded=True),
        Truth(3, "crack", 1.43, True),
        17.26,
        16.0,
    )
    lines = rendered(False, row).splitlines()
    assert lines[1] == (
        "cell1-000003   crack          Bel(ok) 0.91 Pl(ok) 0.97 K 0.02  camera: 0.88 good  "
        "audio: silent  17.3 ms  degraded [truth: crack 1.4]"
    )


def test_a_terminal_shows_the_row_the_status_and_the_note(make_verdict: MakeVerdict) -> None:
    row = Row(None, make_verdict(3, recovered=True), None, 2017.0, 16.0)
    text = rendered(True, row, "daemon was killed (SIGKILL); started again")
    last = text[text.rindex("part ") :]
    for expected in ("cell1-000003", "ok recovered", "0.88 good", "silent", "2017.0"):
        assert expected in last
    assert "daemon 4711" in last
    assert "daemon was killed (SIGKILL); started again" in last


def test_the_output_decides_the_kind() -> None:
    assert isinstance(screen(Console(file=io.StringIO()), []), Lines)
    assert isinstance(screen(Console(file=io.StringIO(), force_terminal=True), []), LiveTable)
