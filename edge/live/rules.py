"""When a bundle that judges in shadow may judge, and when one that was promoted may stay.

Rows of LINE.toml, `[stations.rules.RECIPE]`.
"""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from sensors.wiring import Row

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class PromoteAfter(Row):
    """What its last `parts` parts must show for a shadow to be promoted without being told."""

    parts: PositiveInt = 500
    agreement: Share = 0.99  # of decision and defect with what was published
    failures: NonNegativeInt = 0  # parts on which a network of it gave no answer
    p99_ms: PositiveFloat | None = None  # that its verdicts would have taken; None: not asked


class Probation(Row):
    """What a promoted bundle may do wrong within its first `parts` parts; more, and it goes."""

    parts: NonNegativeInt = 200  # 0: none
    failures: NonNegativeInt = 2  # parts on which a network gave no answer
    slow: NonNegativeInt = 10  # parts whose verdict took longer than `slow_ms`, or lacked an answer
    slow_ms: PositiveFloat | None = None  # None: budget.deadline_ms


class Rules(Row):
    """Of one station and recipe."""

    promote_after: PromoteAfter | None = None  # None: by command alone
    probation: Probation = Probation()
