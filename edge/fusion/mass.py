"""Mass functions: how far the evidence supports each set of hypotheses, and no smaller one.

Shafer 1976, A Mathematical Theory of Evidence, chapters 2 and 11; Smets & Kennes 1994 for the
pignistic transform and for mass on the empty set (conflict that a rule kept; an open world).
"""

import math
from collections.abc import ItemsView, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge.fusion.frame import Frame

TOLERANCE = 1e-9  # of the sum; what is inside it is normalised away


@dataclass(frozen=True, slots=True)
class Mass:
    """A mass function. `focal` holds the sets with mass above 0, as bit masks of the frame."""

    frame: Frame
    focal: Mapping[int, float]

    def __post_init__(self) -> None:
        everything = self.frame.everything
        for mask, value in self.focal.items():
            if not 0 <= mask <= everything:
                self.frame.check(mask)
            if not value >= 0.0:  # NaN too
                raise ValueError(f"mass of {self.frame.label(mask)} is {value}; expected >= 0")
        total = math.fsum(self.focal.values())
        if not abs(total - 1.0) <= TOLERANCE:
            raise ValueError(f"masses sum to {total!r}; expected 1 within {TOLERANCE}")
        kept = {mask: float(value) / total for mask, value in self.focal.items() if value}
        object.__setattr__(self, "focal", MappingProxyType(kept))

    def __getitem__(self, mask: int) -> float:
        return self.focal.get(mask, 0.0)

    def items(self) -> ItemsView[int, float]:
        return self.focal.items()

    @property
    def ignorance(self) -> float:
        """Mass of the whole frame: what the evidence leaves wholly open."""
        return self[self.frame.everything]

    def belief(self, mask: int) -> float:
        """Bel: mass of the non-empty subsets of `mask`, all of which says `mask` is true."""
        return math.fsum(v for focal, v in self.focal.items() if focal and not focal & ~mask)

    def plausibility(self, mask: int) -> float:
        """Pl: mass of the sets that meet `mask`, none of which says it is false."""
        return math.fsum(v for focal, v in self.focal.items() if focal & mask)

    def pignistic(self) -> dict[str, float]:
        """BetP: a probability of each hypothesis, every set's mass shared evenly inside it.

        Raises:
            ValueError: all mass is on the empty set, so nothing is left to share.
        """
        shared = 1.0 - self[0]
        if shared <= 0.0:
            raise ValueError("all mass is on the empty set: no probability follows from it")
        shares = [0.0] * len(self.frame.hypotheses)
        for focal, value in self.focal.items():
            each = value / (focal.bit_count() or 1) / shared
            for i in range(len(shares)):
                if focal >> i & 1:
                    shares[i] += each
        return dict(zip(self.frame.hypotheses, shares, strict=True))


def vacuous(frame: Frame) -> Mass:
    """Knowing nothing: what a missing sensor says."""
    return Mass(frame, {frame.everything: 1.0})


def discount(mass: Mass, reliability: float) -> Mass:
    """Shafer's discounting: keep this share of every mass, the rest becomes ignorance."""
    if not 0.0 <= reliability <= 1.0:
        raise ValueError(f"reliability is {reliability}; expected 0 to 1")
    everything = mass.frame.everything
    focal = {mask: reliability * value for mask, value in mass.items()}
    focal[everything] = focal.get(everything, 0.0) + (1.0 - reliability)
    return Mass(mass.frame, focal)
