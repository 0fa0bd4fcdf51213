"""The books of a trial, on facts written by hand: edge at 10 s, 0.5 s windows."""

import pytest

from edge.trial.account import Account, Announced, Receipt, Taken
from edge.verdict import Decision, Verdict
from sensors.recording import Truth

from .conftest import EPOCH_NS, MS, MakeVerdict, S

WINDOW_NS = 500 * MS
TRUTH = Truth(1, "crack", 1.4, True)


def book() -> Account:
    account = Account(WINDOW_NS, {"cell1": {1: TRUTH}})
    account.announce(Announced("cell1", 1, "cell1-000001", 10 * S))
    account.announce(Announced("cell1", 2, "cell1-000002", 11 * S, pool_index=1))
    return account


def delivery(verdict: Verdict, at_ns: int, published_ns: int = 0) -> Receipt:
    return Receipt(at_ns, EPOCH_NS, verdict.body(), published_ns)


def test_a_trigger_without_verdict_is_missing(make_verdict: MakeVerdict) -> None:
    account = book()
    account.receive(delivery(make_verdict(2), 12 * S))
    assert account.missing == [("cell1", 1)]
    assert account.judged == 1


def test_a_missing_trigger_that_was_never_echoed_was_not_accepted() -> None:
    account = book()
    account.echo(("cell1", 2), 12 * S)
    assert account.missing == [("cell1", 1), ("cell1", 2)]
    assert account.unheard == [("cell1", 1)]


def test_the_same_verdict_again_is_redelivered_and_no_duplicate(make_verdict: MakeVerdict) -> None:
    account, verdict = book(), make_verdict(1)
    assert account.receive(delivery(verdict, 11 * S)) == ("cell1", 1)
    assert account.receive(delivery(verdict, 12 * S)) is None
    assert account.receive(delivery(verdict, 13 * S)) is None
    assert (account.redelivered, account.duplicates) == (2, [])
    assert len(account.rows()) == 1


def test_a_different_verdict_on_the_same_trigger_is_a_duplicate(make_verdict: MakeVerdict) -> None:
    account = book()
    account.receive(delivery(make_verdict(1), 11 * S))
    account.receive(delivery(make_verdict(1, decision="uncertain"), 12 * S))
    account.receive(delivery(make_verdict(1, decision="uncertain"), 13 * S))
    assert account.duplicates == [("cell1", 1)]
    assert account.redelivered == 1
    assert account.rows()[0].verdict.decision == "ok"  # what the plant acted upon


def test_a_verdict_on_a_trigger_that_nobody_gave_is_seen(make_verdict: MakeVerdict) -> None:
    account = book()
    account.receive(delivery(make_verdict(7), 12 * S))
    assert account.unannounced == [("cell1", 7)]
    assert account.judged == 0


def test_equal_sequences_of_two_stations_are_two_triggers(make_verdict: MakeVerdict) -> None:
    account = book()
    account.announce(Announced("cell2", 1, "x", 10 * S))
    account.receive(delivery(make_verdict(1, station="cell2"), 11 * S))
    assert account.missing == [("cell1", 1), ("cell1", 2)]


def test_a_part_that_came_after_the_end_is_not_missing(make_verdict: MakeVerdict) -> None:
    account = book()
    account.close(10 * S + 1)
    assert account.missing == [("cell1", 1)]
    account.receive(delivery(make_verdict(1), 11 * S))
    assert account.missing == []


def test_latency_counts_from_the_window_end_when_the_trigger_came_before(
    make_verdict: MakeVerdict,
) -> None:
    account = book()
    verdict = make_verdict(1, sealed_ns=10 * S + 512 * MS)
    published_ns = EPOCH_NS + 10 * S + 513 * MS
    key = account.receive(delivery(verdict, 10 * S + 515 * MS, published_ns))
    assert key is not None
    row = account.row(key)
    assert row.latency_ms == pytest.approx(15.0)  # 10.515 - (10 + 0.5) s
    assert row.own_latency_ms == pytest.approx(13.0)
    assert row.truth == TRUTH


def test_latency_counts_from_a_late_trigger(make_verdict: MakeVerdict) -> None:
    account = book()
    late = make_verdict(1, arrival_ns=10 * S + 700 * MS, sealed_ns=10 * S + 711 * MS)
    account.receive(delivery(late, 10 * S + 714 * MS))
    (row,) = account.rows()
    assert row.latency_ms == pytest.approx(14.0)
    assert row.own_latency_ms == pytest.approx(11.0)  # to the seal, for want of a publication


def test_the_edge_that_the_daemon_believes_in_is_held_against_the_true_one(
    make_verdict: MakeVerdict,
) -> None:
    account = book()
    account.receive(delivery(make_verdict(1, edge_ns=10 * S + 3 * MS), 11 * S))
    assert account.rows()[0].edge_error_ms == pytest.approx(3.0)


def test_a_trigger_cannot_have_come_after_it_was_echoed(make_verdict: MakeVerdict) -> None:
    account = book()
    account.echo(("cell1", 1), 10 * S + 600 * MS)
    account.echo(("cell1", 1), 10 * S + 900 * MS)  # again after a restart
    boastful = make_verdict(1, arrival_ns=10 * S + 710 * MS)
    account.receive(delivery(boastful, 10 * S + 714 * MS))
    assert account.rows()[0].latency_ms == pytest.approx(114.0)


def test_a_plc_that_was_told_otherwise_is_a_contradiction(make_verdict: MakeVerdict) -> None:
    account = book()
    account.receive(delivery(make_verdict(1), 11 * S))
    account.receive(delivery(make_verdict(2), 12 * S))
    account.result(("cell1", 1), Taken(Decision.OK, False))
    account.result(("cell1", 2), Taken(Decision.DEFECT, False))
    assert account.contradicted == [("cell1", 2)]


def test_a_late_result_must_be_uncertain_whatever_the_verdict(make_verdict: MakeVerdict) -> None:
    account = book()
    account.receive(delivery(make_verdict(1), 11 * S))
    account.receive(delivery(make_verdict(2), 12 * S))
    account.result(("cell1", 1), Taken(Decision.UNCERTAIN, True))
    account.result(("cell1", 2), Taken(Decision.OK, True))
    assert account.contradicted == [("cell1", 2)]


def test_what_is_no_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="validation error"):
        book().receive(Receipt(0, 0, b'{"decision": "ok"}'))
