"""truth.csv: what it may say, and how it complains."""

from pathlib import Path

import pytest

from edge.accept.labels import Label, read
from edge.errors import ConfigError

HYPOTHESES = ("ok", "scratch", "crack")
RECORDED = {"cell1": {1: "A1", 2: "A2"}, "cell2": {1: "A1"}}


def labels(
    folder: Path, text: str, recorded: dict[str, dict[int, str]] | None = None
) -> tuple[Label, ...]:
    path = folder / "truth.csv"
    path.write_bytes(text.encode())
    return read(path, recorded or RECORDED, HYPOTHESES, "ok")


WHOLE = """\
recording,index,hypothesis,severity,group,appraiser,trial
cell2,1,scratch,1.25,P1,late,2
cell1,2,ok,,P2,,
cell1,1,scratch,1.25,P1,early,1
"""


def test_rows_come_sorted_and_typed(tmp_path: Path) -> None:
    assert labels(tmp_path, WHOLE) == (
        Label("cell1", 1, "scratch", 1.25, "P1", "early", "1"),
        Label("cell1", 2, "ok", 0.0, "P2"),
        Label("cell2", 1, "scratch", 1.25, "P1", "late", "2"),
    )


def test_a_measured_size_and_its_limit_give_the_severity(tmp_path: Path) -> None:
    """As a German spreadsheet saves it: byte order mark, semicolons, decimal commas."""
    text = "\ufeffpart;hypothesis;size;limit;note\r\nA1;crack;6,0;8,0;left\r\nA2;ok;;;\r\n"
    first, second = labels(tmp_path, text, {"": {7: "A1", 8: "A2"}})
    assert (first.index, first.severity, first.is_reject, first.is_good) == (7, 0.75, False, False)
    assert (second.severity, second.is_good) == (0.0, True)
    assert first.group != second.group  # each its own part


def test_the_limit_itself_is_a_reject(tmp_path: Path) -> None:
    text = "index,hypothesis,size,limit\n1,crack,8,8\n"
    assert labels(tmp_path, text, {"": {1: "A"}})[0].is_reject


def test_a_folders_name_is_an_index_too(tmp_path: Path) -> None:
    text = "index,hypothesis,severity\n000012,ok,0\n"
    assert labels(tmp_path, text, {"": {12: "A"}})[0].index == 12


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("cell1,2,ok,,P2,,\n", ""), "part 2 of cell1 has no row"),
        (("cell1,2,ok,,P2,,", "cell1,3,ok,,P2,,"), "'3' of 'cell1' is not recorded"),
        (
            ("cell1,2,ok,,P2,,", "cell1,2,ok,,P2,,\ncell1,2,ok,,P2,,"),
            "part 2 of cell1 stands twice",
        ),
        (("cell1,2,ok,,P2,,", "cell9,2,ok,,P2,,"), "no recording 'cell9'"),
        (("cell1,2,ok,", "cell1,2,dent,1"), "no hypothesis 'dent'; the bundle has ok, scratch"),
        (("cell1,2,ok,", "cell1,2,ok,0.5"), "line 3: severity 0.5 does not fit 'ok'"),
        (("cell1,2,ok,", "cell1,2,crack,"), "severity 0 does not fit 'crack'"),
        (("cell1,2,ok,", "cell1,2,crack,big"), "severity: 'big' is not a number"),
        (("cell1,2,ok,", "cell1,2,crack,nan"), "expected 0 or more"),
        (("appraiser", "apraiser"), "unknown column 'apraiser'"),
        (("severity", "note"), "no column severity"),
        (("hypothesis", "note"), "no column hypothesis"),
        (("late,2", "late,2,3"), "line 2: more cells than columns"),
        (("cell1,1,scratch,1.25", "cell1,1,scratch,1.5"), "one physical part has one truth"),
        (("late,2", "early,1"), "shown twice by appraiser 'early' as trial '1'"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    assert change[0] in WHOLE
    with pytest.raises(ConfigError, match=complaint) as error:
        labels(tmp_path, WHOLE.replace(*change, 1))
    assert "truth.csv" in str(error.value)


def test_a_part_id_that_occurs_twice_asks_for_the_index(tmp_path: Path) -> None:
    text = "part,hypothesis,severity\nA1,ok,\n"
    with pytest.raises(ConfigError, match="recorded 2 times; say by `index`"):
        labels(tmp_path, text, {"": {1: "A1", 2: "A1"}})


def test_no_truth_says_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"truth\.csv.*docs/acceptance\.md"):
        read(tmp_path / "truth.csv", RECORDED, HYPOTHESES, "ok")
