"""What a shadow said, held against what was published; whether that is enough. Pure."""

import math
from collections import Counter, deque
from dataclasses import dataclass

from edge.live.rules import PromoteAfter

SHOWN = 1000  # parts that agreement and times are of, where no rule says how many


@dataclass(frozen=True, slots=True)
class Compared:
    """One part, judged twice from the same windows."""

    id: str  # of its verdict
    said: str  # by the shadow: "ok", "defect rub", "uncertain"; "" where it gave no answer
    published: str
    took_ms: float  # what its verdict would have taken: the published one's, with its networks'
    published_ms: float
    failed: str = ""  # why it gave no answer

    @property
    def agrees(self) -> bool:
        return not self.failed and self.said == self.published

    @property
    def outcome(self) -> str:
        return "failed" if self.failed else "agrees" if self.agrees else "differs"


class Tally:
    """The last parts of one shadow, and how many there were of each outcome."""

    def __init__(self, rule: PromoteAfter | None) -> None:
        self._rule = rule
        self._recent: deque[Compared] = deque(maxlen=rule.parts if rule else SHOWN)
        self.outcomes: Counter[str] = Counter()  # agrees, differs, failed; skipped: had no time
        self.differences: Counter[tuple[str, str]] = Counter()  # (published, said)

    def add(self, one: Compared) -> None:
        self._recent.append(one)
        self.outcomes[one.outcome] += 1
        if one.outcome == "differs":
            self.differences[one.published, one.said] += 1

    def skip(self) -> None:
        """A part that there was no time to judge twice: it says nothing either way."""
        self.outcomes["skipped"] += 1

    @property
    def parts(self) -> int:
        """Among which agreement, failures and times are counted."""
        return len(self._recent)

    @property
    def agreement(self) -> float:
        return sum(one.agrees for one in self._recent) / max(1, self.parts)

    @property
    def failures(self) -> int:
        return sum(bool(one.failed) for one in self._recent)

    @property
    def p99_ms(self) -> float:
        """Nearest rank; of fewer than 100 parts that is the largest."""
        return _p99([one.took_ms for one in self._recent if not one.failed])

    @property
    def published_p99_ms(self) -> float:
        """Of the same parts, as they were published."""
        return _p99([one.published_ms for one in self._recent if not one.failed])

    @property
    def lacks(self) -> str:
        """What of the rule is not fulfilled; "" where all of it is."""
        rule = self._rule
        if rule is None:
            return "no rule: by command alone"
        if self.parts < rule.parts:
            return f"{self.parts} of {rule.parts} parts"
        if self.failures > rule.failures:
            return f"{self.failures} failures, at most {rule.failures}"
        if self.agreement < rule.agreement:
            return f"agreement {self.agreement:.2%}, at least {rule.agreement:.2%}"
        if rule.p99_ms is not None and not self.p99_ms <= rule.p99_ms:
            return f"p99 {self.p99_ms:.1f} ms, at most {rule.p99_ms:g}"
        return ""

    def words(self) -> str:
        """In one line."""
        return (
            f"agreement {self.agreement:.2%} over {self.parts} parts, {self.failures} failures, "
            f"p99 {self.p99_ms:.1f} ms (published: {self.published_p99_ms:.1f})"
        )


def _p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else math.nan
