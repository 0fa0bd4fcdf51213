"""What judges at one place of the running line: the active bundle, and what is being tried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.baseline import Offset
from edge.bundle import Bundle
from edge.live.probation import OnProbation
from edge.live.rules import Rules
from edge.live.tally import Tally
from edge.store.state import Place, Ref, State


@dataclass(slots=True)
class Post:
    """A place that takes its bundle from the store. Touched on the loop alone."""

    place: Place
    rules: Rules
    active: Bundle
    since_ns: int  # epoch: parts triggered from then on are judged by it
    offsets_of: Callable[[Bundle], Mapping[str, Offset]]  # of the station's baselines
    state: State | None = None  # of the store, as far as it is followed
    previous: Bundle | None = None  # ready to come back, as long as there is a probation
    probation: OnProbation | None = None
    shadow: Bundle | None = None
    tally: Tally | None = None  # of the shadow
    barred: str = ""  # manifest's sha256 of what was withdrawn here, until the store says so too
    refused: str = ""  # why what the store says is not followed

    @property
    def in_use(self) -> set[str]:
        """Manifests' sha256 of what must stay loaded for it."""
        ones = (self.active, self.previous, self.shadow)
        return {one.sha256 for one in ones if one is not None}

    def as_data(self) -> dict[str, Any]:
        """For whoever asks, JSON."""
        shadow, tally, probation = self.shadow, self.tally, self.probation
        return {
            **self.place._asdict(),
            "active": _ref(self.active),
            "since": iso(self.since_ns),
            "probation": probation.words() if probation else "",
            "shadow": _ref(shadow) if shadow else None,
            "compared": _compared(tally) if tally else None,
            "refused": self.refused,
        }


def ref_of(bundle: Bundle) -> Ref:
    manifest = bundle.manifest
    return Ref(name=manifest.name, version=manifest.version, sha256=bundle.sha256)


def iso(epoch_ns: int) -> str:
    return datetime.fromtimestamp(epoch_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def epoch_ns(text: str) -> int:
    """Of ISO 8601."""
    return round(datetime.fromisoformat(text).timestamp() * 1e3) * 1_000_000


def _ref(bundle: Bundle) -> dict[str, str]:
    return ref_of(bundle).model_dump()


def _compared(tally: Tally) -> dict[str, Any]:
    return {
        "parts": tally.parts,
        "agreement": round(tally.agreement, 5),
        "failures": tally.failures,
        "p99_ms": _number(tally.p99_ms),
        "published_p99_ms": _number(tally.published_p99_ms),
        "outcomes": dict(tally.outcomes),
        "differences": [[*pair, n] for pair, n in tally.differences.most_common()],
        "lacks": tally.lacks,
    }


def _number(value: float) -> float | None:
    return round(value, 3) if value == value else None  # noqa: PLR0124 - NaN: of no part
