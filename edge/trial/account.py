"""Who was announced, who was judged, and whether the two agree. Pure: facts come in as arguments.

Two independent witnesses are held against each other: the PLC's ledger, which knows every trigger
it gave and every result it took, and a subscriber of our own to the verdicts' topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.verdict import Decision, Verdict
from sensors.recording import Truth

Key = tuple[str, int]  # station, sequence


@dataclass(frozen=True, slots=True)
class Announced:
    """A trigger as the plant gave it."""

    station: str
    sequence: int
    part: str
    edge_ns: int  # box clock
    pool_index: int = 0  # which recorded part stood there, from 0

    @property
    def key(self) -> Key:
        return self.station, self.sequence


@dataclass(frozen=True, slots=True)
class Taken:
    """A result that the PLC took out of its mailbox."""

    code: int  # Decision
    is_late: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery of a verdict to the witness."""

    received_ns: int  # box clock
    wall_anchor_ns: int  # epoch minus monotonic time at that moment
    body: bytes = field(repr=False)
    published_ns: int = 0  # epoch; 0 where the protocol cannot carry it


@dataclass(frozen=True, slots=True)
class Row:
    """One part, as far as it is known: what the live table and the figures are made of."""

    announced: Announced | None  # None: a verdict on a trigger that nobody gave
    verdict: Verdict
    truth: Truth | None
    latency_ms: float  # later of true window end and trigger arrival, to the witness
    own_latency_ms: float  # the same by the daemon's own clock points, to its publication
    edge_error_ms: float = 0.0  # where the daemon put the part's edge, against the truth


class Account:
    """The books of one trial. `window_ns` is from the edge to the last sample that is needed."""

    def __init__(self, window_ns: int, truths: Mapping[str, Mapping[int, Truth]]) -> None:
        self._window_ns = window_ns
        self._truths = truths  # by station, by index of the recorded part, from 1
        self._bodies: dict[Key, list[bytes]] = {}
        self.announced: dict[Key, Announced] = {}
        self.echo_ns: dict[Key, int] = {}
        self.results: dict[Key, list[Taken]] = {}
        self.redelivered = 0
        self._closed_ns = 1 << 63
        self._first: dict[Key, tuple[Verdict, Receipt]] = {}

    def announce(self, trigger: Announced) -> None:
        self.announced[trigger.key] = trigger

    def echo(self, key: Key, at_ns: int) -> None:
        """The daemon told the PLC that it has this trigger; the first time counts."""
        self.echo_ns.setdefault(key, at_ns)

    def result(self, key: Key, taken: Taken) -> None:
        self.results.setdefault(key, []).append(taken)

    def receive(self, receipt: Receipt) -> Key | None:
        """A delivery; the trigger's key when it is the first verdict on it.

        Raises:
            ValueError: the body is not a verdict of the published schema.
        """
        verdict = Verdict.model_validate_json(receipt.body)
        key = verdict.station, verdict.sequence
        bodies = self._bodies.setdefault(key, [])
        if receipt.body in bodies:
            self.redelivered += 1
            return None
        bodies.append(receipt.body)
        if len(bodies) > 1:
            return None
        self._first[key] = verdict, receipt
        return key

    @property
    def judged(self) -> int:
        """Triggers that were given and have a verdict."""
        return len(self.announced.keys() & self._first.keys())

    def rows(self) -> list[Row]:
        """Every verdict in the order of its first delivery, with all that is known by now."""
        return [self.row(key) for key in self._first]

    def close(self, at_ns: int) -> None:
        """Parts whose edge comes later do not count: the trial is being ended."""
        self._closed_ns = at_ns

    @property
    def missing(self) -> list[Key]:
        """Triggers without a verdict."""
        return sorted(
            key
            for key, trigger in self.announced.items()
            if key not in self._first and trigger.edge_ns <= self._closed_ns
        )

    @property
    def unheard(self) -> list[Key]:
        """Of the missing, those that were never echoed: the PLC forgot them before anyone asked."""
        return [key for key in self.missing if key not in self.echo_ns]

    @property
    def duplicates(self) -> list[Key]:
        """Triggers with two different verdicts."""
        return sorted(key for key, bodies in self._bodies.items() if len(bodies) > 1)

    @property
    def unannounced(self) -> list[Key]:
        """Verdicts on triggers that the plant never gave."""
        return sorted(self._first.keys() - self.announced.keys())

    @property
    def contradicted(self) -> list[Key]:
        """Triggers of which the PLC was told something else than the subscriber.

        A late result is uncertain whatever the verdict: acting upon it would hit another part.
        """
        return sorted(
            key
            for key, results in self.results.items()
            if key in self._first
            for verdict in [self._first[key][0]]
            if any(
                taken.code != (Decision.UNCERTAIN if taken.is_late else verdict.decision_code)
                for taken in results
            )
        )

    def row(self, key: Key) -> Row:
        verdict, receipt = self._first[key]
        announced = self.announced.get(key)
        clock = verdict.clock
        arrival_ns = clock.trigger_received_ns - receipt.wall_anchor_ns
        if key in self.echo_ns:  # it cannot have come later than it was echoed
            arrival_ns = min(arrival_ns, self.echo_ns[key])
        believed_ns = clock.trigger_ns - receipt.wall_anchor_ns
        edge_ns = announced.edge_ns if announced else believed_ns
        start_ns = max(edge_ns + self._window_ns, arrival_ns)
        own_end_ns = receipt.published_ns or clock.sealed_ns
        own_start_ns = max(clock.window_end_ns, clock.trigger_received_ns)
        return Row(
            announced,
            verdict,
            self._truth(announced),
            latency_ms=(receipt.received_ns - start_ns) / 1e6,
            own_latency_ms=(own_end_ns - own_start_ns) / 1e6,
            edge_error_ms=(believed_ns - edge_ns) / 1e6,
        )

    def _truth(self, announced: Announced | None) -> Truth | None:
        if announced is None:
            return None
        return self._truths.get(announced.station, {}).get(announced.pool_index + 1)
