"""The first parts of a promoted bundle: it stays, or it goes. Pure."""

from edge.live.rules import Probation


class OnProbation:
    """Counts what goes wrong until `rule.parts` parts are judged."""

    def __init__(self, rule: Probation, deadline_ms: float, sha256: str) -> None:
        self.sha256 = sha256  # of its manifest
        self._rule = rule
        self._slow_ms = rule.slow_ms or deadline_ms
        self.parts = 0
        self.failures = 0
        self.slow = 0

    def add(self, *, failed: bool, unanswered: bool, took_ms: float) -> None:
        """A part: whether a network broke off, or gave no answer in time; and its latency."""
        self.parts += 1
        self.failures += failed
        self.slow += unanswered or took_ms > self._slow_ms

    @property
    def fault(self) -> str:
        """Why it goes; "" while it may stay."""
        rule, of = self._rule, f"of its first {self.parts} parts"
        if self.failures > rule.failures:
            return f"its networks failed on {self.failures} {of}; allowed are {rule.failures}"
        if self.slow > rule.slow:
            return (
                f"{self.slow} {of} took longer than {self._slow_ms:g} ms; allowed are {rule.slow}"
            )
        return ""

    @property
    def is_over(self) -> bool:
        return self.parts >= self._rule.parts

    def words(self) -> str:
        """In one line."""
        return (
            f"part {self.parts} of {self._rule.parts}, {self.failures} failures, {self.slow} slow"
        )
