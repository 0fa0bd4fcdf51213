"""What a PLC is told of a verdict. Pure."""

import json
from dataclasses import dataclass

from edge.publish.delivery import Delivery
from edge.verdict import Decision, ErrorCode


@dataclass(frozen=True, slots=True)
class Reply:
    """The fields that are written together, before ResultReady."""

    result: Decision
    defect_code: int
    result_sequence: int
    late: bool
    error_code: ErrorCode


def reply(one: Delivery, *, is_stale: bool) -> Reply:
    """A late ejection hits the wrong part: whatever is not fresh is Late, UNCERTAIN, and says why.

    `is_stale`: it has waited too long in this box for its part to be still where it was.
    """
    body = json.loads(one.body)
    why = _why_late(one, ErrorCode(body["error_code"]), is_late=body["late"] or is_stale)
    if why is not None:
        return Reply(Decision.UNCERTAIN, 0, body["sequence"], True, why)
    return Reply(
        Decision(body["decision_code"]),
        body["defect_code"],
        body["sequence"],
        False,
        ErrorCode(body["error_code"]),
    )


def _why_late(one: Delivery, error: ErrorCode, *, is_late: bool) -> ErrorCode | None:
    if error == ErrorCode.RECOVERED:
        return ErrorCode.RECOVERED
    if one.is_replayed:
        return ErrorCode.REPLAYED
    return None if one.is_fresh and not is_late else ErrorCode.EXPIRED
