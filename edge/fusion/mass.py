"""Mass functions: how far the evidence supports each set of hypotheses, and no smaller one.

Shafer 1976, A Mathematical Theory of Evidence, chapter 2; Smets & Kennes 1994, Artificial
Intelligence 66, 191-234, for the pignistic transform and for mass on the empty set (conflict that a
rule kept; an open world).

Sets are bit masks of the frame; every number is a share of 1.
"""

import math
from collections.abc import ItemsView, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge.fusion.frame import Frame

TOLERANCE = 1e-9  # of the sum; what is inside it is normalised away


@dataclass(frozen=True, slots=True)
class Mass:
    """A mass function. `focal` holds the sets with mass above 0, as bit masks of the frame.

    Raises:
        ValueError: a set that is foreign to the frame, a negative mass or NaN, or a sum that is not
            1 within 1e-9.
    """

    frame: Frame
    focal: Mapping[int, float]

    def __post_init__(self) -> None:
        everything = self.frame.everything
        for mask, value in self.focal.items():
            if not 0 <= mask <= everything:
                self.frame.check(mask)
            if not value >= 0.0:  # NaN too
                raise ValueError(
                    f"mass of {self.frame.label(mask)} is {value}; expected >= 0. A source that "
                    "cannot answer puts its mass on the whole frame"
                )
        total = math.fsum(self.focal.values())
        if not abs(total - 1.0) <= TOLERANCE:
            raise ValueError(
                f"masses sum to {total!r}; expected 1 within {TOLERANCE}. Give what is left over "
                "to the whole frame, or divide each by the sum"
            )
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

    def contour(self) -> tuple[float, ...]:
        """Plausibility of each hypothesis by itself, in the frame's order."""
        found = [0.0] * len(self.frame.hypotheses)
        for focal, value in self.focal.items():
            left = focal
            while left:
                found[(left & -left).bit_length() - 1] += value
                left &= left - 1
        return tuple(found)

    def commonality(self, mask: int) -> float:
        """q: mass of the sets that hold all of `mask`; of the empty set it is 1.

        Shafer 1976, ch. 2: it multiplies under conjunctive combination.
        """
        return math.fsum(v for focal, v in self.focal.items() if not mask & ~focal)

    def pignistic(self) -> dict[str, float]:
        """BetP: a probability of each hypothesis, every set's mass shared evenly inside it.

        Smets & Kennes 1994: what to bet by.

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

    def relative_plausibility(self) -> dict[str, float]:
        """The plausibility transform: a probability of each hypothesis, as its plausibility has it.

        Cobb & Shenoy 2006, Int. J. Approximate Reasoning 41, 314-330. It agrees with Dempster's
        rule: transform and combination may change places.

        Raises:
            ValueError: all mass is on the empty set, so nothing is plausible.
        """
        contour = self.contour()
        total = math.fsum(contour)
        if total <= 0.0:
            raise ValueError("all mass is on the empty set: no probability follows from it")
        shares = [one / total for one in contour]
        return dict(zip(self.frame.hypotheses, shares, strict=True))


def vacuous(frame: Frame) -> Mass:
    """Knowing nothing: what a missing sensor says."""
    return Mass(frame, {frame.everything: 1.0})
