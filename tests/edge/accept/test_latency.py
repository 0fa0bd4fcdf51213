"""The latency statement assumes no distribution."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from edge.accept.latency import latency, of_bench, tolerance
from edge.errors import ConfigError


@pytest.mark.parametrize(
    ("runs", "over", "is_met", "missing"),
    [(299, 0, True, 0), (298, 0, False, 1), (472, 1, False, 1), (473, 1, True, 0)],
)
def test_299_runs_in_time_prove_p99(runs: int, over: int, is_met: bool, missing: int) -> None:
    found = latency([60.0] * over + [12.0] * (runs - over), "bench", 50.0)
    assert (found.over, found.is_met, found.missing) == (over, is_met, missing)


def test_p99_is_bounded_by_a_rank() -> None:
    """Of 299 the largest (Wilks); of fewer nothing; of 473 the second largest."""
    assert tolerance([float(k) for k in range(299)], 0.99, 0.95) == 298.0
    assert tolerance([float(k) for k in range(298)], 0.99, 0.95) is None
    assert tolerance([float(k) for k in range(473)], 0.99, 0.95) == 471.0


def test_the_rank_bound_holds_for_a_skewed_distribution() -> None:
    rng = np.random.default_rng(2)
    true_p99 = math.exp(2.3263479)
    drawn = np.sort(np.exp(rng.standard_normal((300, 400))), axis=1)
    held = sum((tolerance(row.tolist(), 0.99, 0.95) or math.inf) >= true_p99 for row in drawn)
    assert held >= 0.92 * 300


def test_without_runs_it_is_not_measured() -> None:
    found = latency([], "not measured", 50.0)
    assert not found.is_measured
    assert not found.is_met
    assert found.missing == 299


def test_recovered_parts_of_a_bench_do_not_count(tmp_path: Path) -> None:
    rows = [{"latency_ms": 12.0, "recovered": False}, {"latency_ms": 9000.0, "recovered": True}]
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"machine": "two cores", "verdicts": rows}))
    assert of_bench(path) == ([12.0], "two cores")
    path.write_text("{}")
    with pytest.raises(ConfigError, match="edge bench --json"):
        of_bench(path)
