"""The proof with faults: what a sensor whose signal goes wrong does to the verdicts, monitors on.

Every mishap is held against the same parts with that sensor *told* missing, paired. Under "accept"
its own defects are then not asked about, under "inspect" no part passes; both are stated. The
requirement: a sensor that goes wrong lets no more defects pass than one that is told missing
(within the exact 95 % interval of that rate), unless it lets no more pass than when nothing is
wrong; and of the good parts at most one in a hundred more fail than when it is told missing,
with the same exception. A good part that is left uncertain has failed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.config import Sensor
from edge.inference.detector import Score
from edge.judge import Answer, Heard, hear, weigh
from models.statistics import mcnemar
from models.study.comparison import Rate, discordant, rate_of
from models.study.mishaps import Mishap
from models.study.witnessed import Said, Witnessed, sensors_of
from sensors.signal import Window

Policy = Literal["accept", "accept, inspect foreign", "inspect"]
POLICIES: dict[Policy, dict[str, str]] = {  # what the plant does with a sensor that is absent
    "accept": {"on_missing": "accept", "on_foreign": "accept"},
    "accept, inspect foreign": {"on_missing": "accept", "on_foreign": "inspect"},
    "inspect": {"on_missing": "inspect", "on_foreign": "inspect"},
}
ALLOWED = 0.01  # of good parts, that may fail beyond those that fail without the sensor
HARMLESS_MS = 20.0  # by which a window may lie wrong in time
SOUND, MISSING = "nothing is wrong", "told missing"

Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Row:
    """One mishap of one sensor, or one of the two it is held against."""

    sensor: str
    policy: Policy
    group: str
    mishap: str
    escapes: Rate  # of defects
    failed: Rate  # of good parts: the next two together
    false_rejects: Rate
    uncertain_good: Rate
    uncertain_defective: Rate
    noticed: Rate  # of all parts: the sensor is silent, incomplete, late or sick
    misled: Rate  # of all parts: it is believed though its window lies wrong in time
    escaped_more: tuple[int, int]  # defects that escape here alone, with the sensor missing alone
    escape_p: float  # exact McNemar
    failed_more: tuple[int, int]  # the same of good parts that fail
    failed_p: float
    faults: tuple[str, ...]  # of the requirement; none: it holds


@dataclass(frozen=True, slots=True)
class Proof:
    """All rows, and what they rest on."""

    rows: tuple[Row, ...]
    parts: int
    bundle: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of one part."""

    decision: str
    is_noticed: bool
    is_misled: bool


def prove(
    parts: Iterable[Witnessed], bundle: Bundle, rows: Sequence[Mishap], modes: Sequence[Policy]
) -> Proof:
    """Every part, judged by the appliance's own fusion in every mishap.

    Raises:
        ValueError: no good part, or none with a defect.
    """
    found: dict[tuple[Policy, str, str], list[_Outcome]] = {}
    truths = []
    for part in parts:
        truths.append(part.is_good)
        for mode in modes:
            for sensor, name, outcome in _outcomes(part, bundle, mode):
                found.setdefault((mode, sensor, name), []).append(outcome)
    is_good = np.array(truths, bool)
    if is_good.all() or not is_good.any():
        raise ValueError(f"{is_good.size} parts, all alike: judge more, good ones and defects")
    groups = {SOUND: "", MISSING: ""} | {row.name: row.group for row in rows}
    trials = {key: _Trial(outcomes, is_good) for key, outcomes in found.items()}
    return Proof(
        tuple(_row(sensor, mode, groups[name], name, trials) for mode, sensor, name in trials),
        len(truths),
        f"{bundle.label} {bundle.sha256[:12]}",
    )


class _Trial:
    """The outcomes of all parts in one mishap."""

    def __init__(self, outcomes: Sequence[_Outcome], is_good: Truths) -> None:
        said = np.array([one.decision for one in outcomes])
        self.is_good = is_good
        self.passed: Truths = said == "ok"
        self.rejected: Truths = said == "defect"
        self.uncertain: Truths = said == "uncertain"
        self.noticed = np.array([one.is_noticed for one in outcomes])
        self.misled = np.array([one.is_misled for one in outcomes])


def _row(
    sensor: str,
    mode: Policy,
    group: str,
    name: str,
    trials: Mapping[tuple[Policy, str, str], _Trial],
) -> Row:
    here, sound, missing = (trials[mode, sensor, one] for one in (name, SOUND, MISSING))
    good, everyone = here.is_good, np.ones(here.is_good.size, bool)
    escaped = discordant(here.passed, missing.passed, ~good)
    failed = discordant(~here.passed, ~missing.passed, good)
    escapes, fails = rate_of(here.passed, ~good), rate_of(~here.passed, good)
    limit = rate_of(missing.passed, ~good)
    allowed = rate_of(~missing.passed, good)
    faults = []
    if escapes.share > limit.high and escapes.events > rate_of(sound.passed, ~good).events:
        faults.append("escapes")
    if fails.share > allowed.share + ALLOWED and fails.events > rate_of(~sound.passed, good).events:
        faults.append("good parts fail")
    return Row(
        sensor,
        mode,
        group,
        name,
        escapes=escapes,
        failed=fails,
        false_rejects=rate_of(here.rejected, good),
        uncertain_good=rate_of(here.uncertain, good),
        uncertain_defective=rate_of(here.uncertain, ~good),
        noticed=rate_of(here.noticed, everyone),
        misled=rate_of(here.misled, everyone),
        escaped_more=escaped,
        escape_p=mcnemar(*escaped),
        failed_more=failed,
        failed_p=mcnemar(*failed),
        faults=tuple(faults),
    )


def _outcomes(part: Witnessed, bundle: Bundle, mode: Policy) -> Iterator[tuple[str, str, _Outcome]]:
    """(sensor, mishap, outcome) of one part."""
    sensors = {
        name: one.model_copy(update=POLICIES[mode]) for name, one in sensors_of(bundle).items()
    }
    sound = {name: hear(answer(sensors[name], said), bundle) for name, said in part.sound.items()}
    decided: dict[object, str] = {}  # most mishaps end in one of a few answers

    def outcome(name: str, one: Heard, said: Said | None) -> _Outcome:
        is_at_work = one.report.reliability > 0.0
        key = name, is_at_work, one.unfamiliar, tuple(one.mass.items())
        if key not in decided:
            heard = [one if other == name else sound[other] for other in sensors]
            decided[key] = weigh(heard, bundle).decided.decision
        is_wrong = said is not None and abs(said.error_ms) > HARMLESS_MS
        return _Outcome(decided[key], one.report.status != "ok", is_at_work and is_wrong)

    for name, sensor in sensors.items():
        yield name, SOUND, outcome(name, sound[name], part.sound[name])
        yield name, MISSING, outcome(name, hear(missing(sensor), bundle), None)
        for mishap, said in part.troubled[name].items():
            one = hear(answer(sensor, said), bundle)
            yield name, mishap, outcome(name, one, said)


def missing(sensor: Sensor) -> Answer:
    """As the plant would say it."""
    return Answer(sensor, "silent", MISSING)


def answer(sensor: Sensor, said: Said) -> Answer:
    """What was kept of an answer, as the fusion takes it: without recordings and times."""
    window = score = None
    if said.quality is not None:
        window = Window(sensor.id, np.empty(0, np.float32), 0, 0, 0, 0, said.clock, said.quality)
    if said.logits is not None:
        logits = np.array(said.logits, np.float32)
        embedding = None if said.embedding is None else np.array(said.embedding, np.float32)
        score = Score(sensor.id, sensor.input, logits, None, embedding, 0, 0, "kept", "int8")
    return Answer(sensor, said.status, said.reason, window, score)
