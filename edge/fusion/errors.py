"""What a rule or a measure says of masses that it has no answer to."""


class TotalConflict(ArithmeticError):  # noqa: N818 - the textbook's word for it
    """The sources agree on nothing at all: discount them, or take a rule that moves conflict."""


class Undefined(ValueError):  # noqa: N818 - the textbook's word for it
    """The rule or the measure is not defined for such a mass: mend the mass or take another."""
