"""How long waiting may last: from what parts really take, not from the worst of every step."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from edge.config import Budget
from edge.part import Reserve

MS = 1_000_000


def part(ready_ns: int, status: str = "ok") -> Any:
    return SimpleNamespace(
        windows={"s": SimpleNamespace(ready_ns=ready_ns)},
        heard={"s": SimpleNamespace(answer=SimpleNamespace(status=status))},
    )


def test_reserves_are_quantiles_of_whole_stretches() -> None:
    """Inference and delivery that are never slow together: their p99s must not be added."""
    reserve = Reserve(Budget(min_reserve_ms=1.0))
    whole_ms, delivery_ms = [], []
    for k in range(400):
        inference, delivery = (15.0, 3.0) if k % 2 else (5.0, 9.0)
        ready_ns = k * 100 * MS
        sealed_ns = ready_ns + round(inference * MS)
        reserve.learn(part(ready_ns), sealed_ns, sealed_ns + round(delivery * MS))
        whole_ms.append(inference + delivery)
        delivery_ms.append(delivery)
    assert reserve.whole_ns / MS == np.quantile(whole_ms, 0.99) == 18.0  # the sum is 24
    assert reserve.delivery_ns / MS == np.quantile(delivery_ms, 0.99) == 9.0


def test_a_part_that_an_engine_did_not_answer_says_nothing_of_how_long_answers_take() -> None:
    reserve = Reserve(Budget(min_reserve_ms=1.0, reserve_ms=12.0))
    for k in range(100):
        reserve.learn(part(k * MS, status="late"), k * MS + 1000, k * MS + 2 * MS)
    assert reserve.delivery_ns < 3 * MS
    assert reserve.whole_ns == 12 * MS


def test_reserves_stay_within_their_bounds_and_until_measured_as_configured() -> None:
    reserve = Reserve(Budget(reserve_ms=15.0, min_reserve_ms=8.0, max_reserve_ms=30.0))
    assert (reserve.whole_ns, reserve.delivery_ns) == (15 * MS, 10 * MS)
    for _ in range(50):
        reserve.learn(part(0), 1, 900 * MS)
    assert (reserve.whole_ns, reserve.delivery_ns) == (30 * MS, 30 * MS)
