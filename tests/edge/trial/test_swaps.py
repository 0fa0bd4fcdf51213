"""What swaps did to the parts of a run, on times known by hand."""

import onnx
import pytest

from edge.config import SHIPPED
from edge.trial.account import Account, Announced, Receipt
from edge.trial.load import Load
from edge.trial.stock import noted
from edge.trial.swaps import FOLLOWS_NS, Swap, Swaps, conclude

from .conftest import EPOCH_NS, MS, MakeVerdict, S

WINDOW_NS = 500 * MS


@pytest.mark.parametrize(
    ("began_ns", "ended_ns", "is_touched"),
    [
        (11 * S, 12 * S, False),  # began when its verdict was out
        (10 * S + 600 * MS, 12 * S, True),  # ... and the instant before
        (9 * S, 10 * S + 500 * MS - FOLLOWS_NS - 1, False),  # all over before its window's end
        (9 * S, 10 * S + 500 * MS - FOLLOWS_NS, True),
        (10 * S + 510 * MS, 10 * S + 520 * MS, True),  # within
    ],
)
def test_a_part_is_touched_from_its_windows_end_to_its_verdict(
    make_verdict: MakeVerdict, began_ns: int, ended_ns: int, is_touched: bool
) -> None:
    account = Account(WINDOW_NS, {})
    account.announce(Announced("cell1", 1, "p", 10 * S))
    account.receive(Receipt(10 * S + 600 * MS, EPOCH_NS, make_verdict(1).body()))
    (row,) = account.rows()
    swap = Swap("1.0.1", began_ns, ended_ns)
    assert swap.touches(row, WINDOW_NS) is is_touched
    swaps = Swaps(("1.0.0", "1.0.1", "1.0.2"), [swap])
    found = conclude(swaps, [row], WINDOW_NS, Load(rss_bytes=[2**20, 3 * 2**20]))
    assert (found.during.count, found.without.count) == (int(is_touched), int(not is_touched))
    assert (found.swaps, found.wanted) == (1, 2)


def test_a_noted_network_is_another_file_and_the_same_network() -> None:
    raw = (SHIPPED / "motor" / "audio.onnx").read_bytes()
    plain, marked = onnx.load_from_string(raw), onnx.load_from_string(raw + noted("trial", "0.4.7"))
    assert ("trial", "0.4.7") in [(one.key, one.value) for one in marked.metadata_props]
    assert marked.graph == plain.graph
    onnx.checker.check_model(marked)
