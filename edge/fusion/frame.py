"""The frame of discernment: every state a part can be in, exactly one of which is true."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_HYPOTHESES = 16
SEPARATOR = "|"
EMPTY = "∅"  # label of the empty set: mass there is conflict that a rule kept


@dataclass(frozen=True, slots=True)
class Frame:
    """Hypotheses in a fixed order; a subset is an int whose bit i stands for hypothesis i.

    Raises:
        ValueError: no hypothesis, more than 16, one twice, or a name that a label would garble.
    """

    hypotheses: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.hypotheses) <= MAX_HYPOTHESES:
            raise ValueError(
                f"a frame of {len(self.hypotheses)} hypotheses; it takes 1 to {MAX_HYPOTHESES}: "
                "merge those that no source tells apart"
            )
        if len(set(self.hypotheses)) < len(self.hypotheses):
            raise ValueError(
                f"a hypothesis stands twice in the frame {', '.join(self.hypotheses)}; "
                "leave one of the two"
            )
        for name in self.hypotheses:
            if not name or SEPARATOR in name or name == EMPTY:
                raise ValueError(
                    f"{name!r} cannot name a hypothesis: {SEPARATOR!r} joins the names of a set, "
                    f"{EMPTY!r} is the empty one; take another word"
                )

    @property
    def everything(self) -> int:
        """The whole frame: mass there is ignorance."""
        return (1 << len(self.hypotheses)) - 1

    def mask(self, names: Iterable[str]) -> int:
        """The subset of these hypotheses.

        Raises:
            ValueError: a name that is not in the frame.
        """
        mask = 0
        for name in names:
            try:
                mask |= 1 << self.hypotheses.index(name)
            except ValueError:
                raise ValueError(
                    f"{name!r} is not among the hypotheses {', '.join(self.hypotheses)}"
                ) from None
        return mask

    def names(self, mask: int) -> tuple[str, ...]:
        """The hypotheses of a subset, in the frame's order."""
        self.check(mask)
        return tuple(name for i, name in enumerate(self.hypotheses) if mask >> i & 1)

    def label(self, mask: int) -> str:
        """A subset for people and JSON: "scratch|crack"."""
        return SEPARATOR.join(self.names(mask)) or EMPTY

    def subset(self, label: str) -> int:
        """The subset of a label, as `label` writes it.

        Raises:
            ValueError: a name that is not in the frame.
        """
        return 0 if label == EMPTY else self.mask(label.split(SEPARATOR))

    def check(self, mask: int) -> None:
        """Refuse what is no subset of this frame.

        Raises:
            ValueError: a bit that stands for no hypothesis.
        """
        if not 0 <= mask <= self.everything:
            raise ValueError(
                f"set {mask:#b} is foreign to a frame of {len(self.hypotheses)} hypotheses "
                f"({', '.join(self.hypotheses)}); make it by this frame's own mask()"
            )
