"""What a trial reports, on books whose sums are known by hand."""

import io
import json

import pytest
from rich.console import Console

from edge.trial.account import Account, Announced, Receipt, Taken
from edge.trial.measure import clock_points, read_floor
from edge.trial.outcome import conclude
from edge.trial.summary import show
from sensors.recording import Truth

from .conftest import EPOCH_NS, MS, MakeVerdict, S


def books(make_verdict: MakeVerdict) -> Account:
    """Four triggers: one judged right, one degraded and slow, one recovered, one missing."""
    truths = {"cell1": {1: Truth(1, "ok", 0.0, False), 2: Truth(2, "crack", 2.0, True)}}
    account = Account(500 * MS, truths)
    for sequence in (1, 2, 3, 4):
        edge_ns = (9 + sequence) * S
        account.announce(Announced("cell1", sequence, "p", edge_ns, (sequence - 1) % 2))
    verdicts = [
        make_verdict(1),
        make_verdict(2, edge_ns=11 * S, sealed_ns=11 * S + 560 * MS, degraded=True, late=True),
        make_verdict(3, edge_ns=12 * S, decision="uncertain", recovered=True),
    ]
    for verdict, at_ms in zip(verdicts, (10_515, 11_570, 15_000), strict=True):
        account.receive(Receipt(at_ms * MS, EPOCH_NS, verdict.body()))
    account.receive(Receipt(16_000 * MS, EPOCH_NS, verdicts[0].body()))
    account.result(("cell1", 1), Taken(1, False))
    return account


def test_the_outcome_counts_every_fate_once(make_verdict: MakeVerdict) -> None:
    outcome = conclude(books(make_verdict), restarts=1)
    data = json.loads(json.dumps(outcome.as_data()))
    assert (data["triggers"], data["parts"], data["missing"], data["duplicates"]) == (4, 3, 1, 0)
    assert (data["redelivered"], data["recovered"], data["degraded"], data["late"]) == (1, 1, 1, 1)
    assert (data["plc_results"], data["restarts"], data["over_deadline"]) == (1, 1, 1)
    assert data["keys"] == {"missing": [["cell1", 4]], "unheard": [["cell1", 4]]}
    assert data["decisions"] == {"ok": 2, "uncertain": 1}
    assert not outcome.is_sound


def test_latency_is_of_the_watched_parts_and_recovered_ones_stand_apart(
    make_verdict: MakeVerdict,
) -> None:
    data = conclude(books(make_verdict), restarts=0).as_data()
    assert data["latency_ms"]["max"] == pytest.approx(70.0)  # 11.570 - (11 + 0.5) s
    assert data["latency_ms"]["count"] == 2
    assert data["latency_ms"]["maximum_in_place_of"] == ["p50", "p95", "p99"]
    assert data["recovered_latency_ms"]["max"] == pytest.approx(2500.0)


def test_an_escape_is_in_the_confusion_and_counted(make_verdict: MakeVerdict) -> None:
    data = conclude(books(make_verdict), restarts=0).as_data()
    assert data["confusion"] == {"crack": {"ok": 1}, "ok": {"ok": 1, "uncertain": 1}}
    assert (data["rejects"], data["escapes"], data["good"], data["uncertain"]) == (1, 1, 2, 1)
    assert data["engines"] == {"camera": ["openvino int8"]}


def test_people_are_told_which_trigger_is_missing(make_verdict: MakeVerdict) -> None:
    out = io.StringIO()
    show(conclude(books(make_verdict), restarts=0), Console(file=out, width=120))
    assert "missing 1 (triggers without a verdict: cell1 4)" in out.getvalue()
    assert "duplicates 0 (triggers with two different verdicts)" in out.getvalue()


def test_the_table_of_truth_fits_a_narrow_terminal(make_verdict: MakeVerdict) -> None:
    out = io.StringIO()
    show(conclude(books(make_verdict), restarts=0), Console(file=out, width=80))
    rows = [line.split() for line in out.getvalue().splitlines()[1:7]]
    assert ["crack", "1"] in rows  # passed
    assert ["ok", "1", "1"] in rows  # passed, uncertain


def test_clock_points_count_from_the_later_of_window_end_and_trigger(
    make_verdict: MakeVerdict,
) -> None:
    points = clock_points(books(make_verdict).rows())
    # the recovered part is left out; received and ready are 6 and 7 ms after the window's end
    assert points["received"].count == 2
    assert points["received"].max == pytest.approx(6.0)
    assert points["ready"].max == pytest.approx(7.0)
    assert points["sealed"].max == pytest.approx(60.0)
    assert points["witnessed"].max == pytest.approx(70.0)


def test_the_floor_is_read_from_its_process() -> None:
    ms = list(range(1, 31))
    line = json.dumps({"ingest_ms": ms, "engines_ms": [2.0], "floor_ms": ms, "lost": 3})
    floor = read_floor(line)
    assert (floor.whole_ms.p50, floor.whole_ms.max, floor.lost) == (15, 30, 3)
