"""Calibrates a bundle: candidates from tuning parts, a test on certifying parts, a certificate.

Every set of detectors that may be at work has a row of thresholds of its own, and the promise of a
row is made for it alone: at any time a line works with one set, and the row in use is right with
the stated confidence. That all rows are right at once is not promised; Holm's adjusted p-values of
the report say which of them would be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from edge.bundle import MANIFEST, Bundle, load
from edge.certificate import Certificate, Costs, Promise
from edge.manifest import Manifest, Thresholds
from models import toml
from models.calibration.alone import Alone, compared
from models.calibration.candidates import Counts, counted, path, without_repeats
from models.calibration.evidence import Evidence
from models.calibration.standings import Standings, standings, subsets
from models.calibration.testing import Outcome, certified
from models.statistics import upper_bound

MULTIPLICITY = "each row by itself, not all rows at once"
ASSUMPTION = (
    "Parts are drawn as the tested ones were, independently: same kinds, sizes and shares of "
    "defects, same sensors, mounting and surroundings. Escapes are counted among parts at or above "
    "their reject limit whose defect the sensors at work can see; an absent sensor that the plant "
    "accepts excludes nothing of what it alone could see."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be promised, and what outcomes cost.

    Raises:
        ValueError: a rate that is no share, or a confidence that a coin has.
    """

    escape_rate: float = 0.007
    confidence: float = 0.95
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        if not (0.0 < self.escape_rate < 1.0 and 0.5 < self.confidence < 1.0):
            raise ValueError(
                f"escape rate {self.escape_rate:g} at confidence {self.confidence:g}: expected a "
                "rate between 0 and 1 and a confidence between 0.5 and 1"
            )


@dataclass(frozen=True, slots=True)
class Row:
    """One set of detectors: what was chosen for it, and how that went."""

    names: tuple[str, ...]
    outcome: Outcome
    tuned: Counts  # of the chosen setting, on the tuning parts
    parts: Standings


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that was found; `manifest` is the bundle's, with its new thresholds."""

    wanted: Wanted
    rows: tuple[Row, ...]
    manifest: Manifest
    alone: tuple[Alone, ...] = ()  # each sensor against all of them; none where there is but one


def calibrate(
    bundle: Bundle,
    tuning: Evidence,
    certifying: Evidence,
    wanted: Wanted,
    *,
    described: tuple[str, str],
) -> Calibration:
    """Thresholds of every set of detectors, and the certificate of those that hold.

    `described` says in words what the tuning and the certifying parts are.
    """
    rows = [
        _row(standings(tuning, bundle, names), standings(certifying, bundle, names), wanted)
        for names in subsets(bundle.manifest)
    ]
    limits = [row.outcome.chosen.limits for row in rows]
    manifest = bundle.manifest.model_copy(
        update={"thresholds": (_every_other(limits), *limits), "certificate": None}
    )
    manifest = Manifest.model_validate(manifest.model_dump())  # its hashes are worked out anew
    promises = tuple(_promise(row, wanted) for row in rows if row.outcome.is_certified)
    if promises:
        certificate = Certificate(
            escape_rate=wanted.escape_rate,
            confidence=wanted.confidence,
            multiplicity=MULTIPLICITY,
            assumption=ASSUMPTION,
            parts=len(certifying),
            data=described[1],
            data_sha256=certifying.sha256,
            tuning=described[0],
            engines=dict(certifying.ran),
            costs=wanted.costs,
            created=datetime.now(UTC).date().isoformat(),
            vouched_sha256=manifest.vouched_sha256,
            promises=promises,
        )
        manifest = manifest.model_copy(update={"certificate": certificate})
    return Calibration(wanted, tuple(rows), manifest, tuple(_alone(rows, certifying)))


def _row(tuning: Standings, certifying: Standings, wanted: Wanted) -> Row:
    candidates = list(without_repeats(path(tuning, wanted.costs)))
    outcome = certified(candidates, certifying, wanted.costs, wanted.escape_rate, wanted.confidence)
    return Row(tuning.names, outcome, counted(tuning, outcome.chosen.limits), certifying)


def _alone(rows: Sequence[Row], certifying: Evidence) -> list[Alone]:
    everyone, singles = rows[0], [row.parts for row in rows if len(row.names) == 1]
    if len(everyone.names) == 1:
        return []
    return compared(certifying, everyone.parts, everyone.outcome.chosen.limits, singles)


def _promise(row: Row, wanted: Wanted) -> Promise:
    chosen, parts = row.outcome.chosen, row.parts
    counts = chosen.counts
    unseen = int(parts.is_unasked.sum())
    return Promise(
        sensors=row.names,
        defects=counts.defects,
        escapes=int(counts.escapes),
        p_value=_significant(chosen.p_value),
        upper_bound=_significant(
            upper_bound(int(counts.escapes), counts.defects, wanted.confidence)
        ),
        uncertain_defects=int(counts.uncertain_defects),
        good=counts.good,
        false_rejects=int(counts.false_rejects),
        uncertain_good=int(counts.uncertain_good),
        unasked=parts.unasked,
        unasked_share=_significant(unseen / (unseen + counts.defects)),
    )


def _every_other(limits: Sequence[Thresholds]) -> Thresholds:
    """Where nothing was calibrated: as strict as the strictest row, and as slow to reject."""
    return Thresholds(
        ok_belief=max(one.ok_belief for one in limits),
        defect_belief=max(one.defect_belief for one in limits),
        conflict=min(one.conflict for one in limits),
    )


def _significant(value: float) -> float:
    return float(f"{value:.4g}")


def write(manifest: Manifest, folder: Path) -> None:
    """Put a manifest in place of the bundle's own.

    Raises:
        ValueError: read again, it is not the same.
    """
    file = folder / MANIFEST
    file.write_text(toml.dumps(manifest.model_dump(exclude_none=True)), encoding="utf-8")
    if load(folder).manifest != manifest:
        raise ValueError(f"{file} does not say what was meant")
