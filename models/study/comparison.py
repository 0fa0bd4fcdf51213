"""The comparison itself, a pure function of the answers kept: counts, intervals, paired tests.

Parts are the good ones, and the defective ones at or above their reject limit; what lies between is
neither an escape when passed nor a false reject when not. An *escape* is such a defect that passes,
a *false reject* a good part called a defect, and a good part left uncertain counts as rejected too:
`failed` is both. Limits are set on calibration parts, all on the good ones, so that every method
fails the same share of them; stacking is taught on them too. Then they are forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge.fusion.rules import RULES
from edge.manifest import Manifest
from models.answers import Answered
from models.dataset import Parts
from models.statistics import clopper_pearson, mcnemar
from models.study.baselines import ALONE, Judge, taught
from models.study.believed import Logits, believe
from models.study.kept import Kept
from models.study.opinion import Limits, Opinion, Truths, Verdicts, decide, settle
from models.study.scenarios import Scenario, disturbed, scenarios

UNGATED = ", no gate"  # the rule without the limit on conflict


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, and the exact 95 % interval."""

    events: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.events / self.trials


@dataclass(frozen=True, slots=True)
class Paired:
    """Against another method on the same parts: on how many only one of the two erred."""

    other: str
    escaped_here: int
    escaped_there: int
    escape_p: float  # exact McNemar
    failed_here: int
    failed_there: int
    failed_p: float


@dataclass(frozen=True, slots=True)
class Row:
    """One method in one scenario."""

    scenario: str
    method: str
    escapes: Rate
    failed: Rate  # good parts that did not pass: the next two together
    false_rejects: Rate
    uncertain_good: Rate
    uncertain_defective: Rate
    unanswered: int  # parts on which the rule has no answer; they are uncertain
    against: tuple[Paired, ...]  # the default rule, the best single detector


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, and what they rest on."""

    rows: tuple[Row, ...]
    scenarios: tuple[Scenario, ...]
    default: str
    best_alone: Mapping[str, str]  # scenario -> the detector with fewest escapes in calibration
    calibration_good: int
    false_rejects: float
    seed: int
    engine: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The verdicts of every method on the same parts."""

    verdicts: Mapping[str, Verdicts]
    opinions: Mapping[str, Opinion]
    is_good: Truths


def compare(kept: Kept, manifest: Manifest, *, rate: float, seed: int, jobs: int) -> Comparison:
    """Every rule and every baseline in every scenario; `rate` of good parts may fail to pass."""
    calibration, good_calibration = _judged(kept.calibration, manifest)
    compared, is_good = _judged(kept.comparison, manifest)
    rows = scenarios(manifest.detectors, manifest.good)
    trials = disturbed(rows, compared.int8, is_good, seed)
    asked: dict[str, Logits] = {f"for {name}": logits for name, logits in trials.items()}
    for names in {tuple(logits) for logits in trials.values()}:
        healthy = {name: calibration.int8[name][good_calibration] for name in names}
        asked[f"with {', '.join(names)}"] = healthy
    believed = believe(asked, manifest, jobs)

    found: list[Row] = []
    best_alone: dict[str, str] = {}
    settled: dict[tuple[str, ...], _Settled] = {}
    for scenario, logits in trials.items():
        names = tuple(logits)
        if names not in settled:
            by_rules = believed[f"with {', '.join(names)}"]
            settled[names] = _settle(calibration, good_calibration, names, by_rules, manifest, rate)
        methods = settled[names]
        opinions = _with_ungated(believed[f"for {scenario}"])
        opinions |= {name: judge(logits) for name, judge in methods.judges.items()}
        verdicts = {name: decide(one, methods.limits[name]) for name, one in opinions.items()}
        best_alone[scenario] = methods.best_alone
        trial = Trial(verdicts, opinions, is_good)
        found += [
            _row(scenario, name, trial, (manifest.rule, methods.best_alone)) for name in verdicts
        ]
    return Comparison(
        tuple(found),
        rows,
        manifest.rule,
        best_alone,
        int(good_calibration.sum()),
        rate,
        seed,
        kept.engine,
    )


@dataclass(frozen=True, slots=True)
class _Settled:
    """All that calibration parts are good for, for one set of working detectors."""

    judges: Mapping[str, Judge]
    limits: Mapping[str, Limits]
    best_alone: str


def _settle(
    calibration: Answered,
    is_good: Truths,
    names: tuple[str, ...],
    by_rules: Mapping[str, Opinion],
    manifest: Manifest,
    rate: float,
) -> _Settled:
    logits = {name: calibration.int8[name] for name in names}
    judges, opinions = taught(logits, calibration.truth.hypothesis, is_good, manifest)
    opinions |= _with_ungated(by_rules)
    limits = {name: settle(one, rate, gated=name in RULES) for name, one in opinions.items()}

    def escapes(method: str) -> int:
        passed = decide(judges[method](logits), limits[method]).passed
        return int(np.sum(passed & ~is_good))

    best = min((name + ALONE for name in names), key=escapes)
    return _Settled(judges, limits, best)


def _judged(answered: Answered, manifest: Manifest) -> tuple[Answered, Truths]:
    """Good parts and those at or above their reject limit, and which of them are good."""
    truth = answered.truth
    is_good = truth.hypothesis == manifest.hypotheses.index(manifest.good)
    kept = is_good | (truth.severity >= 1.0)
    parts = Parts(truth.hypothesis[kept], truth.severity[kept], np.empty(0))
    logits = {name: rows[kept] for name, rows in answered.int8.items()}
    return Answered(parts, logits, {}), is_good[kept]


def _with_ungated(by_rules: Mapping[str, Opinion]) -> dict[str, Opinion]:
    return {**by_rules, **{name + UNGATED: opinion for name, opinion in by_rules.items()}}


def _row(scenario: str, method: str, trial: Trial, others: tuple[str, ...]) -> Row:
    said, is_good = trial.verdicts[method], trial.is_good
    return Row(
        scenario,
        method,
        escapes=rate_of(said.passed, ~is_good),
        failed=rate_of(~said.passed, is_good),
        false_rejects=rate_of(said.defect, is_good),
        uncertain_good=rate_of(said.uncertain, is_good),
        uncertain_defective=rate_of(said.uncertain, ~is_good),
        unanswered=int(trial.opinions[method].is_silent.sum()),
        against=tuple(
            _paired(other, said, trial.verdicts[other], is_good)
            for other in others
            if other != method
        ),
    )


def _paired(other: str, here: Verdicts, there: Verdicts, is_good: Truths) -> Paired:
    escaped = discordant(here.passed, there.passed, ~is_good)
    failed = discordant(~here.passed, ~there.passed, is_good)
    return Paired(other, *escaped, mcnemar(*escaped), *failed, mcnemar(*failed))


def discordant(here: Truths, there: Truths, among: Truths) -> tuple[int, int]:
    """How often it happened here alone, and there alone."""
    return int(np.sum(here & ~there & among)), int(np.sum(there & ~here & among))


def rate_of(event: Truths, among: Truths) -> Rate:
    """How often it happened among these."""
    events, trials = int(np.sum(event & among)), int(among.sum())
    return Rate(events, trials, *clopper_pearson(events, trials))
