"""What is wrong with a part: one hypothesis and how far it has gone."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

HYPOTHESES: tuple[str, ...] = (
    "ok",
    "scratch",
    "crack",
    "imbalance",
    "bearing_outer",
    "bearing_inner",
    "rub",
    "loose_cover",
)

SEVERITY_RANGE = (0.4, 3.0)


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """The size at which a defect is rejected: what a drawing or a standard would state."""

    quantity: str
    value: float
    unit: str


REJECT_LIMIT: MappingProxyType[str, RejectLimit] = MappingProxyType(
    {
        "scratch": RejectLimit("length", 7.0, "mm"),
        "crack": RejectLimit("length", 8.0, "mm"),
        # ISO 21940-11, grade G 16 (16 mm/s) for a rotor of 1.6 kg at 2000 rpm.
        "imbalance": RejectLimit("unbalance", 120.0, "g·mm"),
        "bearing_outer": RejectLimit("spall width", 0.8, "mm"),
        "bearing_inner": RejectLimit("spall width", 0.8, "mm"),
        "rub": RejectLimit("peak contact force", 2.0, "N"),
        "loose_cover": RejectLimit("gap", 0.4, "mm"),
    }
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One defect; severity 1.0 is its reject limit, and 0 belongs to ok alone."""

    hypothesis: str
    severity: float

    def __post_init__(self) -> None:
        if self.hypothesis not in HYPOTHESES:
            raise ValueError(
                f"unknown hypothesis {self.hypothesis!r}: use one of {', '.join(HYPOTHESES)}"
            )
        if (self.severity == 0.0) != (self.hypothesis == "ok") or self.severity < 0.0:
            raise ValueError(
                f"severity {self.severity} does not fit {self.hypothesis!r}: "
                "ok has severity 0, every defect a positive one"
            )

    @property
    def is_reject(self) -> bool:
        return self.hypothesis != "ok" and self.severity >= 1.0

    @property
    def magnitude(self) -> float:
        """Size in the unit of `REJECT_LIMIT`; 0 for ok."""
        if self.hypothesis == "ok":
            return 0.0
        return self.severity * REJECT_LIMIT[self.hypothesis].value

    def severity_of(self, *hypotheses: str) -> float:
        """Severity if this cause is one of `hypotheses`, else 0."""
        return self.severity if self.hypothesis in hypotheses else 0.0


OK = Cause("ok", 0.0)


def draw_cause(rng: np.random.Generator, *, defect_share: float = 0.5) -> Cause:
    """Ok with probability 1 - `defect_share`, else any defect; severity log-uniform."""
    is_defect = rng.random() < defect_share
    hypothesis = HYPOTHESES[int(rng.integers(1, len(HYPOTHESES)))]
    severity = float(np.exp(rng.uniform(*np.log(SEVERITY_RANGE))))
    return Cause(hypothesis, severity) if is_defect else OK
