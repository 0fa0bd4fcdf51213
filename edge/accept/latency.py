"""How often a verdict is late: a bound that assumes no distribution. Pure but for reading a file.

Of n independent verdicts none over the deadline: at most 1 in 100 is, at 95 % confidence, from
n = 299 on (0.99^299 < 0.05). Verdicts that follow each other closely are not quite independent.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.accept.exact import CONFIDENCE, binomial_cdf, needed, upper_bound
from edge.errors import ConfigError
from edge.verdict import Verdict

LATE_SHARE = 0.01  # p99: one in a hundred may be later


@dataclass(frozen=True, slots=True)
class Latency:
    """What is known of the time to the verdict."""

    source: str  # where the times come from, in words
    runs: int
    deadline_ms: float
    over: int
    late_bound: float  # one-sided upper bound of the share over the deadline; NaN without runs
    p50_ms: float
    largest_ms: float
    p99_bound_ms: float | None  # at the confidence; None where the runs are too few
    missing: int  # runs within the deadline that are still needed for the statement
    confidence: float

    @property
    def is_measured(self) -> bool:
        return self.runs > 0

    @property
    def is_met(self) -> bool:
        return self.is_measured and self.late_bound <= LATE_SHARE


def latency(
    times_ms: Sequence[float], source: str, deadline_ms: float, confidence: float = CONFIDENCE
) -> Latency:
    """The statement on these times."""
    ordered, runs = sorted(times_ms), len(times_ms)
    over = sum(one > deadline_ms for one in ordered)
    return Latency(
        source=source,
        runs=runs,
        deadline_ms=deadline_ms,
        over=over,
        late_bound=upper_bound(over, runs, confidence),
        p50_ms=ordered[(runs - 1) // 2] if runs else math.nan,
        largest_ms=ordered[-1] if runs else math.nan,
        p99_bound_ms=tolerance(ordered, 1.0 - LATE_SHARE, confidence),
        missing=max(0, needed(over, LATE_SHARE, confidence) - runs),
        confidence=confidence,
    )


def tolerance(ordered: Sequence[float], share: float, confidence: float) -> float | None:
    """A value that `share` of all runs stay below, at this confidence: one-sided, by ranks.

    Wilks 1941, Ann. Math. Statist. 12, 91-96. None where there are too few runs.
    """
    runs = len(ordered)
    for rank in range(max(1, int(share * runs)), runs + 1):
        if binomial_cdf(rank - 1, runs, share) >= confidence:
            return ordered[rank - 1]
    return None


def of_verdicts(verdicts: Iterable[Verdict | None], bundle_sha256: str) -> list[float]:
    """Times to sealing of the parts that this bundle watched and judged live, ms.

    From the later of the window's end and the trigger's arrival, as the deadline counts.
    """
    live = [
        one for one in verdicts if one and one.bundle_sha256 == bundle_sha256 and not one.recovered
    ]
    points = [one.clock for one in live if one.clock.sealed_ns and one.clock.window_end_ns]
    return [(at.sealed_ns - max(at.window_end_ns, at.trigger_received_ns)) / 1e6 for at in points]


def of_bench(path: Path) -> tuple[list[float], str]:
    """Times and machine of a file that `edge bench --json` wrote: to a subscriber's receipt, ms.

    Raises:
        ConfigError: not such a file.
    """
    try:
        data = json.loads(path.read_bytes())
        rows = [row for row in data["verdicts"] if not row["recovered"]]
        return [float(row["latency_ms"]) for row in rows], str(data["machine"])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: not what `edge bench --json FILE` writes: {error!r}; run the bench again"
        ) from error
