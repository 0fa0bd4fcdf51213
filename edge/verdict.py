"""The verdict: one frozen value, one versioned JSON form.

Flat scalars come first, in an order a historian can read as columns; maps come last. Times stand
twice, ISO for people and epoch nanoseconds for machines. `docs/verdict.schema.json` is this file's
own output (`edge verdict schema`).

"Sensor to verdict" is from the last needed sample's acquisition (`clock.window_end_ns`) to the
verdict's publication. The body is sealed before it is published, so that every delivery carries the
same one; the instant of publication therefore travels beside it (MQTT user property
`published_ns`) and in the metrics.
"""

from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

SCHEMA_VERSION = 1


class Decision(IntEnum):
    """Codes a PLC reads in `Result`; 0 is never sent."""

    OK = 1
    DEFECT = 2
    UNCERTAIN = 3


class ErrorCode(IntEnum):
    """Why a result must not be acted upon, or with care; `ErrorCode` on the PLC."""

    NONE = 0
    DEGRADED = 1  # a sensor was missing or sick; the result stands
    EXPIRED = 2  # the verdict was ready too late for its part
    REPLAYED = 3  # delivered again after an interruption
    RECOVERED = 4  # the box was down: no data for this part


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClockPoints(_Part):
    """When what happened, epoch nanoseconds of the box; 0 where it never did."""

    trigger_ns: int  # the plant's edge, on the box's clock
    trigger_received_ns: int
    window_end_ns: int  # acquisition of the last needed sample
    received_ns: int  # arrival of the block that completed the last window
    ready_ns: int  # last window cut
    inferred_ns: int  # last detector's answer
    fused_ns: int
    sealed_ns: int  # body complete, handed to the outbox
    deadline_ns: int


Status = Literal["ok", "silent", "incomplete", "sick", "late", "failed"]


class Flip(_Part):
    """The least change of what one sensor said that would have decided otherwise."""

    share: float  # of its mass; just beyond it the decision is the other one
    to: str  # focal set "a|b" to which that share would move; all hypotheses: believed less
    said: str  # the class or classes that stand for this set; "" for believed less
    becomes: Literal["ok", "defect", "uncertain"]


class WindowReport(_Part):
    """What one of several windows of a sensor said, and how far it was believed."""

    offset_s: float  # from the trigger's edge to its start
    status: Status
    reason: str = ""
    probabilities: dict[str, float] = {}  # of each class, calibrated
    mass: dict[str, float] = {}  # focal set "a|b" -> mass
    reliability: float = 0.0
    coverage: float = 0.0
    gaps: int = 0
    clipped: float = 0.0
    repeated: float = 0.0
    skew_ms: float = 0.0
    drift_ppm: float = 0.0
    measured: dict[str, float] = {}  # what the bundle has limits for, learnt from healthy windows


class SensorReport(_Part):
    """What one sensor said, and how far it was believed.

    Where a sensor has several windows of a part, `mass` is that of all together, `probabilities`
    are those of the window that speaks most against a good part, and reliability, coverage and the
    like are the worst of any window.
    """

    status: Status
    reason: str = ""
    detector: str
    engine: str = ""
    probabilities: dict[str, float] = {}  # of each class, calibrated
    mass: dict[str, float] = {}  # focal set "a|b" -> mass
    reliability: float = 0.0
    clock: Literal["synchronised", "envelope", "doubtful", ""] = ""
    coverage: float = 0.0
    gaps: int = 0
    clipped: float = 0.0
    repeated: float = 0.0
    held: float = 0.0  # share of samples that equal the one before
    dark: float = 0.0  # share of black pixels, in the blackest picture
    skew_ms: float = 0.0  # how far its stamps disagree with the count of blocks, or with arrivals
    drift_ppm: float = 0.0  # of its clock against the box's
    measured: dict[str, float] = {}  # what the bundle has limits for, learnt from healthy windows
    baseline: str = ""  # the station's own good parts that it was judged by: hash, parts, date
    conflict_share: float = 0.0  # how much of the conflict it brings; over all sensors the whole
    conflict_with: dict[str, float] = {}  # other sensor -> conflict of these two alone
    flip: Flip | None = None  # None: no change of this sensor alone decides otherwise
    conflict_within: float = 0.0  # how far two of its windows contradict each other, at least
    windows: tuple[WindowReport, ...] = ()  # of several; one window is the report itself

    @model_serializer(mode="wrap")
    def _as_one_or_several(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A sensor with one window is told without the keys of several, and so on."""
        data: dict[str, Any] = handler(self)
        if not self.baseline:
            data.pop("baseline", None)
        if not self.windows:
            for key in ("conflict_within", "windows"):
                data.pop(key, None)
        return data


class Verdict(_Part):
    """What the plant is told of one part."""

    schema_version: Literal[1] = 1
    id: str
    site: str
    line: str
    station: str
    sequence: int
    part: str
    part_was_read: bool  # False: the plant had no id, `part` was generated
    recipe: str
    time: str  # ISO 8601 UTC of the trigger
    time_ns: int
    decision: Literal["ok", "defect", "uncertain"]
    decision_code: int
    defect: str  # hypothesis, "unknown" for a defect without a name, "" otherwise
    defect_code: int  # its index among the hypotheses, 0 when none, 255 unknown
    reason: str  # what decided, in words
    belief_ok: float
    plausibility_ok: float
    conflict: float
    ignorance: float
    degraded: bool
    degraded_reason: str
    recovered: bool  # judged after an interruption, without having watched the part
    late: bool  # ready after its deadline
    error_code: int
    sensor_to_sealed_ms: float  # window end to sealed; publication follows at once
    trigger_age_ms: float  # edge to arrival
    bundle: str
    bundle_version: str
    bundle_sha256: str
    rule: str
    good: str = ""  # the hypothesis that passes a part
    belief_defect: float | None = None  # in any defect; None: sealed by an earlier release
    belief_passing: float | None = None  # in `good`, once nobody asks about `unasked`
    threshold_defect: float | None = None  # `belief_defect` of at least this rejects
    threshold_ok: float | None = None  # `belief_passing` of at least this passes
    threshold_conflict: float | None = None  # and `conflict` of at most this
    unasked: str = ""  # defects "a|b" that only absent, accepted sensors could have ruled out
    barred: str = ""  # why it may not pass whatever the sensors at work say
    certified: bool = False  # the escape rate promised covers this part: see `certificate`
    certificate: str = ""  # what is promised, or why nothing is; "": an earlier release
    counterfactual: str = ""  # what would have decided otherwise, in words
    flip_sensor: str = ""  # whose `flip` is the least; "" where there is none
    flip_share: float | None = None
    belief: dict[str, float]
    plausibility: dict[str, float]
    sensors: dict[str, SensorReport]
    clock: ClockPoints

    def body(self) -> bytes:
        """The one JSON form: compact UTF-8, keys in the order above."""
        return self.model_dump_json().encode()


def iso(epoch_ns: int) -> str:
    """ISO 8601 in UTC with microseconds."""
    return datetime.fromtimestamp(epoch_ns / 1e9, UTC).isoformat(timespec="microseconds")
